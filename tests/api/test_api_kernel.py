"""The Python interface in a real notebook kernel, with real runs on the digits."""

import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import labtui
from labtui.launch.queue.runner import is_running

DOCS = Path(__file__).parents[2] / "docs" / "python.md"

CATALOG = """
[defaults]
group = "Digits"
protocol = "report"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 2

[experiment.network]
title = "Network"

[experiment.dropout]
title = "Dropout"
factor = ["model.dropout"]
baseline = "network"
model.dropout = [0.3, 0.2]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "experiments.toml").write_text(CATALOG, "utf-8")
    return tmp_path


def execute(folder: Path, *cells: str) -> list[str]:
    """Execute cells in a kernel of their own, which then ends. Returns what each cell shows: text and HTML."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=170, resources={"metadata": {"path": str(folder)}}).execute()
    return [
        "\n".join(output.get("text", "") + "\n".join(output.get("data", {}).values()) for output in cell.outputs)
        for cell in notebook.cells
    ]


@pytest.mark.timeout(400)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_example_of_the_docs_runs_in_a_kernel(folder: Path) -> None:
    cells = re.findall(r"^```python\n(.*?)^```", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shown = execute(folder, *cells, "print(*[run.state for run in lab.runs()])")
    assert len(shown) == 6
    assert "<td>dropout</td>" in shown[0]
    assert "finished" in shown[1]
    assert "Dropout" in shown[2]
    assert "<table>" in shown[2]
    assert "verdict" in shown[3]
    assert "array(" in shown[4]
    assert shown[5].split() == ["finished"] * 6


@pytest.mark.timeout(400)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_queued_run_is_trained_although_its_kernel_has_ended_and_a_running_one_can_be_stopped(folder: Path) -> None:
    shown = execute(
        folder,
        "import asyncio, labtui; lab = labtui.open()",
        "print(asyncio.get_running_loop().is_running())",
        "first, = lab.run('network', epochs=100_000); second, = lab.run('dropout', epochs=1)",
        "while first.state != 'running': await asyncio.sleep(0.1)",
        "print(first.stop(), first.state)",
    )
    assert shown[1].strip() == "True"
    assert shown[2] == "", "nothing is printed"
    assert shown[4].split() == ["True", "stopped"]
    second, first = labtui.open(folder).runs()
    assert second.wait(timeout=170) == "finished"
    assert first.state == "stopped"
    deadline = time.monotonic() + 60
    while is_running(folder / "runs") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(folder / "runs"), "the queue runner ends with its work"


@pytest.mark.timeout(400)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_error_in_a_cell_is_a_lab_error_and_the_kernel_lives(folder: Path) -> None:
    shown = execute(
        folder,
        "import labtui; lab = labtui.open()",
        "try:\n    lab.run('dropot')\nexcept labtui.LabError as error:\n    print(type(error).__name__, error)",
        "print(len(lab.runs()))",
    )
    assert shown[1].startswith("UsageError")
    assert "dropout" in shown[1]
    assert shown[2].strip() == "0"
