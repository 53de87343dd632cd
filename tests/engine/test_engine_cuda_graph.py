"""The recorded step of a GPU, as far as a CPU can tell: a recorder that runs the step again stands in for CUDA's."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor

from labtui.engine.cuda_graph import WARM_UP
from labtui.engine.learner import Learner
from labtui.spec import Adam, AdamW, Cnn, Cosine, Optimizer, Sgd
from tests.support.training import CLASSES, SIDE, tiny_spec

CPU = torch.device("cpu")
Results = tuple[Tensor, Tensor]


class RunsAgain:
    """Replays by running the recorded step: what is not at a fixed place is not seen by it."""

    def __init__(self) -> None:
        self.asides = self.replays = 0

    def aside(self, step: Callable[[], Results]) -> Results:
        self.asides += 1
        return step()

    def record(self, step: Callable[[], Results]) -> tuple[Callable[[], None], Results]:
        results = (torch.zeros(()), torch.zeros((), dtype=torch.int64))

        def replay() -> None:
            self.replays += 1
            for place, value in zip(results, step(), strict=True):
                place.copy_(value)

        return replay, results


def batches(size: int = 16) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    while True:
        images = torch.randint(0, 256, (size, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
        yield images, torch.randint(0, CLASSES, (size,), generator=generator)


def learner(optimizer: Optimizer, **replay: Any) -> Learner:
    spec = tiny_spec(
        batch_size=16, optimizer=optimizer, scheduler=Cosine(warmup_epochs=0.5), model=Cnn(dropout=(0.3, 0.2))
    )
    return Learner(spec, CPU, shape=(3, SIDE, SIDE), classes=CLASSES, steps_per_epoch=10, **replay)


@pytest.mark.parametrize("optimizer", [Adam(lr=0.01), AdamW(lr=0.01), Sgd(lr=0.1), Sgd(lr=0.1, momentum=0.9)])
def test_a_replayed_training_gives_the_numbers_of_the_plain_one(optimizer: Optimizer) -> None:
    plain, device = learner(optimizer), RunsAgain()
    expected = [plain.learn(*batch, step) for step, batch in enumerate(islice(batches(), 10))]
    recorded = learner(optimizer, graph=device, say=pytest.fail)
    given = [recorded.learn(*batch, step) for step, batch in enumerate(islice(batches(), 10))]
    assert (device.asides, device.replays) == (WARM_UP, 10 - WARM_UP)
    assert [(loss.item(), int(right)) for loss, right in given] == [
        (pytest.approx(loss.item(), rel=1e-5), int(right)) for loss, right in expected
    ]


def test_the_smaller_last_batch_runs_as_it_is() -> None:
    device = RunsAgain()
    recorded = learner(Adam(), graph=device, say=pytest.fail)
    for step, batch in enumerate(islice(batches(), 6)):
        recorded.learn(*batch, step)
    loss, _ = recorded.learn(*next(batches(5)), 6)
    assert device.replays == 6 - WARM_UP
    assert bool(loss.isfinite())


def test_a_step_that_cannot_be_recorded_is_told_once_and_runs_as_it_is() -> None:
    class Refuses(RunsAgain):
        def record(self, step: Callable[[], Results]) -> tuple[Callable[[], None], Results]:
            raise RuntimeError(f"{type(step).__name__}: operation not permitted when stream is capturing")

    said: list[str] = []
    recorded, plain = learner(Sgd(lr=0.1), graph=Refuses(), say=said.append), learner(Sgd(lr=0.1))
    torch.manual_seed(0)
    given = [recorded.learn(*batch, step)[0].item() for step, batch in enumerate(islice(batches(), 8))]
    torch.manual_seed(0)
    expected = [plain.learn(*batch, step)[0].item() for step, batch in enumerate(islice(batches(), 8))]
    assert given == pytest.approx(expected, rel=1e-5)
    assert len(said) == 1
    assert "cannot be recorded" in said[0]
