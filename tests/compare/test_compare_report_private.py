"""A report can be given to anyone: it names no machine, no person and no folder of the lab that it was made in."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from labtui.compare.cells import cells
from labtui.compare.report.html import to_html
from labtui.compare.report.markdown import to_markdown
from labtui.compare.report.write import compose
from labtui.compare.run_data import RunData
from labtui.spec import Cnn
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.comparisons import judged, runs_of, spec, variant
from tests.support.processes import environment

LAB = Path(__file__).parents[1] / "assets" / "lab-0.1.0"
HOST = "workstation"
"""The machine on which that lab was made."""

ABSOLUTE = re.compile(r"(?<![\w/.<])/(?:home|Users|tmp|root|data|var|private|work)\b[^\s<]*")


@pytest.fixture
def telling(tmp_path: Path) -> Path:
    """A lab in a folder with a telling name, with finished, diverged, failed, stopped and lost runs."""
    folder = tmp_path / "ann-miller-secret-project"
    shutil.copytree(LAB, folder, ignore=shutil.ignore_patterns("printed"))
    return folder


def test_a_report_names_no_host_no_user_and_no_folder_of_its_lab(telling: Path) -> None:
    command = [sys.executable, "-m", "labtui", "report", "-o", "out"]
    state = {"XDG_STATE_HOME": str(telling / "state"), "XDG_CACHE_HOME": str(telling / "cache")}
    done = subprocess.run(
        command, cwd=telling, env={**os.environ, **environment(), **state}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in ("report.html", "report.md"):
        text = (telling / "out" / name).read_text()
        for word in ("ann-miller", "secret-project", HOST, str(Path.home()), str(telling.parent)):
            assert word not in text, f"{word} in {name}"
        assert ABSOLUTE.findall(re.sub(r"base64,[^\"]*", "", text)) == []
    page = (telling / "out" / "report.html").read_text()
    assert "Small/Plain/s0-" in page
    assert "labtui run " in page


def _of_ann(one: Run, reason: str = "") -> Run:
    assert one.launch is not None
    launch = msgspec.structs.replace(one.launch, host="ann-laptop", data_root="/home/ann/my data")
    return replace(one, folder=Path("/home/ann/secret lab/runs") / one.id, launch=launch, reason=reason)


def test_reasons_of_runs_keep_their_words_and_lose_machines_and_paths() -> None:
    base, dropout = spec(baseline=None), spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)))
    reason = "no heartbeat from ann-laptop for 3h; disk full: /home/ann/secret lab/runs/x.pt and /mnt/ann/big/y.bin"
    runs = [_of_ann(one) for one in (*runs_of(base, [60, 61, 62]), *runs_of(dropout, [61, 62, 63]))]
    runs[-1] = replace(_of_ann(runs[-1], reason), state=State.LOST, result=None)
    nothing = RunData(lambda _: {})
    table = judged(runs, [variant(base), variant(dropout)], run_data=nothing)
    document = compose(table, cells(runs), run_data=nothing, made=0.0)
    for text in (to_html(document), to_markdown(document).text.replace("\\", "")):
        assert "no heartbeat from its machine for 3h; disk full: x.pt and …/y.bin" in text
        assert not [word for word in ("ann-laptop", "/home", "secret lab", "/mnt/ann") if word in text]
