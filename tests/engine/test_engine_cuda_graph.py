"""The captured training step, tested on a CPU with a device that replays by running the step again."""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest
import torch
from torch import Tensor

from labtui.engine.cuda_graph import WARM_UP_STEPS, GraphDevice
from labtui.engine.learner import Learner
from labtui.spec import Adam, AdamW, Cnn, Cosine, CutMix, MixUp, Optimizer, Sgd, Training
from tests.support.training import CLASSES, SIDE, tiny_spec

CPU = torch.device("cpu")
Results = tuple[Tensor, Tensor]


class RunsAgain:
    """Replays by running the captured step: it sees only what is at a fixed address."""

    def __init__(self) -> None:
        self.warm_ups = self.replays = 0

    def warm_up(self, step: Callable[[], Results]) -> Results:
        self.warm_ups += 1
        return step()

    def capture(self, step: Callable[[], Results]) -> tuple[Callable[[], None], Results]:
        results = (torch.zeros(()), torch.zeros((), dtype=torch.int64))

        def replay() -> None:
            self.replays += 1
            for result, value in zip(results, step(), strict=True):
                result.copy_(value)

        return replay, results


def batches(size: int = 16) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    while True:
        images = torch.randint(0, 256, (size, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
        yield images, torch.randint(0, CLASSES, (size,), generator=generator)


def learner(
    optimizer: Optimizer,
    device: GraphDevice | None = None,
    say: Callable[[str], None] = pytest.fail,
    training: Training = Training(batch_size=16),  # noqa: B008 (a frozen value)
) -> Learner:
    spec = tiny_spec(
        training=training, optimizer=optimizer, scheduler=Cosine(warmup_epochs=0.5), model=Cnn(dropout=(0.3, 0.2))
    )
    return Learner(spec, CPU, shape=(3, SIDE, SIDE), classes=CLASSES, steps_per_epoch=10, say=say, graph_device=device)


@pytest.mark.parametrize("optimizer", [Adam(lr=0.01), AdamW(lr=0.01), Sgd(lr=0.1), Sgd(lr=0.1, momentum=0.9)])
def test_a_replayed_training_gives_the_numbers_of_the_plain_one(optimizer: Optimizer) -> None:
    plain, device = learner(optimizer), RunsAgain()
    expected = [plain.train_step(*batch, step) for step, batch in enumerate(islice(batches(), 10))]
    captured = learner(optimizer, device)
    given = [captured.train_step(*batch, step) for step, batch in enumerate(islice(batches(), 10))]
    assert (device.warm_ups, device.replays) == (WARM_UP_STEPS, 10 - WARM_UP_STEPS)
    assert [(loss.item(), int(right)) for loss, right in given] == [
        (pytest.approx(loss.item(), rel=1e-5), int(right)) for loss, right in expected
    ]


def test_a_replayed_step_mixes_clips_and_averages_like_the_plain_one() -> None:
    training = Training(batch_size=16, mix=(MixUp(), CutMix()), clip_norm=0.5, ema=0.8, label_smoothing=0.1)
    plain, device = learner(Sgd(lr=0.1), training=training), RunsAgain()
    expected = [plain.train_step(*batch, step)[0].item() for step, batch in enumerate(islice(batches(), 10))]
    captured = learner(Sgd(lr=0.1), device, training=training)
    given = [captured.train_step(*batch, step)[0].item() for step, batch in enumerate(islice(batches(), 10))]
    assert given == pytest.approx(expected, rel=1e-5)
    assert device.replays == 10 - WARM_UP_STEPS
    for ours, theirs in zip(captured.evaluated.parameters(), plain.evaluated.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_smaller_last_batch_runs_without_a_graph() -> None:
    device = RunsAgain()
    captured = learner(Adam(), device)
    for step, batch in enumerate(islice(batches(), 6)):
        captured.train_step(*batch, step)
    loss, _ = captured.train_step(*next(batches(5)), 6)
    assert device.replays == 6 - WARM_UP_STEPS
    assert bool(loss.isfinite())


def test_a_step_that_cannot_be_captured_is_logged_once_and_runs_without_a_graph() -> None:
    class Refuses(RunsAgain):
        def capture(self, step: Callable[[], Results]) -> tuple[Callable[[], None], Results]:
            raise RuntimeError(f"{type(step).__name__}: operation not permitted when stream is capturing")

    log: list[str] = []
    captured, plain = learner(Sgd(lr=0.1), Refuses(), log.append), learner(Sgd(lr=0.1))
    torch.manual_seed(0)
    given = [captured.train_step(*batch, step)[0].item() for step, batch in enumerate(islice(batches(), 8))]
    torch.manual_seed(0)
    expected = [plain.train_step(*batch, step)[0].item() for step, batch in enumerate(islice(batches(), 8))]
    assert given == pytest.approx(expected, rel=1e-5)
    assert len(log) == 1
    assert "cannot be captured" in log[0]
