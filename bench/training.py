"""Training, plain and augmented: the report's loop and its relatives, Lightning, labtui, and what no loop can beat."""

from collections.abc import Iterator
from typing import Any

from bench.contenders import AS_ENGINE, Apart
from bench.harness import Course, Sample, spread
from bench.setting import Setting
from bench.tables import Figure, Table, rates

REPORT = "report's loop"
PEAKS = {"fp32": "peak fp32", "bf16": "peak bf16"}

FORWARD, TRAINED = 6_292_360, 18_427_080
"""Operations of one image through the network: forward; and forward and backward, which spares the first layer's input
gradient. A multiply-add counts two. The report's network on 32x32 images."""

SHARES = {"plain": 0.5, "augmented": 0.25}
"""Of the training set: the report's baseline has half of it; a quarter, once plain and once augmented, is as many."""


def tables(setting: Setting) -> Iterator[Table]:
    """One table for plain and one for augmented images."""
    for kind in SHARES:
        yield _table(setting, kind)


def _table(setting: Setting, kind: str) -> Table:
    contenders = [*_loops(setting, kind), *_ceilings(setting)]
    course = setting.race(f"training, {kind}", contenders)
    names = [contender.name for contender in contenders if contender.name not in PEAKS.values()]
    figures = rates(course, names, REPORT)
    return Table(
        title=f"Training on {kind} images, batch 128, {setting.threads} threads, {setting.device}",
        unit="images/s",
        figures=(*figures, *_bounds(course)),
        reference=REPORT,
        notes=_notes(setting, course),
    )


def _loops(setting: Setting, kind: str) -> list[Apart]:
    data = str(setting.data) if setting.data else None
    share = SHARES[kind] / setting.size(1, 10)
    common: dict[str, Any] = {
        "experiment": "network" if kind == "plain" else "augmentation",
        "changes": [f"data.train_fraction={share}"],
        "data": data,
        "threads": setting.threads,
        "device": setting.device,
    }
    bf16 = {**common, "changes": [*common["changes"], "training.precision=bf16"]}
    workers = setting.threads
    return [
        Apart(REPORT, "bench.loops:report", {**common, "workers": 0}),
        Apart(f"its DataLoader with {workers} workers", "bench.loops:report", {**common, "workers": workers}),
        Apart("Lightning Trainer", "bench.lightning_loop:lightning", common),
        Apart("labtui fp32", "bench.loops:labtui", common, AS_ENGINE),
        Apart("labtui bf16", "bench.loops:labtui", bf16, AS_ENGINE),
    ]


def _ceilings(setting: Setting) -> list[Apart]:
    common = {"threads": setting.threads, "device": setting.device}
    steps = {**common, "steps": setting.size(100, 20)}

    def ours(precision: str) -> Apart:
        settings = {**steps, "precision": precision}
        return Apart(f"step alone, labtui {precision}", "bench.steps:as_in_labtui", settings, AS_ENGINE)

    return [
        Apart("step alone, report's network", "bench.steps:as_reported", steps),
        ours("fp32"),
        ours("bf16"),
        *(Apart(name, "bench.steps:peak", {**common, "precision": precision}) for precision, name in PEAKS.items()),
    ]


def _bounds(course: Course) -> Iterator[Figure]:
    """What the arithmetic alone would allow at the rate of a large matrix product."""
    for precision, name in PEAKS.items():
        values = tuple(sample.rate / TRAINED for sample in course.samples[name])
        rate = spread([sample.rate for sample in course.samples[name]]).median
        note = f"{TRAINED / 1e6:.1f} MFLOP an image at a measured {rate / 1e9:,.0f} GFLOP/s"
        yield Figure(name=f"bound by arithmetic, {precision}", values=values, note=note)


def _notes(setting: Setting, course: Course) -> tuple[str, ...]:
    share = {precision: _share(course, precision) for precision in PEAKS}
    return (
        f"One round is an epoch of {round(25_000 / setting.size(1, 10)):,} samples, {setting.images}.",
        *(f"labtui {precision} reaches {part:.0%} of its step alone." for precision, part in share.items()),
    )


def _share(course: Course, precision: str) -> float:
    ours: tuple[Sample, ...] = course.samples[f"labtui {precision}"]
    alone = course.samples[f"step alone, labtui {precision}"]
    return spread([one.rate / other.rate for one, other in zip(ours, alone, strict=True)]).median
