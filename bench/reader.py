"""How fast event files are read, beside tensorboard's own reader; and what a poll of runs that grow costs."""

from collections.abc import Iterator

from bench.contenders import Apart
from bench.run_folders import TAGS
from bench.setting import Setting
from bench.tables import Table, rates, times


def tables(setting: Setting) -> Iterator[Table]:
    """Whole runs of two sizes; then polls."""
    for steps in (1_000, setting.size(10_000, 2_000)):
        yield _whole(setting, steps)
    yield _polls(setting)


def _whole(setting: Setting, steps: int) -> Table:
    theirs, ours, again = "tensorboard's EventAccumulator", "labtui", "labtui, from its cache"
    contenders = [
        Apart(theirs, "bench.reading:theirs", {"steps": steps}),
        Apart(ours, "bench.reading:ours", {"steps": steps}),
        Apart(again, "bench.reading:again", {"steps": steps}),
    ]
    course = setting.race(f"reading {steps:,} steps", contenders)
    return Table(
        title=f"Reading a run of {steps * len(TAGS):,} points, every checksum verified",
        unit="points/s",
        figures=rates(course, (theirs, ours, again), theirs),
        reference=theirs,
        notes=("From the cache: the checksum of the cached file; the event file has not changed since.",),
    )


def _polls(setting: Setting) -> Table:
    cases = {
        "1 run, 6 new points": (1, 6),
        "1 run, 600 new points": (1, 600),
        "100 runs, nothing new": (100, 0),
        "100 runs, 6 new points each": (100, 6),
    }
    contenders = [
        Apart(name, "bench.reading:poll", {"runs": runs, "points": points}) for name, (runs, points) in cases.items()
    ]
    course = setting.race("polling", contenders)
    return Table(title="One poll of runs that are watched", unit="ms", figures=times(course, tuple(cases), "", 1e3))
