"""A run that was killed and resumed ends with the bits of an uninterrupted one, wherever it was killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import msgspec
import pytest
import torch

from labtui.catalog import load
from labtui.datasets import known_datasets
from labtui.engine.learner import Learner
from labtui.engine.trainer import Intervals
from labtui.spec import Normalize, ResNet18, RunSpec, Sgd, Training, Variant
from labtui.store.predictions import read_predictions
from labtui.store.stop_signal import StopSignal
from tests.support.processes import environment
from tests.support.training import make_attempt, points_of, run_attempt, state_hash, tiny_images, tiny_spec, twice

ROOT = Path(__file__).resolve().parent.parent.parent
EVERY_STEP = Intervals(log=0.0, save=0.0, save_share=1.0)
EVERY_EPOCH = Intervals(log=0.0, save_share=1.0)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that it wrote, synced or not."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def kill_runs(folder: Path, kills: int, seed: int) -> None:
    """K1: every run that was killed until it finished has the state and the points of the undisturbed one."""
    command = [sys.executable, "-m", "tests.support.kill_trainings", str(folder), str(kills), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert sum(run["kills"] for run in answer["killed"]) >= kills
    undisturbed = {run["kind"]: run for run in answer["undisturbed"]}
    expected = {kind: points_of(Path(run["folder"])) for kind, run in undisturbed.items()}
    for run in answer["killed"]:
        straight = undisturbed[run["kind"]]
        assert run["state"] == straight["state"], run
        points = points_of(Path(run["folder"]))
        assert twice(points) == {}, run
        assert points == expected[run["kind"]], run
        one, other = (read_predictions(Path(each["folder"]) / "predictions.npz") for each in (run, straight))
        assert one.log_probability.tolist() == other.log_probability.tolist(), run


def test_100_random_kills_end_with_the_bits_of_an_uninterrupted_run(tmp_path: Path) -> None:
    kill_runs(tmp_path, 100, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_1000_random_kills_end_with_the_bits_of_an_uninterrupted_run(tmp_path: Path) -> None:
    kill_runs(tmp_path, 1_000, seed=2)


class Killed(BaseException):
    """Ends an attempt at once, as SIGKILL does: nothing of the engine catches it."""


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Within the block, a training is killed when it is about to do optimizer step `step` (from 0)."""
    real = Learner.train_step

    def learn(
        self: Learner, images: torch.Tensor, labels: torch.Tensor, number: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if number == step:
            raise Killed
        return real(self, images, labels, number)

    with mock.patch.object(Learner, "train_step", learn), pytest.raises(Killed):
        yield


def variants() -> list[Variant]:
    """All variants of the catalog that comes with labtui."""
    return list(load(ROOT / "experiments.toml", datasets=known_datasets()).variants)


def tiny(spec: RunSpec) -> RunSpec:
    """The same recipe on few images."""
    data = spec.data
    if data.normalize is not None:
        data = msgspec.structs.replace(
            data, normalize=Normalize(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010))
        )
    training = Training(epochs=2, batch_size=16, log_every=2)
    return msgspec.structs.replace(spec, data=data, training=training)


@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.spec.name)
def test_a_catalog_run_gives_the_same_bits_twice_and_when_resumed_at_three_places(
    tmp_path: Path, variant: Variant
) -> None:
    spec, images = tiny(variant.spec), tiny_images(train=80, test=40, side=32)
    hashes = []
    for name in ("once", "twice"):
        run_attempt(make_attempt(tmp_path / name, spec), images, intervals=EVERY_STEP)
        hashes.append(state_hash(tmp_path / name / "checkpoint.pt"))
    folder = tmp_path / "killed"
    attempt = make_attempt(folder, spec)
    steps = 2 * -(-(80 if variant.spec.name != "network" else 40) * (2 if spec.data.augment else 1) // 16)
    for step in (1, steps // 2, steps - 1):
        with killed_at(step):
            run_attempt(attempt, images, intervals=EVERY_EPOCH if step == 1 else EVERY_STEP)
        attempt = make_attempt(folder, spec, resume=True)
    result = run_attempt(attempt, images, intervals=EVERY_STEP)
    assert result.outcome == "finished"
    assert {*hashes, state_hash(folder / "checkpoint.pt")} == {hashes[0]}
    assert points_of(folder) == points_of(tmp_path / "once")


@pytest.mark.long
def test_batch_normalization_is_resumed_with_its_running_statistics(tmp_path: Path) -> None:
    spec, images = tiny_spec(model=ResNet18(), batch_size=8), tiny_images(train=16, test=8)
    run_attempt(make_attempt(tmp_path / "straight", spec), images, intervals=EVERY_EPOCH)
    folder = tmp_path / "killed"
    with killed_at(3):
        run_attempt(make_attempt(folder, spec), images, intervals=EVERY_EPOCH)
    run_attempt(make_attempt(folder, spec, resume=True), images, intervals=EVERY_EPOCH)
    assert state_hash(folder / "checkpoint.pt") == state_hash(tmp_path / "straight" / "checkpoint.pt")
    assert points_of(folder) == points_of(tmp_path / "straight")


def test_another_number_of_threads_is_close(tmp_path: Path) -> None:
    spec, images = tiny_spec(epochs=1), tiny_images(train=96, test=32)
    run_attempt(make_attempt(tmp_path / "one", spec), images)
    attempt = make_attempt(tmp_path / "two", spec)
    launch = msgspec.structs.replace(attempt.launch, threads=2)
    run_attempt(replace(attempt, launch=launch), images)
    one, two = points_of(tmp_path / "one"), points_of(tmp_path / "two")
    assert [value for _, value in two["Train Loss"]] == pytest.approx(
        [value for _, value in one["Train Loss"]], rel=1e-3
    )


def test_a_stopped_run_is_saved_at_its_last_step_and_resumes_there(tmp_path: Path) -> None:
    spec, images = tiny_spec(), tiny_images()
    run_attempt(make_attempt(tmp_path / "straight", spec), images, intervals=EVERY_STEP)
    folder, log = tmp_path / "stopped", []
    stop = StopSignal()
    real = Learner.train_step

    def learn(
        self: Learner, images: torch.Tensor, labels: torch.Tensor, number: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if number == 12:
            stop.request("asked to stop")
        return real(self, images, labels, number)

    with mock.patch.object(Learner, "train_step", learn):
        result = run_attempt(make_attempt(folder, spec), images, stop=stop, intervals=Intervals(log=0.0))
    assert (result.outcome, result.reason, result.steps, result.epochs) == ("stopped", "asked to stop", 13, 1)
    assert result.images_seen == 300 + 3 * 32
    result = run_attempt(make_attempt(folder, spec, resume=True), images, log=log, intervals=Intervals(log=0.0))
    assert log[0] == "Resumed at step 13, epoch 2."
    assert result.outcome == "finished"
    assert state_hash(folder / "checkpoint.pt") == state_hash(tmp_path / "straight" / "checkpoint.pt")
    assert points_of(folder) == points_of(tmp_path / "straight")


def test_a_run_resumed_after_its_end_repeats_only_the_final_test(tmp_path: Path) -> None:
    spec, images, log = tiny_spec(), tiny_images(), []
    first = run_attempt(make_attempt(tmp_path, spec), images)
    before = points_of(tmp_path)
    again = run_attempt(make_attempt(tmp_path, spec, resume=True), images, log=log)
    assert log[0] == "Resumed at step 20, epoch 3."
    assert not any(line.startswith("epoch") for line in log)
    assert points_of(tmp_path) == before
    assert again.last == first.last
    assert (again.steps, again.images_seen) == (20, 600)


def test_a_run_killed_before_its_first_checkpoint_starts_again_and_logs_that(tmp_path: Path) -> None:
    spec, images, log = tiny_spec(), tiny_images(), []
    with killed_at(5):
        run_attempt(make_attempt(tmp_path, spec), images, intervals=Intervals(log=0.0))
    result = run_attempt(make_attempt(tmp_path, spec, resume=True), images, log=log, intervals=Intervals(log=0.0))
    assert log[0] == "There is no checkpoint yet: training starts from the beginning."
    assert result.outcome == "finished"
    points = points_of(tmp_path)
    assert twice(points) == {}
    assert [step for step, _ in points["train/loss"]] == list(range(1, 21))


def test_a_damaged_checkpoint_is_logged_and_the_previous_one_gives_the_same_result(tmp_path: Path) -> None:
    spec, images, log = tiny_spec(), tiny_images(), []
    run_attempt(make_attempt(tmp_path / "straight", spec), images, intervals=EVERY_STEP)
    folder = tmp_path / "damaged"
    with killed_at(15):
        run_attempt(make_attempt(folder, spec), images, intervals=EVERY_STEP)
    checkpoint = folder / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    run_attempt(make_attempt(folder, spec, resume=True), images, log=log, intervals=EVERY_STEP)
    assert log[:3] == [
        "checkpoint.pt is not used: it is damaged (size or checksum is wrong).",
        "checkpoint.prev.pt, of step 14, is used instead.",
        "Resumed at step 14, epoch 2.",
    ]
    assert state_hash(checkpoint) == state_hash(tmp_path / "straight" / "checkpoint.pt")


def test_a_run_whose_checkpoints_are_all_damaged_fails_and_is_not_changed(tmp_path: Path) -> None:
    spec, images = tiny_spec(), tiny_images()
    with killed_at(15):
        run_attempt(make_attempt(tmp_path, spec), images, intervals=EVERY_STEP)
    files = [tmp_path / "checkpoint.pt", tmp_path / "checkpoint.prev.pt"]
    for path in files:
        path.write_bytes(b"damaged")
    result = run_attempt(make_attempt(tmp_path, spec, resume=True), images)
    assert result.outcome == "failed"
    assert "No checkpoint of this run can be used" in result.reason
    assert all(path.read_bytes() == b"damaged" for path in files)


def test_a_checkpoint_of_another_optimizer_is_rejected(tmp_path: Path) -> None:
    images = tiny_images()
    with killed_at(15):
        run_attempt(make_attempt(tmp_path, tiny_spec()), images, intervals=EVERY_STEP)
    (tmp_path / "spec.json").unlink()
    result = run_attempt(make_attempt(tmp_path, tiny_spec(optimizer=Sgd()), resume=True), images)
    assert result.outcome == "failed"
    assert "cannot be loaded" in result.reason


def test_the_seconds_of_training_add_up_over_the_attempts(tmp_path: Path) -> None:
    spec, images = tiny_spec(), tiny_images()
    with killed_at(15):
        run_attempt(make_attempt(tmp_path, spec), images, intervals=EVERY_STEP)
    before = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    result = run_attempt(make_attempt(tmp_path, spec, resume=True), images, intervals=EVERY_STEP)
    assert result.train_seconds > before["train_seconds"] > 0
    assert result.seconds > before["seconds"] > before["train_seconds"]


def test_a_run_resumed_with_other_threads_logs_that_its_bits_will_differ(tmp_path: Path) -> None:
    spec, images, log = tiny_spec(epochs=1), tiny_images(train=96, test=32), []
    with killed_at(2):
        run_attempt(make_attempt(tmp_path, spec), images, intervals=EVERY_STEP)
    attempt = make_attempt(tmp_path, spec, resume=True)
    attempt = replace(attempt, launch=msgspec.structs.replace(attempt.launch, threads=2))
    assert run_attempt(attempt, images, log=log).outcome == "finished"
    assert log[0].startswith("The checkpoint was made with threads 1, now 2: the result will be close")
