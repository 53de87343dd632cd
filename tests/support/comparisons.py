"""Runs, cells and predictions made up for the tests of compare; the 13 report runs with the published figures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from labtui.compare.cells import Cell, cells
from labtui.compare.metrics import cross_entropy
from labtui.compare.model import ComparisonRow, ComparisonTable, Finding
from labtui.compare.run_data import RunData
from labtui.compare.table import compare_cells
from labtui.spec import (
    Adam,
    Augment,
    Cnn,
    ColorJitter,
    Constant,
    Data,
    HorizontalFlip,
    Normalize,
    Penalty,
    Reference,
    Resize,
    Rotation,
    RunSpec,
    Sgd,
    Training,
    Variant,
    samples_per_epoch,
    steps_per_epoch,
)
from labtui.store import tags
from labtui.store.curve import Curve
from labtui.store.predictions import Predictions
from labtui.store.records import LastValue, Launch, ModelSummary, Result, SpecFile
from labtui.store.run import Run
from labtui.store.state import State

TRAIN, TEST = 50_000, 10_000
MINUTE = 60.0

NORMALIZE = Normalize(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010))
AUGMENT = Augment(
    mode="append",
    test=True,
    transforms=(
        Resize(size=32),
        HorizontalFlip(p=0.5),
        Rotation(degrees=10),
        ColorJitter(brightness=0.3, contrast=0.2, saturation=0.2, hue=0.1),
    ),
)
LAYERS = (("conv1", "3 -> 10", 760), ("fc1", "540 -> 270", 146_070), ("fc2", "270 -> 130", 35_230))


def spec(experiment: str = "network", title: str = "Network", **changes: Any) -> RunSpec:
    """The report's full-data recipe, with changes; `seed` is 0."""
    plain = RunSpec(
        experiment=experiment,
        title=title,
        group="Cifar",
        seed=0,
        protocol="report",
        data=Data(name="cifar10"),
        model=Cnn(),
        penalty=None,
        optimizer=Adam(lr=1e-3),
        scheduler=Constant(),
        training=Training(),
        baseline="network",
    )
    return msgspec.structs.replace(plain, **changes)


def run(
    of: RunSpec,
    seed: int,
    last: Mapping[str, float],
    *,
    state: State = State.FINISHED,
    created: float | None = None,
    device: str = "cpu",
    threads: int = 2,
    seconds: float = 3 * MINUTE,
    versions: Mapping[str, str] | None = None,
    commit: str | None = None,
    images: int = TRAIN,
    test_images: int = TEST,
    facts: Mapping[str, Any] | None = None,
) -> Run:
    """A run as the store reads it; finished ones have a result."""
    of = msgspec.structs.replace(of, seed=seed)
    created = 1_000.0 + seed if created is None else created
    run_id = f"{of.group}/{of.title}/s{seed}-{created:.0f}"
    steps = steps_per_epoch(of, images) * of.training.epochs
    result = Result(
        attempt=1,
        outcome="finished",
        last={tag: LastValue(step=of.training.epochs, value=_stored(value)) for tag, value in last.items()},
        epochs=of.training.epochs,
        steps=steps,
        images_seen=samples_per_epoch(of, images) * of.training.epochs,
        train_images=samples_per_epoch(of, images),
        test_images=test_images,
        train_seconds=seconds,
        seconds=seconds + 4,
        images_per_second=samples_per_epoch(of, images) * of.training.epochs / seconds,
        model=ModelSummary(parameters=184_000, flops_per_image=13_100_000, layers=LAYERS),
        facts={"classes": 10, **(facts or {})},
    )
    launch = Launch(
        attempt=1,
        host="here",
        boot_id="b",
        started=created,
        device=device,
        threads=threads,
        data_root="/data",
        python="3.11.7",
        versions=dict(versions or {"torch": "2.13.0"}),
        commit=commit,
    )
    return Run(
        id=run_id,
        folder=Path("/runs") / run_id,
        spec_file=SpecFile(run_id=run_id, created=created, labtui="0", spec=of, data_fingerprint="f" * 12),
        damage="",
        state=state,
        reason="",
        attempt=1,
        launch=launch if state is not State.QUEUED else None,
        beat=None,
        exit=None,
        result=result if state is State.FINISHED else None,
        stop_requested=False,
        modified=created,
        foreign=False,
        read_only=False,
    )


def _stored(value: float) -> Any:
    """As result.json has it: float32, and a word for what JSON cannot say."""
    return float(np.float32(value)) if math.isfinite(value) else str(value)


def runs_of(of: RunSpec, accuracies: Sequence[float], **options: Any) -> list[Run]:
    """One finished run per accuracy, seeds 0, 1, …."""
    return [
        run(of, seed, {tags.TEST_ACCURACY: value, tags.TEST_LOSS: 3 - value / 40}, **options)
        for seed, value in enumerate(accuracies)
    ]


def curve(tag: str, values: Sequence[float], steps: Sequence[int] | None = None) -> Curve:
    """A curve with a point per epoch, from 1."""
    steps = range(1, len(values) + 1) if steps is None else steps
    return Curve(
        tag=tag,
        unit=tags.step_unit(tag),
        steps=np.array(list(steps), dtype=np.int64),
        values=np.array(values, dtype=np.float32),
        wall_times=np.arange(len(values), dtype=np.float64),
    )


def predictions(labels: Sequence[int], predicted: Sequence[int]) -> Predictions:
    """Predictions with made-up log-probabilities."""
    return Predictions(np.array(labels), np.array(predicted), np.full(len(labels), -1.0, dtype=np.float32))


def run_data(
    curves: Mapping[str, Mapping[str, Curve]] | None = None, said: Mapping[str, Predictions] | None = None
) -> RunData:
    """RunData from memory, by run id; what is not there cannot be read."""

    def read_curves(folder: Path) -> Mapping[str, Curve]:
        return (curves or {}).get(folder.relative_to("/runs").as_posix(), {})

    def read_predictions(folder: Path) -> Predictions:
        found = (said or {}).get(folder.relative_to("/runs").as_posix())
        if found is None:
            raise FileNotFoundError(folder)
        return found

    return RunData(read_curves, read_predictions)


def variant(of: RunSpec, **known: Any) -> Variant:
    """A variant of a catalog."""
    return Variant(spec=of, **known)


def judged(runs: Sequence[Run], variants: Sequence[Variant], **options: Any) -> ComparisonTable:
    """The table of runs, without anything to read from disk unless given."""
    return compare_cells(cells(runs), variants, **{"run_data": run_data(), **options})


def row(of: ComparisonTable, name: str) -> ComparisonRow:
    """The row of that name."""
    found = of.row(name)
    assert found is not None, f"no row {name!r} among {[one.name for one in of.rows]}"
    return found


def codes(findings: Sequence[Finding]) -> set[str]:
    """What was found, as codes."""
    return {finding.code for finding in findings}


def said(of: ComparisonRow, code: str) -> str:
    """The one text with that code."""
    texts = [finding.text for finding in of.all_findings if finding.code == code]
    assert len(texts) == 1, f"{of.title}: {len(texts)} of {code!r}, among {sorted(codes(of.all_findings))}"
    return texts[0]


def on_report_scale(tag: str, entropy: float, samples: int, of: RunSpec) -> float:
    """The loss that the report's code prints for a mean cross-entropy per image: the inverse of `cross_entropy`."""
    return float((entropy / cross_entropy(tag, 1.0, samples, of)) ** 0.5)


def only_cell(runs: Sequence[Run]) -> Cell:
    """The cell of runs that make one."""
    (found,) = cells(runs)
    return found


# --- The report ------------------------------------------------------------------------------------------------------


def _reference(train: float, test: float | None, accuracy: float, relative: str, **more: Any) -> Reference:
    figures = {tags.REPORT_TRAIN_LOSS: train, tags.REPORT_TEST_ACCURACY: accuracy}
    if test is not None:
        figures[tags.REPORT_TEST_LOSS] = test
    return Reference(**{"figures": figures, "epoch": 10, "relative": {tags.REPORT_TEST_ACCURACY: relative}, **more})


def _sgd(rate: float, test: float, accuracy: float, relative: str, train: float = 0.1342) -> Variant:
    of = spec("sgd", f"SGD {rate:g}", member=f"{rate:g}", optimizer=Sgd(lr=rate), factor=("optimizer",))
    reference = _reference(train, test, accuracy, relative, epoch=8, epochs={tags.REPORT_TEST_ACCURACY: 9})
    return variant(of, reference=reference)


def _adam(rate: float, train: float, accuracy: float, relative: str, title: str) -> Variant:
    of = spec("adam", title, member=title.split()[1], optimizer=Adam(lr=rate), factor=("optimizer.lr",))
    return variant(of, reference=_reference(train, None, accuracy, relative))


def report_variants() -> tuple[Variant, ...]:
    """The 13 variants with their declared factors and published figures."""
    both = ("data.augment", "data.normalize")
    l1, l2 = (Penalty(norm=norm, weight=0.5, modules="fc1") for norm in ("l1", "l2"))
    return (
        variant(
            spec(data=Data(name="cifar10", train_fraction=0.5), baseline=None),
            reference=_reference(0.0924, 0.1387, 55.9, "1m 52s", note="The text also calls the test accuracy 60."),
            conclusion="It overfits.",
        ),
        variant(
            spec("augmentation", "Augmentation", data=Data(name="cifar10", augment=AUGMENT), factor=both[:1]),
            reference=_reference(0.07862, 0.1248, 65.93, "10m 48s", in_kind=True, note="The colour jitter is cut."),
            conclusion="It beats the baseline.",
        ),
        variant(
            spec("normalization", "Normalization", data=Data(name="cifar10", normalize=NORMALIZE), factor=both[1:]),
            reference=_reference(0.07022, 0.1295, 66.24, "4m 26s"),
            conclusion="It beats the baseline.",
        ),
        variant(
            spec("norm_aug", "Norm_Aug", data=Data(name="cifar10", augment=AUGMENT, normalize=NORMALIZE), factor=both),
            reference=_reference(0.06956, 0.1215, 69.32, "12m 21s", in_kind=True),
            conclusion="The best of all.",
        ),
        variant(
            spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",)),
            reference=_reference(0.08806, 0.1323, 61.04, "3m 32s"),
            conclusion="It beats the baseline.",
        ),
        variant(
            spec("l1", "L1", penalty=l1, factor=("penalty",)), reference=_reference(0.2801, 0.1623, 35.28, "3m 34s")
        ),
        variant(spec("l2", "L2", penalty=l2, factor=("penalty",)), reference=_reference(0.11, 0.1482, 47.67, "3m 29s")),
        _adam(0.01, 0.1342, 10, "2m 45s", "Adam 0.01"),
        _adam(0.001, 0.08308, 64.26, "3m 18s", "Adam 0.001"),
        _adam(0.0001, 0.1082, 45.41, "3m 19s", "Adam 0.0001"),
        _sgd(0.01, 0.1787, 24.13, "2m 24s", 0.1272),
        _sgd(0.001, 0.1901, 10, "2m 46s"),
        _sgd(0.0001, 0.1902, 10.02, "2m 47s"),
    )


def report_runs(seeds: int = 3, spread: float = 0.3) -> list[Run]:
    """A run per variant and seed whose figures scatter about the published ones; at chance they do not scatter."""
    generator = np.random.default_rng(6)
    return [
        _report_run(one, seed, spread * float(generator.standard_normal()))
        for one in report_variants()
        for seed in range(seeds)
    ]


def _report_run(one: Variant, seed: int, off: float) -> Run:
    assert one.reference is not None
    figures = dict(one.reference.figures)
    accuracy, train = figures[tags.REPORT_TEST_ACCURACY], figures[tags.REPORT_TRAIN_LOSS]
    off = off if accuracy > 11 else 0.001 * seed
    last = {
        tags.REPORT_TRAIN_LOSS: train * (1 + off / 500),
        tags.REPORT_TEST_LOSS: figures.get(tags.REPORT_TEST_LOSS, figures[tags.REPORT_TRAIN_LOSS] * 1.5)
        * (1 + off / 500),
        tags.REPORT_TEST_ACCURACY: accuracy + off,
        tags.REPORT_TRAIN_ACCURACY: accuracy + 2 if accuracy > 11 else 10.0,
        tags.TEST_ACCURACY: accuracy + off + (3 if one.spec.experiment == "dropout" else 0),
        tags.TEST_LOSS: 2.6 - accuracy / 40 - off / 100,
    }
    relative = one.reference.relative[tags.REPORT_TEST_ACCURACY].split()
    seconds = float(relative[0][:-1]) * 60 + float(relative[1][:-1])
    return run(one.spec, seed, last, seconds=seconds)


def report_curves(runs: Sequence[Run]) -> dict[str, dict[str, Curve]]:
    """The six curves of the report runs: dead Adam stands still, slow SGD creeps down, L1 starts at 1,572."""
    return {one.id: _curves(one) for one in runs}


def report_predictions(runs: Sequence[Run], images: int = 2_000) -> dict[str, Predictions]:
    """What the networks say: right as often as their test accuracy has it; at chance one answer for every image."""
    labels = np.arange(images) % 10
    found = {}
    for one in runs:
        assert one.result is not None
        generator = np.random.default_rng(one.spec.seed if one.spec else 0)
        share = one.result.last[tags.TEST_ACCURACY].number / 100
        right = generator.random(images) < share + 0.1 * np.cos(labels)
        said_by_it = np.where(right, labels, (labels + 1 + generator.integers(0, 9, images)) % 10)
        found[one.id] = predictions(labels, said_by_it if share > 0.11 else np.full(images, 3))
    return found


def report_run_data(runs: Sequence[Run]) -> RunData:
    """Curves and predictions of the report runs."""
    return run_data(report_curves(runs), report_predictions(runs))


_SLOPES = {"adam@0.01": 0.0, "sgd@0.001": 0.0005, "sgd@0.0001": 0.00005}
"""By how much the cross-entropy of those that learn nothing falls per epoch."""


def _curves(one: Run) -> dict[str, Curve]:
    assert one.spec is not None
    assert one.result is not None
    last = {tag: end.number for tag, end in one.result.last.items()}
    epochs, accuracy = np.arange(10), last[tags.REPORT_TEST_ACCURACY]
    falling = 1 + 0.6 * np.exp(-epochs / 2) if accuracy > 11 else np.ones(10)
    train = last[tags.REPORT_TRAIN_LOSS] * falling
    if one.spec.name in _SLOPES:
        entropies = math.log(10) + 0.003 - _SLOPES[one.spec.name] * epochs + 0.00002 * (-1.0) ** epochs * (epochs % 3)
        samples = one.result.train_images
        train = np.array([on_report_scale(tags.REPORT_TRAIN_LOSS, value, samples, one.spec) for value in entropies])
    first = {"l1": 1_572.0, "l2": 7.1}.get(one.spec.name, 2.2)
    points = 30 if one.spec.data.train_fraction < 1 else 150 if one.spec.data.augment else 70
    noise = np.random.default_rng(one.spec.seed).standard_normal(points)
    rising = (1 - np.exp(-np.arange(1, points + 1) / 20)) * (accuracy - 10) + 10
    drawn = {
        tags.REPORT_TRAIN_LOSS: train,
        tags.REPORT_TEST_LOSS: last[tags.REPORT_TEST_LOSS] * falling,
        tags.REPORT_TRAIN_ACCURACY: last[tags.REPORT_TRAIN_ACCURACY] - (9 - epochs) * 2 * (accuracy > 11),
        tags.REPORT_TEST_ACCURACY: accuracy - (9 - epochs) * (accuracy > 11),
        tags.MINIBATCH_LOSS: np.array([first, *np.linspace(2.2, last[tags.TEST_LOSS], points - 1)]) + 0.05 * noise,
        tags.MINIBATCH_ACCURACY: rising + 2 * noise,
    }
    return {tag: curve(tag, values.tolist()) for tag, values in drawn.items()}
