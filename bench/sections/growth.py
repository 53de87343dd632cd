"""How cost grows with images, runs on disk, points of a run, and runs at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.commands import Command
from bench.harness import Settings
from bench.process_contender import AS_ENGINE, ProcessContender
from bench.run_folders import TAGS
from bench.sections.startup import NO_DATA
from bench.tables import Figure, Table, rates, times

AT_ONCE = 4
"""Runs in the table about runs at once."""


def tables(settings: Settings) -> Iterator[Table]:
    """Four tables."""
    yield _images(settings)
    yield _runs(settings)
    yield _points(settings)
    yield _at_once(settings)


def _images(settings: Settings) -> Table:
    sizes = [1_000, 5_000, 25_000, 50_000] if not settings.quick else [500, 2_500]
    names = [f"{size:,} images" for size in sizes]
    common: dict[str, Any] = {
        "experiment": "network",
        "data": str(settings.data) if settings.data else None,
        "threads": settings.threads,
        "device": settings.device,
    }
    contenders = [
        ProcessContender(
            name,
            "engine_run:labtui",
            {**common, "changes": [f"data.train_fraction={size / 50_000}"]},
            AS_ENGINE,
        )
        for name, size in zip(names, sizes, strict=True)
    ]
    result = settings.race("growth, images", contenders, max(1, settings.rounds // 2))
    return Table(
        title=f"Training rate by the size of an epoch, {settings.threads} threads, {settings.device}",
        unit="images/s",
        figures=rates(result, names, names[-1]),
        reference=names[-1],
    )


def _runs(settings: Settings) -> Table:
    counts = [13, 100, 500, 2_000] if not settings.quick else [13, 100]
    cases = {
        f"{count:,} runs, {what}": {"runs": count, "again": again}
        for count in counts
        for what, again in (("first scan", False), ("nothing changed", True))
    }
    contenders = [ProcessContender(name, "reading:scan", arguments) for name, arguments in cases.items()]
    result = settings.race("growth, runs on disk", contenders)
    return Table(title="One scan of a runs folder", unit="ms", figures=times(result, tuple(cases), "", 1e3))


def _points(settings: Settings) -> Table:
    sizes = [1_000, 10_000, 100_000] if not settings.quick else [1_000, 10_000]
    names = [f"{size * len(TAGS):,} points" for size in sizes]
    contenders = [
        ProcessContender(name, "reading:labtui", {"steps": size}) for name, size in zip(names, sizes, strict=True)
    ]
    result = settings.race("growth, points", contenders)
    return Table(
        title="Reading all points of a run",
        unit="points/s",
        figures=rates(result, names, names[0]),
        reference=names[0],
    )


def _at_once(settings: Settings) -> Table:
    title = f"{AT_ONCE} runs of the report's baseline, 1 epoch each, {settings.device}"
    if settings.data is None:
        return Table(title=title, unit="s", figures=(Figure(name="all", skipped=NO_DATA),))
    arguments = ["-m", "labtui", "run", "network", "--seeds", str(AT_ONCE), "--epochs", "1", "-q"]
    arguments += ["--set", f"data.train_fraction={0.5 / settings.size(1, 10)}", "--device", settings.device]
    arguments += ["--data", str(settings.data)]

    def command(jobs: str) -> Command:
        def with_runs(runs: Path) -> Sequence[str]:
            return [*arguments, "-j", jobs, "--runs", str(runs)]

        return Command(f"-j {jobs}", with_runs)

    contenders = [command(jobs) for jobs in ("1", "2", "auto")]
    result = settings.race("growth, runs at once", contenders, max(1, settings.rounds // 2))
    return Table(
        title=title,
        unit="s",
        figures=times(result, [contender.name for contender in contenders], "-j 1"),
        reference="-j 1",
        notes=("The time of the whole command: processes, imports, training, tests, the comparison at the end.",),
    )
