"""Label smoothing, clipping, averaging, schedules, mixing, erasing, early stopping: each as its reference does it.

The references are torch and torchvision; each key is then killed and resumed to the bits of an uninterrupted run.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR, StepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import RandomErasing as TorchvisionErasing
from torchvision.transforms import v2

from labtui.engine.augment import Augmentation
from labtui.engine.averaging import WeightAverage
from labtui.engine.erasing import Erase
from labtui.engine.learner import Learner, make_objective
from labtui.engine.mixing import cutmix, draw_mixture, mix_images
from labtui.engine.rng import stream
from labtui.engine.schedules import make_schedule
from labtui.engine.selection import Selection
from labtui.engine.trainer import Intervals
from labtui.spec import (
    Augment,
    Cnn,
    CutMix,
    EarlyStopping,
    MixUp,
    MultiStep,
    OneCycle,
    RandomErasing,
    RunSpec,
    Scheduler,
    Sgd,
    StepSchedule,
    Training,
)
from labtui.store.records import Result
from tests.support.samples import make_spec
from tests.support.training import (
    CLASSES,
    SIDE,
    make_attempt,
    points_of,
    run_attempt,
    state_hash,
    tiny_images,
    tiny_spec,
)

CPU = torch.device("cpu")
EVERY_STEP = Intervals(log=0.0, save=0.0, save_share=1.0)


def make_learner(training: Training, **changes: object) -> Learner:
    spec = make_spec(training=training, optimizer=Sgd(lr=0.1), **changes)
    return Learner(spec, CPU, shape=(3, SIDE, SIDE), classes=CLASSES, steps_per_epoch=10)


def batch(seed: int = 0, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (size, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    return images, torch.randint(0, CLASSES, (size,), generator=generator)


def test_smoothed_labels_give_the_loss_of_torchs_cross_entropy() -> None:
    logits, labels = torch.randn(8, 10), torch.arange(8)
    ours = make_objective(nn.Linear(2, 2), None, 0.1)(logits, labels)
    assert torch.equal(ours, nn.CrossEntropyLoss(label_smoothing=0.1)(logits, labels))


def test_clipped_gradients_move_the_weights_as_torchs_clip_grad_norm_does() -> None:
    clipped, plain = make_learner(Training(clip_norm=0.05)), make_learner(Training())
    reference = plain.network
    images, labels = batch()
    nn.functional.cross_entropy(reference(images.float() / 255), labels).backward()
    assert nn.utils.clip_grad_norm_(reference.parameters(), 0.05) > 0.05
    SGD(reference.parameters(), lr=0.1).step()
    clipped.train_step(images, labels, 0)
    for ours, theirs in zip(clipped.network.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-7)


def test_averaged_weights_are_those_of_torchs_averaged_model() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    ours, theirs = WeightAverage(network, 0.9), AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for _ in range(5):
        for parameter in network.parameters():
            parameter.data.add_(torch.randn_like(parameter))
        network(torch.randn(4, 3, 8, 8))
        ours.update()
        theirs.update_parameters(network)
    for one, other in zip(ours.network.state_dict().values(), theirs.module.state_dict().values(), strict=True):
        assert torch.allclose(one, other)


def test_a_run_with_averaged_weights_evaluates_them() -> None:
    learner = make_learner(Training(ema=0.9))
    learner.train_step(*batch(), 0)
    before = [weights.clone() for weights in learner.evaluated.parameters()]
    learner.train_step(*batch(1), 1)
    for average, first, current in zip(
        learner.evaluated.parameters(), before, learner.network.parameters(), strict=True
    ):
        assert torch.allclose(average, 0.9 * first + 0.1 * current, atol=1e-7)


def rates_of_torch(scheduler: LRScheduler, optimizer: SGD, count: int) -> list[float]:
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_is_torchs_step_by_step(strategy: str, three_phase: bool) -> None:
    spec = OneCycle(anneal_strategy=strategy, three_phase=three_phase, pct_start=0.25, div_factor=10)  # type: ignore[arg-type]
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=9.0)
    theirs = OneCycleLR(
        optimizer,
        max_lr=0.2,
        total_steps=57,
        pct_start=0.25,
        anneal_strategy=strategy,  # type: ignore[arg-type]
        div_factor=10,
        three_phase=three_phase,
        cycle_momentum=False,
    )
    expected = [theirs.get_last_lr()[0]]
    for _ in range(56):
        optimizer.step()
        theirs.step()
        expected.append(theirs.get_last_lr()[0])
    rate = make_schedule(spec, 0.2, 19, 57)
    assert [rate(step) for step in range(57)] == pytest.approx(expected)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_gives_a_rate_for_the_shortest_training(steps: int) -> None:
    rate = make_schedule(OneCycle(three_phase=True), 0.2, 1, steps)
    assert all(math.isfinite(rate(step)) and rate(step) > 0 for step in range(steps + 1))


@pytest.mark.parametrize(
    ("spec", "theirs"),
    [
        (StepSchedule(step_size=3, gamma=0.5), lambda one: StepLR(one, 3, 0.5)),
        (MultiStep(milestones=(5, 2), gamma=0.1), lambda one: MultiStepLR(one, [5, 2], 0.1)),
    ],
)
def test_step_schedules_are_torchs_epoch_by_epoch(spec: Scheduler, theirs: object) -> None:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    expected = rates_of_torch(theirs(optimizer), optimizer, 10)  # type: ignore[operator]
    rate = make_schedule(spec, 0.4, 7, 70)
    assert [rate(7 * epoch + 6) for epoch in range(10)] == pytest.approx(expected)


def test_mixup_blends_as_torchvision_does() -> None:
    images, labels = torch.rand(6, 3, 8, 9), torch.arange(6)
    share = draw_mixture((MixUp(alpha=0.4),), 3, 17, 8, 9).label
    with mock.patch.object(torch.distributions.Beta, "sample", return_value=torch.tensor([share])):
        theirs, their_labels = v2.MixUp(alpha=0.4, num_classes=6)(images, labels)
    mixture = draw_mixture((MixUp(alpha=0.4),), 3, 17, 8, 9)
    assert torch.allclose(mix_images(images, torch.tensor(mixture)), theirs, atol=1e-6)
    one_hot = nn.functional.one_hot(labels, 6).float()
    assert torch.allclose(one_hot * share + one_hot.roll(1, 0) * (1 - share), their_labels, atol=1e-6)


def test_cutmix_pastes_the_rectangle_of_torchvision() -> None:
    images, labels = torch.rand(6, 3, 8, 9), torch.arange(6)
    for share, x, y in ((0.7, 4, 4), (0.2, 8, 0), (0.99, 3, 3), (0.0, 0, 7)):
        drawn = [torch.tensor([x]), torch.tensor([y])]
        with (
            mock.patch.object(torch.distributions.Beta, "sample", return_value=torch.tensor([share])),
            mock.patch.object(torch, "randint", lambda *_, drawn=drawn, **__: drawn.pop(0)),
        ):
            theirs, their_labels = v2.CutMix(alpha=1.0, num_classes=6)(images, labels)
        mixture = cutmix(share, x, y, 8, 9)
        assert torch.equal(mix_images(images, torch.tensor(mixture)), theirs)
        assert mixture.label == pytest.approx(float(their_labels[0, 0]), abs=1e-6)


def test_the_loss_of_a_mixed_batch_is_that_of_soft_labels() -> None:
    training = Training(mix=(CutMix(),), label_smoothing=0.1)
    learner, (images, labels) = make_learner(training), batch()
    mixture = draw_mixture((CutMix(),), 0, 5, SIDE, SIDE)
    one_hot = nn.functional.one_hot(labels, CLASSES).float()
    soft = mixture.label * one_hot + (1 - mixture.label) * one_hot.roll(1, 0)
    logits = learner.network(mix_images(images.float() / 255, torch.tensor(mixture)))
    expected = nn.CrossEntropyLoss(label_smoothing=0.1)(logits, soft).detach()
    loss, _ = learner.train_step(images, labels, 5)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_shares_are_beta_distributed_and_each_mix_is_drawn() -> None:
    shares = torch.tensor([draw_mixture((MixUp(alpha=0.5),), 0, step, 8, 8).label for step in range(2_000)])
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(shares.var()) == pytest.approx(1 / 8, abs=0.01)  # 1 / (4 (2 alpha + 1))
    kinds = [draw_mixture((MixUp(), CutMix()), 0, step, 8, 8).outside == 1.0 for step in range(200)]
    assert 60 < sum(kinds) < 140


def test_rectangles_are_erased_as_often_and_as_large_as_by_torchvision() -> None:
    spec = RandomErasing(p=0.7, scale=(0.05, 0.6), ratio=(0.2, 4.0))
    drawn = Erase(spec, 24, 32).draw(4_000, stream(0, "augment", 1))
    left, right, top, bottom = drawn.unbind(1)
    areas = ((right - left) * (bottom - top)).double()
    torch.manual_seed(0)
    theirs = TorchvisionErasing(p=0.7, scale=(0.05, 0.6), ratio=(0.2, 4.0), value=1.0)
    blank = torch.zeros(1, 24, 32)
    expected = torch.tensor([float(theirs(blank).sum()) for _ in range(4_000)])
    assert bool((left >= 0).all() and (right <= 32).all() and (top >= 0).all() and (bottom <= 24).all())
    assert float((areas > 0).double().mean()) == pytest.approx(float((expected > 0).double().mean()), abs=0.04)
    assert float(areas.mean()) == pytest.approx(float(expected.mean()), rel=0.06)
    assert float(areas.std()) == pytest.approx(float(expected.std()), rel=0.06)


def test_erased_pixels_have_the_value_and_all_others_stay() -> None:
    images = torch.randint(0, 255, (50, 3, 16, 16), dtype=torch.uint8)
    augmentation = Augmentation((RandomErasing(p=1.0, value=1.0),), (3, 16, 16))
    drawn = augmentation.draw(50, stream(0, "augment", 1))
    erased = augmentation.apply(images, drawn)
    changed = erased != images
    assert bool((erased[changed] == 255).all())
    for row, (left, right, top, bottom) in enumerate(drawn[0].tolist()):
        assert bool(changed[row, :, top:bottom, left:right].all())
        assert int(changed[row].sum()) == 3 * (right - left) * (bottom - top)


def test_the_best_epoch_is_kept_until_none_was_better_for_the_patience() -> None:
    network = nn.Linear(1, 1)
    selection = Selection(EarlyStopping(metric="val/accuracy", patience=2, min_delta=0.5))
    for epoch, value in enumerate((40.0, 50.0, 50.4, 50.5), start=1):
        nn.init.constant_(network.weight, epoch)
        assert not selection.ended
        selection.after_epoch(epoch, value, network)
    assert (selection.ended, selection.epoch, selection.value) == (True, 2, 50.0)
    selection.restore_weights(network)
    assert network.weight.item() == 2
    falling = Selection(EarlyStopping(patience=1))
    for epoch, value in enumerate((2.0, 1.0, 1.0), start=1):
        falling.after_epoch(epoch, value, network)
    assert (falling.ended, falling.epoch) == (True, 2)


class Killed(BaseException):
    """Ends an attempt at once, as SIGKILL does: nothing of the engine catches it."""


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Within the block, a training is killed when it is about to do optimizer step `step` (from 0)."""
    real = Learner.train_step

    def learn(self: Learner, images: torch.Tensor, labels: torch.Tensor, number: int) -> object:
        if number == step:
            raise Killed
        return real(self, images, labels, number)

    with mock.patch.object(Learner, "train_step", learn), pytest.raises(Killed):
        yield


RECIPES = {
    "all of them": {
        "training": Training(
            epochs=3, batch_size=16, label_smoothing=0.1, clip_norm=1.0, ema=0.9, mix=(MixUp(), CutMix())
        ),
        "scheduler": OneCycle(),
        "model": Cnn(dropout=(0.3, 0.2)),
    },
    "erasing": {
        "data": make_spec().data.__class__(
            name="cifar10", augment=Augment(transforms=(RandomErasing(),), mode="replace")
        ),
        "training": Training(epochs=3, batch_size=16),
        "scheduler": StepSchedule(step_size=1),
    },
    "early stopping": {
        "protocol": "standard",
        "training": Training(
            epochs=9, batch_size=16, ema=0.5, early_stopping=EarlyStopping(patience=1, min_delta=0.02)
        ),
        "optimizer": Sgd(lr=0.05),
    },
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_killed_and_resumed_run_has_the_bits_and_curves_of_an_uninterrupted_one(tmp_path: Path, recipe: str) -> None:
    spec = tiny_spec(**RECIPES[recipe])  # type: ignore[arg-type]
    images = tiny_images(train=96, test=40)
    straight = run(tmp_path / "straight", spec, resume=False)
    attempt = make_attempt(tmp_path / "killed", spec)
    for step in (3, 8, straight.steps - 1):
        with killed_at(step):
            run_attempt(attempt, images, intervals=EVERY_STEP)
        attempt = make_attempt(tmp_path / "killed", spec, resume=True)
    resumed = run_attempt(attempt, images, intervals=EVERY_STEP)
    assert resumed.last == straight.last
    assert points_of(tmp_path / "killed") == points_of(tmp_path / "straight")
    assert state_hash(tmp_path / "killed" / "checkpoint.pt") == state_hash(tmp_path / "straight" / "checkpoint.pt")


def run(folder: Path, spec: RunSpec, *, resume: bool) -> Result:
    attempt = make_attempt(folder, spec, resume=resume)
    return run_attempt(attempt, tiny_images(train=96, test=40), intervals=EVERY_STEP)


def test_a_run_that_stops_early_tests_its_best_epoch_and_records_which_one(tmp_path: Path) -> None:
    early = EarlyStopping(metric="val/loss", patience=2)
    spec = tiny_spec(
        protocol="standard", optimizer=Sgd(lr=0.3), training=Training(epochs=30, batch_size=16, early_stopping=early)
    )
    result = run(tmp_path, spec, resume=False)
    losses = dict(points_of(tmp_path)["val/loss"])
    best = min(losses, key=lambda epoch: losses[epoch])
    assert result.epochs == len(losses) < 30
    assert result.epochs == best + 2
    assert (result.facts["tested_epoch"], result.facts["chosen_by"]) == (best, "val/loss")
    assert [step for step, _ in points_of(tmp_path)["test/accuracy"]] == [best]


def test_a_run_killed_after_its_last_epoch_still_tests_the_best_one(tmp_path: Path) -> None:
    early = EarlyStopping(patience=2)
    spec = tiny_spec(
        protocol="standard", optimizer=Sgd(lr=0.3), training=Training(epochs=30, batch_size=16, early_stopping=early)
    )
    straight = run(tmp_path / "straight", spec, resume=False)
    with (
        mock.patch("labtui.engine.selection.Selection.restore_weights", side_effect=Killed),
        pytest.raises(Killed),
    ):
        run(tmp_path / "killed", spec, resume=False)
    assert run(tmp_path / "killed", spec, resume=True).last == straight.last
