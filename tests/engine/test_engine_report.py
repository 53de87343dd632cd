"""`protocol = "report"`: the numbers of the report's own loop, written out here, and exactly its tags."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.engine.data import make_splits
from labtui.engine.epoch_totals import EpochTotals
from labtui.engine.evaluate import report_loss
from labtui.engine.metric_writer import MetricWriter
from labtui.engine.rng import shuffled
from labtui.spec import Adam, Cnn, Data, Normalize, Penalty, RunSpec, Sgd, Training, steps_per_epoch
from labtui.store.recorder import Recorder
from tests.support.training import AUGMENT, CLASSES, make_attempt, points_of, run_attempt, tiny_images, tiny_spec

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
NORMALIZE = Normalize(mean=MEAN, std=STD)
SIX = [
    "Accuracy on minibatches",
    "Loss on Minibatches",
    "Test Loss",
    "Test accuracy",
    "Train Loss",
    "Train accuracy",
]


class ReportNetwork(nn.Module):
    """The network as the report has it: ReLU before max-pool."""

    def __init__(self, flat: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 5)
        self.conv2 = nn.Conv2d(10, 30, 5)
        self.conv3 = nn.Conv2d(30, 60, 5)
        self.fc1 = nn.Linear(flat, 270)
        self.fc2 = nn.Linear(270, 130)
        self.fc3 = nn.Linear(130, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


def read(reading: Any, numbers: Tensor, spec: RunSpec) -> tuple[Tensor, Tensor]:
    images, labels = reading.take(numbers)
    floats = images.contiguous().float() / 255
    if spec.data.normalize is not None:
        floats = (floats - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    return floats, labels


def report_loop(spec: RunSpec) -> dict[str, list[tuple[int, float]]]:
    """The report's training and test, batch by batch, every figure read at once."""
    torch.manual_seed(spec.seed)
    splits = make_splits(tiny_images(), spec, torch.device("cpu"))
    network = ReportNetwork(flat=60)
    lr = spec.optimizer.lr
    optimizer: torch.optim.Optimizer
    if isinstance(spec.optimizer, Sgd):
        optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    else:
        optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    points: dict[str, list[tuple[int, float]]] = {tag: [] for tag in SIX}
    train, test, counter = splits.train, splits.validation, 0
    for epoch in range(1, spec.training.epochs + 1):
        loss_sum, correct = 0.0, 0
        reading = train.for_epoch(spec.seed, "augment", epoch)
        batches = shuffled(len(train), spec.seed, "order", epoch).split(spec.training.batch_size)
        for number, batch in enumerate(batches, start=1):
            images, labels = read(reading, batch, spec)
            logits = network(images)
            loss = F.cross_entropy(logits, labels)
            if spec.penalty is not None:
                weights = torch.cat([parameter.flatten() for parameter in network.fc1.parameters()])
                loss = loss + spec.penalty.weight * torch.linalg.vector_norm(weights, ord=int(spec.penalty.norm[1]))
            right = int((logits.argmax(1) == labels).sum())
            loss_sum, correct = loss_sum + loss.item(), correct + right
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if number % spec.training.log_every == 0:
                counter += 1
                points["Loss on Minibatches"].append((counter, loss.item()))
                points["Accuracy on minibatches"].append((counter, 100 * right / len(labels)))
        points["Train Loss"].append((epoch, math.sqrt(loss_sum / len(train))))
        points["Train accuracy"].append((epoch, 100 * correct / len(train)))
        loss_sum, correct = 0.0, 0
        reading = test.for_epoch(spec.seed, "test augment", epoch)
        with torch.no_grad():
            for batch in shuffled(len(test), spec.seed, "test order", epoch).split(spec.training.test_batch_size):
                images, labels = read(reading, batch, spec)
                logits = network(images)
                loss_sum += F.cross_entropy(logits, labels).item()
                correct += int((logits.argmax(1) == labels).sum())
        points["Test Loss"].append((epoch, math.sqrt(loss_sum / len(test))))
        points["Test accuracy"].append((epoch, 100 * correct / len(test)))
    return points


RUNS = {
    "half the data": {"data": Data(name="cifar10", train_fraction=0.5)},
    "normalized": {"data": Data(name="cifar10", normalize=NORMALIZE)},
    "augmented": {"data": Data(name="cifar10", augment=AUGMENT)},
    "augmented and normalized": {"data": Data(name="cifar10", augment=AUGMENT, normalize=NORMALIZE)},
    "l1": {"penalty": Penalty(norm="l1", weight=0.02, modules="fc1")},
    "l2": {"penalty": Penalty(norm="l2", weight=0.02, modules=("fc1",))},
    "adam 0.01": {"optimizer": Adam(lr=0.01)},
    "sgd": {"optimizer": Sgd(lr=0.01)},
}


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS.keys())
def test_a_run_gives_the_numbers_of_the_reports_loop(tmp_path: Path, changes: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    spec = tiny_spec(**changes)
    result = run_attempt(make_attempt(tmp_path, spec), tiny_images())
    assert (result.outcome, result.reason) == ("finished", "")
    ours, theirs = points_of(tmp_path), report_loop(spec)
    assert set(SIX) < set(ours)
    for tag in SIX:
        assert [step for step, _ in ours[tag]] == [step for step, _ in theirs[tag]]
        # Rounding differs, and Adam's first steps magnify it; an answer tips over where two logits are all but equal.
        tolerance = {"abs": 3.2 if "minibatch" in tag else 0.7} if "ccuracy" in tag else {"rel": 2e-3}
        assert [value for _, value in ours[tag]] == pytest.approx([value for _, value in theirs[tag]], **tolerance)


def test_dropout_is_active_in_the_reports_test_and_not_in_the_final_one(tmp_path: Path) -> None:
    spec = tiny_spec(model=Cnn(dropout=(0.9, 0.9)), epochs=1, optimizer=Adam(lr=1e-12))
    run_attempt(make_attempt(tmp_path, spec), tiny_images(test=1_000))
    points = points_of(tmp_path)
    untrained = points["test/loss"][0][1]
    dropped = points["Test Loss"][0][1] ** 2 * 1_000 / 16  # 15 batches of 64 and one of 40: the mean of 16 means
    assert untrained == pytest.approx(math.log(CLASSES), rel=0.01)
    assert abs(dropped - untrained) > 1e-4  # the same weights, the same images: only dropout tells them apart


def test_an_untrained_network_scores_what_the_report_shows_for_its_dead_runs() -> None:
    tally = EpochTotals(50_000, 128)
    for _ in range(391):
        tally.add(torch.tensor(math.log(10)), torch.tensor(13))
    tally.read()
    assert round(tally.report_loss, 4) == 0.1342
    assert round(report_loss(torch.full((10_000,), math.log(10)), 64), 4) == 0.1901


@pytest.mark.parametrize(("fraction", "appended", "points"), [(0.5, False, 30), (1.0, False, 70), (1.0, True, 150)])
def test_minibatch_points_are_counted_as_in_the_report(
    tmp_path: Path, fraction: float, appended: bool, points: int
) -> None:
    data = Data(name="cifar10", train_fraction=fraction, augment=AUGMENT if appended else None)
    spec = tiny_spec(data=data, training=Training())
    steps = steps_per_epoch(spec, 50_000)
    recorder = Recorder(tmp_path, 1, last={})
    journal = MetricWriter(spec, steps, recorder, lambda _: None)
    for epoch in range(1, 11):
        tally = EpochTotals(50_000 * (2 if appended else 1) if fraction == 1 else 25_000, 128)
        for step in range(steps):
            tally.add(torch.tensor(float(epoch * 1_000 + step + 1)), torch.tensor(64))
            if step % 37 == 0:
                journal.write_points(epoch, tally)
        journal.write_points(epoch, tally)
    recorder.close()
    losses = points_of(tmp_path)["Loss on Minibatches"]
    per_epoch = points // 10
    assert losses == [
        (number + 1, (number // per_epoch + 1) * 1_000 + (number % per_epoch + 1) * 50.0) for number in range(points)
    ]
    assert len(points_of(tmp_path)["Accuracy on minibatches"]) == points


def test_the_last_smaller_batch_weighs_as_much_as_a_full_one() -> None:
    tally = EpochTotals(300, 299)
    tally.add(torch.tensor(1.0), torch.tensor(0))
    tally.add(torch.tensor(9.0), torch.tensor(1))
    tally.read()
    assert tally.report_loss == pytest.approx(math.sqrt(10 / 300))
    assert tally.batch_accuracy(1) == 100.0
    losses = torch.cat((torch.full((128,), 1.0), torch.full((2,), 9.0)))
    assert report_loss(losses, 64) == pytest.approx(math.sqrt((1 + 1 + 9) / 130))


def test_a_run_writes_exactly_the_reports_tags_and_those_of_every_run(tmp_path: Path) -> None:
    spec = tiny_spec(epochs=1)
    result = run_attempt(make_attempt(tmp_path, spec), tiny_images())
    expected = {*SIX, "train/loss", "train/accuracy", "lr", "test/loss", "test/accuracy"}
    assert set(points_of(tmp_path)) == expected == set(result.last)


def test_the_result_has_the_last_values_as_in_the_event_file(tmp_path: Path) -> None:
    result = run_attempt(make_attempt(tmp_path, tiny_spec()), tiny_images())
    points = points_of(tmp_path)
    assert {tag: (last.step, last.number) for tag, last in result.last.items()} == {
        tag: values[-1] for tag, values in points.items()
    }
    assert len(points["test/loss"]) == len(points["test/accuracy"]) == 1
