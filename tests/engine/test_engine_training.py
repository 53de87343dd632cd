"""The standard protocol, the samples a run reads, how it ends, and its heartbeat."""

import math
from dataclasses import replace
from pathlib import Path
from unittest import mock

import msgspec
import pytest
import torch

from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.heartbeat import Heartbeat
from labtui.engine.learner import Learner
from labtui.engine.rng import shuffled
from labtui.engine.session import LoadedData, Session
from labtui.engine.trainer import Intervals
from labtui.errors import MachineError, UsageError
from labtui.spec import (
    Adam,
    AdamW,
    Augment,
    Cnn,
    Cosine,
    Data,
    HorizontalFlip,
    Normalize,
    Penalty,
    Resize,
    RunSpec,
    Sgd,
    samples_per_epoch,
)
from labtui.store.files import read_json
from labtui.store.predictions import read_predictions
from labtui.store.records import Beat, SpecFile
from labtui.store.stop_signal import StopSignal
from tests.support.training import (
    AUGMENT,
    CLASSES,
    make_attempt,
    points_of,
    run_attempt,
    state_hash,
    tiny_images,
    tiny_spec,
)

CPU = torch.device("cpu")
EVERY_STEP = Intervals(log=0.0, save=0.0, save_share=1.0)


# --- Samples ----------------------------------------------------------------------------------------------------------


def test_train_fraction_takes_the_first_images_of_the_set() -> None:
    images = tiny_images()
    splits = make_splits(images, tiny_spec(data=Data(name="cifar10", train_fraction=0.5)), CPU)
    assert len(splits.train) == 150
    assert splits.train.labels.tolist() == images.train_labels[:150].tolist()
    pixels, _ = splits.train.for_epoch(0, "augment", 1).take(torch.arange(150))
    assert torch.equal(pixels, torch.from_numpy(images.train[:150]))


def test_appended_samples_follow_the_plain_ones_with_the_same_labels() -> None:
    splits = make_splits(tiny_images(), tiny_spec(data=Data(name="cifar10", augment=AUGMENT)), CPU)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (600, 180, 90)
    reading = splits.train.for_epoch(0, "augment", 1)
    plain, labels = reading.take(torch.arange(300))
    augmented, again = reading.take(torch.arange(300, 600))
    assert torch.equal(labels, again)
    assert torch.equal(plain, torch.from_numpy(tiny_images().train))
    assert not torch.equal(plain, augmented)


def test_replaced_samples_are_all_augmented() -> None:
    flip = Augment(transforms=(HorizontalFlip(p=1.0),), mode="replace")
    splits = make_splits(tiny_images(), tiny_spec(data=Data(name="cifar10", augment=flip)), CPU)
    images, _ = splits.train.for_epoch(0, "augment", 1).take(torch.arange(300))
    assert torch.equal(images, torch.from_numpy(tiny_images().train).flip(3))
    watched, _ = splits.validation.for_epoch(0, "test augment", 1).take(torch.arange(90))
    assert torch.equal(watched, torch.from_numpy(tiny_images().test))


def test_an_augmented_image_is_different_in_each_epoch_and_the_same_within_one() -> None:
    splits = make_splits(tiny_images(), tiny_spec(data=Data(name="cifar10", augment=AUGMENT)), CPU)
    numbers = torch.arange(300, 400)
    first, _ = splits.train.for_epoch(0, "augment", 1).take(numbers)
    assert torch.equal(first, splits.train.for_epoch(0, "augment", 1).take(numbers)[0])
    assert not torch.equal(first, splits.train.for_epoch(0, "augment", 2).take(numbers)[0])
    assert not torch.equal(first, splits.train.for_epoch(1, "augment", 1).take(numbers)[0])


@pytest.mark.parametrize("start", [0, 3, 9, 10])
def test_an_epoch_resumed_in_its_middle_reads_the_rest_of_it(start: int) -> None:
    splits = make_splits(tiny_images(), tiny_spec(), CPU)
    order = shuffled(300, 0, "order", 1)
    reading = splits.train.for_epoch(0, "augment", 1)
    whole = [labels.tolist() for _, labels in reading.batches(order, 32)]
    assert [len(labels) for labels in whole] == [32] * 9 + [12]
    assert [labels.tolist() for _, labels in reading.batches(order, 32, start=start)] == whole[start:]


def test_every_epoch_has_its_own_order_of_all_samples() -> None:
    orders = [shuffled(300, seed, "order", epoch).tolist() for seed in (0, 1) for epoch in (1, 2)]
    assert all(sorted(order) == list(range(300)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_the_standard_protocol_holds_out_the_same_images_for_every_seed_and_trains_on_none_of_them() -> None:
    images = tiny_images()
    marked = replace(images, train_labels=torch.arange(300).numpy())
    both = [make_splits(marked, tiny_spec(protocol="standard", seed=seed), CPU) for seed in (0, 1)]
    held = [splits.validation.labels.tolist() for splits in both]
    assert held[0] == held[1]
    assert len(held[0]) == 30
    assert sorted(held[0] + both[0].train.labels.tolist()) == list(range(300))
    half = make_splits(marked, tiny_spec(protocol="standard", data=Data(name="cifar10", train_fraction=0.5)), CPU)
    assert half.validation.labels.tolist() == held[0]
    assert half.train.labels.tolist() == both[0].train.labels.tolist()[:135]


@pytest.mark.parametrize("protocol", ["report", "standard"])
@pytest.mark.parametrize("fraction", [1.0, 0.5, 0.001])
@pytest.mark.parametrize("augment", [None, AUGMENT])
def test_the_engine_reads_as_many_samples_as_the_spec_says_before_any_data_is_read(
    protocol: str, fraction: float, augment: Augment | None
) -> None:
    spec = tiny_spec(protocol=protocol, data=Data(name="cifar10", train_fraction=fraction, augment=augment))
    assert len(make_splits(tiny_images(), spec, CPU).train) == samples_per_epoch(spec, 300)


def test_a_resize_reaches_the_images_of_every_test_but_cannot_be_appended() -> None:
    resize = (Resize(size=28), HorizontalFlip())
    splits = make_splits(
        tiny_images(), tiny_spec(data=Data(name="cifar10", augment=Augment(transforms=resize, mode="replace"))), CPU
    )
    assert splits.train.shape == splits.validation.shape == splits.test.shape == (3, 28, 28)
    with pytest.raises(UsageError, match="28 pixels cannot be appended to plain images of 24 pixels"):
        make_splits(tiny_images(), tiny_spec(data=Data(name="cifar10", augment=Augment(transforms=resize))), CPU)


# --- The standard protocol --------------------------------------------------------------------------------------------


def test_the_standard_protocol_records_val_per_epoch_and_test_once(tmp_path: Path) -> None:
    spec = tiny_spec(protocol="standard", epochs=3, optimizer=AdamW(), scheduler=Cosine(warmup_epochs=0.5))
    result = run_attempt(make_attempt(tmp_path, spec), tiny_images())
    points = points_of(tmp_path)
    assert set(points) == {
        "train/loss",
        "train/accuracy",
        "lr",
        "val/loss",
        "val/accuracy",
        "test/loss",
        "test/accuracy",
    }
    assert [step for step, _ in points["val/loss"]] == [step for step, _ in points["val/accuracy"]] == [1, 2, 3]
    assert [step for step, _ in points["test/loss"]] == [step for step, _ in points["test/accuracy"]] == [3]
    assert (result.outcome, result.epochs, result.train_images, result.test_images) == ("finished", 3, 270, 90)


def test_the_final_test_is_in_evaluation_mode_and_agrees_with_the_stored_predictions(tmp_path: Path) -> None:
    images = tiny_images()
    data = Data(name="cifar10", normalize=Normalize(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)), augment=AUGMENT)
    spec = tiny_spec(model=Cnn(dropout=(0.3, 0.2)), data=data)
    result = run_attempt(make_attempt(tmp_path, spec), images)
    predictions = read_predictions(tmp_path / "predictions.npz")
    assert predictions.labels.tolist() == images.test_labels.tolist()
    learner = Learner(spec, CPU, shape=(3, 24, 24), classes=CLASSES, steps_per_epoch=1)
    learner.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"])
    with torch.inference_mode():
        normalized = (torch.from_numpy(images.test).float() / 255 - 0.5) / 0.2
        logs = learner.network.eval()(normalized).log_softmax(1)
    labels = torch.from_numpy(images.test_labels)
    assert predictions.predicted.tolist() == logs.argmax(1).tolist()
    assert torch.allclose(
        torch.from_numpy(predictions.log_probability), logs.gather(1, labels[:, None])[:, 0], atol=1e-5
    )
    correct = 100 * float((logs.argmax(1) == labels).float().mean())
    assert result.last["test/accuracy"].number == pytest.approx(correct, abs=1e-4)
    assert result.last["test/loss"].number == pytest.approx(-float(predictions.log_probability.mean()), rel=1e-5)


def test_training_learns(tmp_path: Path) -> None:
    result = run_attempt(make_attempt(tmp_path, tiny_spec(epochs=8, optimizer=Adam(lr=1e-3))), tiny_images())
    assert result.last["test/accuracy"].number > 70


def test_points_of_the_training_are_spaced_by_time(tmp_path: Path) -> None:
    run_attempt(make_attempt(tmp_path, tiny_spec()), tiny_images(), intervals=Intervals(log=1e9))
    points = points_of(tmp_path)
    assert [step for step, _ in points["train/loss"]] == [1, 20], "the first step and the last, none before its time"
    assert [step for step, _ in points["Loss on Minibatches"]] == [1, 2, 3, 4], "these are not spaced by time"


def test_recording_more_often_changes_no_bit_of_the_training(tmp_path: Path) -> None:
    for name, intervals in (("often", EVERY_STEP), ("seldom", Intervals(log=1e9))):
        run_attempt(
            make_attempt(tmp_path / name, tiny_spec(model=Cnn(dropout=(0.3, 0.2)))), tiny_images(), intervals=intervals
        )
    assert state_hash(tmp_path / "often" / "checkpoint.pt") == state_hash(tmp_path / "seldom" / "checkpoint.pt")


def test_one_seed_twice_ends_with_identical_last_values(tmp_path: Path) -> None:
    intervals = (Intervals(log=0.01), Intervals(log=1e9))
    results = [
        run_attempt(make_attempt(tmp_path / str(n), tiny_spec()), tiny_images(), intervals=intervals[n]) for n in (0, 1)
    ]
    assert results[0].last == results[1].last


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    for seed in (0, 1):
        run_attempt(make_attempt(tmp_path / str(seed), tiny_spec(seed=seed, epochs=1)), tiny_images())
    assert state_hash(tmp_path / "0" / "checkpoint.pt") != state_hash(tmp_path / "1" / "checkpoint.pt")


def test_bfloat16_learns_as_well_and_keeps_float32_weights(tmp_path: Path) -> None:
    for precision in ("fp32", "bf16"):
        spec = tiny_spec(epochs=8, optimizer=Adam(lr=1e-3))
        training = msgspec.structs.replace(spec.training, precision=precision)
        result = run_attempt(
            make_attempt(tmp_path / precision, msgspec.structs.replace(spec, training=training)), tiny_images()
        )
        assert result.last["test/accuracy"].number > 70
    weights = torch.load(tmp_path / "bf16" / "checkpoint.pt", weights_only=True)["state"]["network"]
    assert all(weight.dtype == torch.float32 for weight in weights.values())
    assert state_hash(tmp_path / "fp32" / "checkpoint.pt") != state_hash(tmp_path / "bf16" / "checkpoint.pt")


# --- Endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_as_diverged_at_its_step(tmp_path: Path, value: float) -> None:
    real = Learner.train_step

    def learn(
        self: Learner, images: torch.Tensor, labels: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss, correct = real(self, images, labels, step)
        return (torch.tensor(value) if step >= 13 else loss), correct

    with mock.patch.object(Learner, "train_step", learn):
        result = run_attempt(make_attempt(tmp_path, tiny_spec()), tiny_images(), intervals=Intervals(log=1e9))
    word = "NaN" if math.isnan(value) else "infinite"
    assert (result.outcome, result.diverged_step, result.reason) == ("diverged", 14, f"the loss is {word} at step 14")
    points = points_of(tmp_path)
    assert points["train/loss"][-1][0] == 14
    assert not math.isfinite(points["train/loss"][-1][1])
    assert [step for step, _ in points["Loss on Minibatches"]] == [1, 2], "of epoch 1; batch 4 of epoch 2 came after"
    assert result.last["train/loss"].number == pytest.approx(value, nan_ok=True)


def test_a_run_that_diverged_and_was_resumed_says_so_in_every_later_result(tmp_path: Path) -> None:
    hot = tiny_spec(optimizer=Sgd(lr=1000.0))
    assert run_attempt(make_attempt(tmp_path, hot), tiny_images()).outcome == "diverged"
    first = run_attempt(replace(make_attempt(tmp_path, hot), spec_file=_cooled(hot)), tiny_images())
    assert (first.outcome, first.facts["diverged_before"], first.facts["classes"]) == ("finished", True, CLASSES)
    again = replace(make_attempt(tmp_path, hot), spec_file=_cooled(hot))
    assert run_attempt(again, tiny_images()).facts["diverged_before"] is True


def _cooled(spec: RunSpec) -> SpecFile:
    """As if a nondeterministic device had got past the step at which the loss was not finite."""
    cooled = msgspec.structs.replace(spec, optimizer=Sgd(lr=0.01))
    return SpecFile(run_id="Cifar/Dropout/s0", created=0.0, labtui="0", spec=cooled)


def test_a_diverged_state_is_never_saved(tmp_path: Path) -> None:
    spec = tiny_spec(optimizer=Sgd(lr=1000.0))
    result = run_attempt(make_attempt(tmp_path, spec), tiny_images(), intervals=Intervals(log=1e9, save=0.0))
    assert result.outcome == "diverged"
    losses = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]["losses"]
    assert bool(losses.isfinite().all())


def test_running_out_of_memory_suggests_a_batch_size(tmp_path: Path) -> None:
    error = RuntimeError(
        "[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried 1 TB"
    )
    with mock.patch.object(Learner, "train_step", side_effect=error):
        log: list[str] = []
        result = run_attempt(make_attempt(tmp_path, tiny_spec(batch_size=512)), tiny_images(), log=log)
    assert (result.outcome, result.reason) == ("failed", "Device cpu ran out of memory (batch 512).")
    assert "Try batch 256" in log[-1]
    assert "Traceback" not in log[-1]


def test_an_internal_error_is_reported_in_a_line_and_its_traceback_goes_to_the_log(tmp_path: Path) -> None:
    log: list[str] = []
    with mock.patch.object(Learner, "train_step", side_effect=ZeroDivisionError("of a kind\nunheard of")):
        result = run_attempt(make_attempt(tmp_path, tiny_spec()), tiny_images(), log=log)
    assert result.outcome == "failed"
    assert result.reason == "ZeroDivisionError: of a kind unheard of (the traceback is in the log)"
    assert "Traceback" in log[-1]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"penalty": Penalty(norm="l1", weight=1.0, modules="fc9")}, 2, "no module 'fc9'; it has conv1, conv2"),
        ({"data": Data(name="cifar10", augment=Augment(transforms=(Resize(size=16),), mode="replace"))}, 2, "24x24"),
        (
            {"data": Data(name="cifar10", normalize="dataset")},
            2,
            "was not replaced by mean and standard deviation in this spec",
        ),
        ({"data": Data(name="cifar10", normalize=Normalize(mean=(0.5,), std=(0.2,)))}, 2, "have 3 channels"),
    ],
)
def test_a_spec_that_cannot_be_run_ends_with_its_reason(
    tmp_path: Path, changes: dict[str, object], code: int, text: str
) -> None:
    attempt = make_attempt(tmp_path, tiny_spec(**changes))
    stop = StopSignal()
    with Heartbeat(attempt.paths.beat, 1, stop) as heartbeat:
        session = Session(attempt, heartbeat, stop, lambda _: None, Intervals())
        ending = session.run(lambda _: LoadedData(tiny_images(), CLASSES))
    assert (ending.outcome, ending.exit_code) == ("failed", code)
    assert text in ending.reason


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("name", ["cuda:0", "mps", "tpu"])
def test_a_device_that_is_not_available_is_an_error_and_never_replaced_by_the_cpu(name: str) -> None:
    with pytest.raises(MachineError, match=name):
        open_device(name, 1, "fp32")


# --- The heartbeat ----------------------------------------------------------------------------------------------------


def test_the_heartbeat_has_the_progress_of_the_run(tmp_path: Path) -> None:
    result = run_attempt(make_attempt(tmp_path, tiny_spec()), tiny_images())
    beat = read_json(tmp_path / "beat.json", Beat)
    assert (beat.attempt, beat.step, beat.total_steps, beat.epoch, beat.epochs) == (1, 20, 20, 2, 2)
    assert beat.eta == 0
    assert result.steps == 20


def test_the_speed_counts_the_time_of_training_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("labtui.engine.heartbeat.time.monotonic", lambda: now)
    heartbeat = Heartbeat(tmp_path / "beat.json", 1, StopSignal())
    heartbeat.start_training(step=0, steps=40, epoch=1, epochs=1)
    with heartbeat.train_clock.running():
        for _ in range(10):
            now += 0.1
            heartbeat.finished_step(50)
        with heartbeat.train_clock.paused():
            now += 3
    heartbeat.write()
    beat = read_json(tmp_path / "beat.json", Beat)
    assert beat.images_per_second == pytest.approx(500)
    assert heartbeat.train_clock.seconds == pytest.approx(1)
    assert beat.eta == pytest.approx(4 / 10 * 30)
    assert heartbeat.seconds == pytest.approx(4)


def test_the_counter_stops_when_the_loop_does_but_not_in_a_long_phase(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "beat.json", 1, StopSignal())

    def counter() -> int:
        heartbeat.write()
        return read_json(tmp_path / "beat.json", Beat).counter

    heartbeat.start_training(step=0, steps=10, epoch=1, epochs=1)
    heartbeat.finished_step(32)
    first = counter()
    assert counter() == first, "nothing moved"
    heartbeat.finished_step(32)
    assert counter() == first + 1
    with heartbeat.in_phase("saving"):
        assert [counter(), counter()] == [first + 2, first + 3]
    assert read_json(tmp_path / "beat.json", Beat).phase == "saving"


def test_the_first_beat_comes_before_anything_else(tmp_path: Path) -> None:
    with Heartbeat(tmp_path / "beat.json", 3, StopSignal()):
        beat = read_json(tmp_path / "beat.json", Beat)
    assert (beat.attempt, beat.phase, beat.step) == (3, "starting", 0)
