"""What a command imports, measured in a clean interpreter, since import contracts cannot see it."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT, environment

HEAVY = {"torch", "torchvision", "textual", "numpy", "scipy", "matplotlib", "rich", "psutil", "sklearn", "tensorboard"}
HEAVY |= {"httpx"}

PROBE = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from labtui.cli.exits import main
with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
    main(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} | {n for n in sys.modules if "labtui" in n})))
"""


def imported(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, env=environment(), check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "line",
    ["ls", "ps", "show dropout", "config validate", "queue ls", "data ls", "logs last", "stop x", "rm x", "--dry-run"],
)
def test_listing_commands_import_nothing_heavy(line: str) -> None:
    assert imported(*line.split()) & HEAVY == set()


@pytest.mark.usefixtures("here")
def test_the_version_is_printed_without_opening_a_lab() -> None:
    found = imported("--version")
    assert found & (HEAVY | {"tomli"}) == set()
    assert not any(name.startswith("labtui.store") for name in found)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("line", ["compare", "devices", "run --dry-run dropout", ""])
def test_no_command_imports_torch_the_engine_or_textual(line: str) -> None:
    found = imported(*line.split())
    assert found & {"torch", "torchvision", "tensorboard", "textual", "labtui.engine"} == set()


def test_every_command_module_can_be_imported_without_torch() -> None:
    names = sorted(path.stem for path in (ROOT / "labtui" / "cli").glob("*.py"))
    program = "import importlib, sys; [importlib.import_module('labtui.cli.' + name) for name in sys.argv[1:]]"
    check = f"{program}; print([name for name in ('torch', 'textual', 'labtui.engine') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", check, *names], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout == "[]\n"


def test_text_imports_nothing_heavy() -> None:
    names = sorted(path.stem for path in (ROOT / "labtui" / "text").glob("*.py"))
    program = "import importlib, sys; [importlib.import_module('labtui.text.' + name) for name in sys.argv[1:]]"
    check = f"{program}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", check, *names], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout == "[]\n"
