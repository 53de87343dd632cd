"""How fast event files are read, compared with tensorboard's reader; and the cost of polling growing runs."""

from collections.abc import Iterator

from bench.harness import Settings
from bench.process_contender import ProcessContender
from bench.run_folders import TAGS
from bench.tables import Table, rates, times


def tables(settings: Settings) -> Iterator[Table]:
    """Whole runs of two sizes, and polls."""
    for steps in (1_000, settings.size(10_000, 2_000)):
        yield _whole(settings, steps)
    yield _polls(settings)


def _whole(settings: Settings, steps: int) -> Table:
    tensorboard, labtui, cached = "tensorboard's EventAccumulator", "labtui", "labtui, from its cache"
    contenders = [
        ProcessContender(tensorboard, "reading:tensorboard", {"steps": steps}),
        ProcessContender(labtui, "reading:labtui", {"steps": steps}),
        ProcessContender(cached, "reading:labtui_cached", {"steps": steps}),
    ]
    result = settings.race(f"reading {steps:,} steps", contenders)
    return Table(
        title=f"Reading a run of {steps * len(TAGS):,} points, every checksum verified",
        unit="points/s",
        figures=rates(result, (tensorboard, labtui, cached), tensorboard),
        reference=tensorboard,
        notes=("From the cache, the checksum of the cached file is verified; the event file has not changed since.",),
    )


def _polls(settings: Settings) -> Table:
    cases = {
        "1 run, 6 new points": (1, 6),
        "1 run, 600 new points": (1, 600),
        "100 runs, nothing new": (100, 0),
        "100 runs, 6 new points each": (100, 6),
    }
    contenders = [
        ProcessContender(name, "reading:poll", {"runs": runs, "points": points})
        for name, (runs, points) in cases.items()
    ]
    result = settings.race("polling", contenders)
    return Table(title="One poll of watched runs", unit="ms", figures=times(result, tuple(cases), "", 1e3))
