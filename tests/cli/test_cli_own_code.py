"""A user's own code from the command line: init, run, an edit; a stranger's catalog and a stranger's run."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from labtui.api import open_lab
from labtui.api.lifecycle import create
from labtui.api.planning import plan_runs
from labtui.api.trust import is_trusted, require_trust
from labtui.errors import UsageError
from labtui.launch.seal import is_own
from labtui.spec import LabModel
from labtui.store.records import SpecFile
from labtui.store.store import Store
from tests.support.command_line import Answer
from tests.support.own_code import MODELS, write_lab

Cli = Callable[..., Answer]


def executed(folder: Path) -> bool:
    return (folder / "executed").exists()


def trapped(folder: Path) -> Path:
    """A lab whose model leaves a file when it is imported."""
    return write_lab(folder, models=f"open({str(folder / 'executed')!r}, 'w').close()\n{MODELS}")


def spec_files(runs: Path) -> list[SpecFile]:
    return [msgspec.json.decode(run.paths.spec.read_bytes(), type=SpecFile) for run in Store(runs).scan()]


def test_init_writes_an_example_of_each_kind_and_their_runs_work(shell: Cli, here: Path) -> None:
    assert shell("init").code == 0
    assert {path.name for path in (here / "lab").iterdir()} == {"models.py", "datasets.py", "transforms.py"}
    assert shell("config", "validate").code == 0
    done = shell(
        "run", "my_net", "my_noise", "my_stripes", "--seed", "0", "--epochs", "1", "--set", "train_fraction=0.2", "-q"
    )
    assert done.code == 0, done.err
    files = spec_files(here / "runs")
    assert len(files) == 3
    assert all(is_own(file) for file in files)


def test_init_leaves_a_folder_of_that_name_alone(cli: Cli, here: Path) -> None:
    (here / "lab").mkdir()
    (here / "lab" / "models.py").write_text("mine")
    assert cli("init").code == 0
    assert (here / "lab" / "models.py").read_text() == "mine"
    assert "my_net" not in (here / "experiments.toml").read_text()


def test_listing_validating_showing_and_planning_execute_nothing(cli: Cli, here: Path) -> None:
    trapped(here)
    for words in (("ls",), ("show", "wide"), ("config", "validate"), ("run", "net", "ramps", "--dry-run")):
        assert cli(*words).code == 0
    planned = [json.loads(line) for line in cli("run", "ramps", "--dry-run", "--json").out.splitlines()]
    assert [(one["dataset"], one["images"]) for one in planned] == [("ramps", 0)]
    assert not executed(here)


@pytest.fixture
def foreign(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab that belongs to somebody else."""
    trapped(here)
    monkeypatch.setattr(os, "getuid", lambda: 4_321)
    if here.stat().st_uid == 0:
        for path in (here, here / "experiments.toml", here / "lab"):
            os.chown(path, 1_234, 1_234)
    return here


def test_a_strangers_catalog_runs_only_once_its_folder_is_trusted(foreign: Path, cli: Cli) -> None:
    refused = cli("run", "net", "-d")
    assert refused.code == 2
    assert f"labtui trust {foreign.resolve()}" in refused.err
    assert not list((foreign / "runs").rglob("spec.json"))
    assert cli("run", "net", "--dry-run").code == 0
    assert cli("trust", str(foreign)).code == 0
    assert "trusted already" in cli("trust", str(foreign)).err
    assert is_trusted(foreign)
    lab = open_lab(environ=dict(os.environ), cwd=foreign)
    create(lab, plan_runs(lab, ["net"], fetch=False).runs[0])
    assert not executed(foreign)


def test_a_strangers_recipe_without_code_needs_no_trust(foreign: Path) -> None:
    lab = open_lab(environ=dict(os.environ), cwd=foreign)
    specs = [planned.spec for planned in plan_runs(lab, ["net"], overrides=["model.name=cnn"], fetch=False).runs]
    require_trust(lab, specs)
    own = [planned.spec for planned in plan_runs(lab, ["net"], fetch=False).runs]
    with pytest.raises(UsageError, match="belongs to somebody else"):
        require_trust(lab, own)


def test_code_that_was_edited_since_the_catalog_was_read_starts_nothing(here: Path) -> None:
    lab = open_lab(environ=dict(os.environ), cwd=trapped(here))
    (planned,) = plan_runs(lab, ["net"], fetch=False).runs
    path = here / "lab" / "blocks.py"
    path.write_text(path.read_text() + "# another\n")
    with pytest.raises(UsageError, match="has changed since it was read: nothing was started"):
        create(lab, planned)
    assert not list(here.rglob("spec.json"))


def test_a_run_that_somebody_else_created_executes_no_code(here: Path, shell: Cli) -> None:
    """Neither resumed at once nor through the queue: its spec.json carries no seal of this user, or another content."""
    trapped(here)
    lab = open_lab(environ=dict(os.environ), cwd=here)
    own = create(lab, plan_runs(lab, ["net"], fetch=False).runs[0])
    content = msgspec.json.decode(own.paths.spec.read_bytes(), type=SpecFile)
    assert is_own(content)
    model = content.spec.model
    assert isinstance(model, LabModel)
    changed = msgspec.structs.replace(content.spec, model=msgspec.structs.replace(model, use="three", arguments={}))
    for hostile in (
        msgspec.structs.replace(content, seal=msgspec.UNSET),
        msgspec.structs.replace(content, seal="0" * 64),
        msgspec.structs.replace(content, spec=changed),
    ):
        own.paths.spec.write_bytes(msgspec.json.encode(hostile))
        assert not is_own(hostile)
        answer = shell("resume", own.id)
        assert answer.code != 0
        assert "you did not create this run here" in " ".join(answer.err.split())
    assert not executed(here)
