"""Runs that continue finished ones, and the checkpoint of the best epoch."""

from pathlib import Path

import msgspec
import pytest
import torch

from labtui.api.continuing import continued_spec
from labtui.engine.trainer import Intervals
from labtui.spec import RunSpec
from labtui.store.attempt import EngineAttempt
from labtui.store.continuation import copy_checkpoint
from labtui.store.files import read_json, write_json
from labtui.store.paths import RunPaths
from labtui.store.reader import read_curves
from labtui.store.records import SpecFile
from labtui.store.stop_signal import StopSignal
from tests.support.training import make_attempt, run_attempt, state_hash, tiny_images, tiny_spec

IMAGES = tiny_images()
EVERY_EPOCH = Intervals(log=0.0, save_share=1.0)


def begun(folder: Path, spec: RunSpec, **keys: object) -> EngineAttempt:
    """The first attempt of a run whose spec.json has these keys too."""
    folder.mkdir(parents=True)
    file = SpecFile(run_id=f"Cifar/Dropout/{folder.name}", created=0.0, labtui="0", spec=spec)
    write_json(folder / "spec.json", msgspec.structs.replace(file, **keys))
    return make_attempt(folder, spec)


def continuation(folder: Path, of: RunPaths, epochs: int) -> EngineAttempt:
    source = read_json(of.spec, SpecFile)
    attempt = begun(folder, continued_spec(source.spec, epochs), continues=source.run_id)
    copy_checkpoint(of, RunPaths(folder))
    return attempt


def test_a_run_of_two_epochs_that_is_continued_has_the_weights_of_one_trained_in_one_go(tmp_path: Path) -> None:
    first = begun(tmp_path / "s0-first", tiny_spec(epochs=2))
    run_attempt(first, IMAGES)
    before = {path: path.read_bytes() for path in first.paths.folder.rglob("*") if path.is_file()}
    log: list[str] = []
    longer = continuation(tmp_path / "s0-longer", first.paths, 4)
    result = run_attempt(longer, IMAGES, log=log)
    assert "Continues Cifar/Dropout/s0-first from its checkpoint at step 20, in epoch 3." in log
    straight = begun(tmp_path / "s0-straight", tiny_spec(epochs=4))
    run_attempt(straight, IMAGES)
    assert state_hash(longer.paths.checkpoint) == state_hash(straight.paths.checkpoint)
    assert (result.outcome, result.epochs, result.steps) == ("finished", 4, 40)
    assert read_curves(longer.paths.folder)["Test Loss"].steps.tolist() == [3, 4], "its curves are its own epochs"
    assert before == {path: path.read_bytes() for path in first.paths.folder.rglob("*") if path.is_file()}


def test_a_continued_run_that_is_interrupted_resumes_from_its_own_checkpoint(tmp_path: Path) -> None:
    first = begun(tmp_path / "s0-first", tiny_spec(epochs=1))
    run_attempt(first, IMAGES)
    straight = continuation(tmp_path / "s0-straight", first.paths, 3)
    run_attempt(straight, IMAGES)
    longer = continuation(tmp_path / "s0-longer", first.paths, 3)
    stop = StopSignal()
    assert run_attempt(longer, IMAGES, stop=stop, log=StopAfter("epoch 2/3", stop)).outcome == "stopped"
    again = make_attempt(tmp_path / "s0-longer", longer.spec_file.spec, resume=True)
    assert run_attempt(again, IMAGES).outcome == "finished"
    assert state_hash(again.paths.checkpoint) == state_hash(straight.paths.checkpoint)


def test_a_damaged_or_missing_start_fails_the_run_and_never_trains_from_nothing(tmp_path: Path) -> None:
    first = begun(tmp_path / "s0-first", tiny_spec(epochs=1))
    run_attempt(first, IMAGES)
    for name, damage in (
        ("damaged", lambda path: path.write_bytes(path.read_bytes()[:-1])),
        ("missing", lambda path: path.unlink()),
    ):
        longer = continuation(tmp_path / f"s0-{name}", first.paths, 2)
        damage(longer.paths.start_checkpoint)
        result = run_attempt(longer, IMAGES)
        assert (result.outcome, result.steps) == ("failed", 0)
        assert "The checkpoint that this run continues from cannot be used" in result.reason


@pytest.mark.parametrize("tag", ["val/accuracy", "val/loss"])
def test_the_checkpoint_of_the_best_epoch_is_kept_and_nothing_else_changes(tmp_path: Path, tag: str) -> None:
    spec = tiny_spec(epochs=4, protocol="standard")
    plain = begun(tmp_path / "s0-plain", spec)
    run_attempt(plain, IMAGES, intervals=EVERY_EPOCH)
    keeping, log = begun(tmp_path / "s0-keeping", spec, keep_best=tag), []
    result = run_attempt(keeping, IMAGES, log=log, intervals=EVERY_EPOCH)
    curve = read_curves(keeping.paths.folder)[tag]
    epoch, value = curve.best("higher" if tag == "val/accuracy" else "lower")
    assert (result.facts["best_epoch"], result.facts["best_by"]) == (epoch, tag)
    assert result.facts["best_value"] == pytest.approx(value)
    best = torch.load(keeping.paths.best_checkpoint, weights_only=True)
    assert (best["step"], best["state"]["epoch"]) == (result.steps // 4 * epoch, epoch + 1)
    assert any("is in checkpoint.best.pt" in line for line in log)
    assert not plain.paths.best_checkpoint.exists(), "it is off by default"
    one, other = (torch.load(run.paths.checkpoint, weights_only=True)["state"] for run in (plain, keeping))
    assert all(torch.equal(one["network"][key], other["network"][key]) for key in one["network"])
    assert one.keys() == other.keys() - {"best"}


def test_a_resumed_run_keeps_the_best_epoch_of_the_attempts_before_it(tmp_path: Path) -> None:
    spec = tiny_spec(epochs=3, protocol="standard")
    whole = begun(tmp_path / "s0-whole", spec, keep_best="val/loss")
    expected = run_attempt(whole, IMAGES, intervals=EVERY_EPOCH)
    halves = begun(tmp_path / "s0-halves", spec, keep_best="val/loss")
    stop = StopSignal()
    assert (
        run_attempt(halves, IMAGES, stop=stop, log=StopAfter("epoch 2/3", stop), intervals=EVERY_EPOCH).outcome
        == "stopped"
    )
    again = make_attempt(tmp_path / "s0-halves", spec, resume=True)
    result = run_attempt(again, IMAGES, intervals=EVERY_EPOCH)
    assert {key: result.facts[key] for key in ("best_epoch", "best_by", "best_value")} == {
        key: expected.facts[key] for key in ("best_epoch", "best_by", "best_value")
    }


class StopAfter(list[str]):
    """A log that asks the run to stop once a line begins like this."""

    def __init__(self, line: str, stop: StopSignal) -> None:
        super().__init__()
        self._line, self._stop = line, stop

    def append(self, text: str) -> None:
        super().append(text)
        if text.startswith(self._line):
            self._stop.request("a test")
