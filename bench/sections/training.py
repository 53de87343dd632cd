"""Training, plain and augmented: the report's loop and its variants, Lightning, labtui, and upper bounds."""

from collections.abc import Iterator
from typing import Any

from bench.harness import RaceResult, Sample, Settings, spread
from bench.process_contender import AS_ENGINE, ProcessContender
from bench.tables import Figure, Table, rates

REPORT = "report's loop"
PEAKS = {"fp32": "peak fp32", "bf16": "peak bf16"}

FORWARD, TRAINED = 6_292_360, 18_427_080
"""Operations per image of the report's network on 32x32 images: forward; and forward and backward, without the input
gradient of the first layer. A multiply-add counts as two."""

SHARES = {"plain": 0.5, "augmented": 0.25}
"""Shares of the training set: the report's baseline uses half of it; a quarter, plain and augmented, is as much."""


def tables(settings: Settings) -> Iterator[Table]:
    """One table for plain and one for augmented images."""
    for kind in SHARES:
        yield _table(settings, kind)


def _table(settings: Settings, kind: str) -> Table:
    contenders = [*_loops(settings, kind), *_upper_bounds(settings)]
    result = settings.race(f"training, {kind}", contenders)
    names = [contender.name for contender in contenders if contender.name not in PEAKS.values()]
    figures = rates(result, names, REPORT)
    return Table(
        title=f"Training on {kind} images, batch 128, {settings.threads} threads, {settings.device}",
        unit="images/s",
        figures=(*figures, *_bounds(result)),
        reference=REPORT,
        notes=_notes(settings, result),
    )


def _loops(settings: Settings, kind: str) -> list[ProcessContender]:
    data = str(settings.data) if settings.data else None
    share = SHARES[kind] / settings.size(1, 10)
    common: dict[str, Any] = {
        "experiment": "network" if kind == "plain" else "augmentation",
        "changes": [f"data.train_fraction={share}"],
        "data": data,
        "threads": settings.threads,
        "device": settings.device,
    }
    bf16 = {**common, "changes": [*common["changes"], "training.precision=bf16"]}
    workers = settings.threads
    return [
        ProcessContender(REPORT, "engine_run:report", {**common, "workers": 0}),
        ProcessContender(
            f"its DataLoader with {workers} workers",
            "engine_run:report",
            {**common, "workers": workers},
        ),
        ProcessContender("Lightning Trainer", "lightning:lightning", common),
        ProcessContender("labtui fp32", "engine_run:labtui", common, AS_ENGINE),
        ProcessContender("labtui bf16", "engine_run:labtui", bf16, AS_ENGINE),
    ]


def _upper_bounds(settings: Settings) -> list[ProcessContender]:
    common = {"threads": settings.threads, "device": settings.device}
    steps = {**common, "steps": settings.size(100, 20)}

    def labtui_step(precision: str) -> ProcessContender:
        arguments = {**steps, "precision": precision}
        return ProcessContender(f"step alone, labtui {precision}", "single_steps:as_in_labtui", arguments, AS_ENGINE)

    return [
        ProcessContender("step alone, report's network", "single_steps:as_reported", steps),
        labtui_step("fp32"),
        labtui_step("bf16"),
        *(
            ProcessContender(name, "single_steps:peak", {**common, "precision": precision})
            for precision, name in PEAKS.items()
        ),
    ]


def _bounds(result: RaceResult) -> Iterator[Figure]:
    """The rate that the arithmetic alone would allow, at the speed of a large matrix product."""
    for precision, name in PEAKS.items():
        values = tuple(sample.rate / TRAINED for sample in result.samples[name])
        rate = spread([sample.rate for sample in result.samples[name]]).median
        note = f"{TRAINED / 1e6:.1f} MFLOP per image at a measured {rate / 1e9:,.0f} GFLOP/s"
        yield Figure(name=f"bound by arithmetic, {precision}", values=values, note=note)


def _notes(settings: Settings, result: RaceResult) -> tuple[str, ...]:
    share = {precision: _share(result, precision) for precision in PEAKS}
    return (
        f"A round is an epoch of {round(25_000 / settings.size(1, 10)):,} samples, {settings.images}.",
        *(f"labtui {precision} reaches {part:.0%} of the rate of its step alone." for precision, part in share.items()),
    )


def _share(result: RaceResult, precision: str) -> float:
    labtui: tuple[Sample, ...] = result.samples[f"labtui {precision}"]
    alone = result.samples[f"step alone, labtui {precision}"]
    return spread([whole.rate / step.rate for whole, step in zip(labtui, alone, strict=True)]).median
