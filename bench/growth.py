"""How cost grows: with images, with runs on disk, with points of a run, with runs at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.commands import Command
from bench.contenders import AS_ENGINE, Apart
from bench.run_folders import TAGS
from bench.setting import Setting
from bench.startup import NO_DATA
from bench.tables import Figure, Table, rates, times

AT_ONCE = 4
"""Runs of the table about runs at once."""


def tables(setting: Setting) -> Iterator[Table]:
    """Four tables."""
    yield _images(setting)
    yield _runs(setting)
    yield _points(setting)
    yield _at_once(setting)


def _images(setting: Setting) -> Table:
    sizes = [1_000, 5_000, 25_000, 50_000] if not setting.quick else [500, 2_500]
    names = [f"{size:,} images" for size in sizes]
    common: dict[str, Any] = {
        "experiment": "network",
        "data": str(setting.data) if setting.data else None,
        "threads": setting.threads,
        "device": setting.device,
    }
    contenders = [
        Apart(name, "bench.loops:labtui", {**common, "changes": [f"data.train_fraction={size / 50_000}"]}, AS_ENGINE)
        for name, size in zip(names, sizes, strict=True)
    ]
    course = setting.race("growth, images", contenders, max(1, setting.rounds // 2))
    return Table(
        title=f"Training rate by the size of an epoch, {setting.threads} threads, {setting.device}",
        unit="images/s",
        figures=rates(course, names, names[-1]),
        reference=names[-1],
    )


def _runs(setting: Setting) -> Table:
    counts = [13, 100, 500, 2_000] if not setting.quick else [13, 100]
    cases = {
        f"{count:,} runs, {what}": {"runs": count, "again": again}
        for count in counts
        for what, again in (("first look", False), ("nothing changed", True))
    }
    contenders = [Apart(name, "bench.reading:scan", settings) for name, settings in cases.items()]
    course = setting.race("growth, runs on disk", contenders)
    return Table(title="One scan of a runs folder", unit="ms", figures=times(course, tuple(cases), "", 1e3))


def _points(setting: Setting) -> Table:
    sizes = [1_000, 10_000, 100_000] if not setting.quick else [1_000, 10_000]
    names = [f"{size * len(TAGS):,} points" for size in sizes]
    contenders = [Apart(name, "bench.reading:ours", {"steps": size}) for name, size in zip(names, sizes, strict=True)]
    course = setting.race("growth, points", contenders)
    return Table(
        title="Reading all points of a run",
        unit="points/s",
        figures=rates(course, names, names[0]),
        reference=names[0],
    )


def _at_once(setting: Setting) -> Table:
    title = f"{AT_ONCE} runs of the report's baseline, 1 epoch each, {setting.device}"
    if setting.data is None:
        return Table(title=title, unit="s", figures=(Figure(name="all", skipped=NO_DATA),))
    words = ["-m", "labtui", "run", "network", "--seeds", str(AT_ONCE), "--epochs", "1", "-q"]
    words += ["--set", f"data.train_fraction={0.5 / setting.size(1, 10)}", "--device", setting.device]
    words += ["--data", str(setting.data)]

    def command(jobs: str) -> Command:
        def arguments(runs: Path) -> Sequence[str]:
            return [*words, "-j", jobs, "--runs", str(runs)]

        return Command(f"-j {jobs}", arguments)

    contenders = [command(jobs) for jobs in ("1", "2", "auto")]
    course = setting.race("growth, runs at once", contenders, max(1, setting.rounds // 2))
    return Table(
        title=title,
        unit="s",
        figures=times(course, [contender.name for contender in contenders], "-j 1"),
        reference="-j 1",
        notes=("The whole command: processes, imports, training, tests, the comparison at the end.",),
    )
