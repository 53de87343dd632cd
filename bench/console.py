"""The console on a terminal of 160x48: first paint, processor, traffic, keys, points, and a folder of many points."""

import sys
from collections.abc import Iterator

from bench import console_rounds as rounds
from bench.console_rounds import Shown, console, console_of_all, first_paint
from bench.harness import Course
from bench.setting import Setting
from bench.tables import Figure, Table, rates, times

BARE = "a bare Textual app"
CATALOG = "Normalization"
"""A row of the catalog: the first useful picture has it."""


def tables(setting: Setting) -> Iterator[Table]:
    """Four tables."""
    yield _first_paint(setting)
    yield _work(setting)
    yield _latency(setting)
    yield _many_points(setting)


def _first_paint(setting: Setting) -> Table:
    few, many = "labtui, 13 runs on disk", "labtui, 500 runs on disk"
    contenders = [
        Shown(BARE, rounds.bare, "ready", first_paint),
        Shown(few, console(13), CATALOG, first_paint),
        Shown(many, console(500 if not setting.quick else 50), CATALOG, first_paint),
        Shown("wandb leet, 3 runs on disk", rounds.leet, "offline-run", first_paint),
    ]
    course = setting.race("first paint", contenders)
    figures = times(course, [contender.name for contender in contenders], BARE)
    return Table(
        title="Start of the command to its first useful picture",
        unit="s",
        figures=(*figures, _above(course, few), _above(course, many)),
        reference=BARE,
        notes=("labtui's first picture has the catalog, LEET's the list of runs; files are in the page cache.",),
    )


def _above(course: Course, name: str) -> Figure:
    pairs = zip(course.samples[name], course.samples[BARE], strict=True)
    return Figure(
        name=f"{name}: above the bare app", values=tuple(ours.seconds - theirs.seconds for ours, theirs in pairs)
    )


def _work(setting: Setting) -> Table:
    window = setting.size(20, 4)
    many = 500 if not setting.quick else 50
    used = rounds.processor(window)
    shares = [
        Shown("idle, 13 runs on disk", console(13), CATALOG, used),
        Shown(f"idle, {many} runs on disk", console(many), CATALOG, used),
        Shown("4 live runs at 4 Hz", console(13), CATALOG, used, live=4),
        Shown("wandb leet, idle, 3 runs on disk", rounds.leet, "offline-run", used),
    ]
    written = [
        Shown("written, idle", console(13), CATALOG, rounds.traffic(window)),
        Shown("written, 4 live runs at 4 Hz", console(13), CATALOG, rounds.traffic(window), live=4),
        Shown("written, 8 live runs at 4 Hz", console(13), CATALOG, rounds.traffic(window), live=8),
    ]
    some = max(1, setting.rounds // 2)
    course = setting.race("processor", shares, some)
    bytes_ = setting.race("traffic", written, some)
    kibs = [
        Figure(name=figure.name, values=figure.values, unit="KiB/s")
        for figure in rates(bytes_, [contender.name for contender in written], "")
    ]
    return Table(
        title=f"What the console costs, over {window} s",
        unit="% of a core",
        figures=(*times(course, [contender.name for contender in shares], ""), *kibs),
    )


def _latency(setting: Setting) -> Table:
    count = setting.size(100, 10)
    some = max(1, setting.rounds // 2)
    contenders = [
        Shown("a key, 8 live runs, median", console(13), CATALOG, rounds.keys(count, 0.5), live=8),
        Shown("a key, 8 live runs, 99th percentile", console(13), CATALOG, rounds.keys(count, 0.99), live=8),
        Shown("a point, median", console(13), CATALOG, rounds.points(count // 2, 0.5), live=4, points=False),
        Shown("a point, 99th percentile", console(13), CATALOG, rounds.points(count // 2, 0.99), live=4, points=False),
    ]
    course = setting.race("latency", contenders, some)
    return Table(
        title="From a key, or a point's write, to its bytes on the terminal",
        unit="ms",
        figures=times(course, [contender.name for contender in contenders], "", 1_000),
        notes=(f"{count} keys up and down the list, {count // 2} minibatch points of the run under the cursor.",),
    )


def _many_points(setting: Setting) -> Table:
    runs, steps = setting.size(100, 10), setting.size(10_000, 1_000)
    command = console_of_all(runs, steps)
    contenders = [Shown("first useful picture", command, CATALOG, first_paint)]
    if sys.platform.startswith("linux"):
        contenders.append(Shown("all charted, from event files", command, CATALOG, rounds.charted, cold=True))
        contenders.append(Shown("all charted, from the cache", command, CATALOG, rounds.charted))
    course = setting.race("many points", contenders, max(1, setting.rounds // 2))
    settled = setting.size(15, 4)
    held = [
        Shown(f"{what}, from {source}", command, CATALOG, rounds.memory(settled, mapped=mapped), cold=cold)
        for what, mapped in (("private memory", False), ("with pages of mapped files", True))
        for source, cold in (("event files", True), ("the cache", False))
    ]
    used = rates(setting.race("memory", held, 1), [contender.name for contender in held], "")
    memory = [Figure(name=figure.name, values=figure.values, unit="MiB") for figure in used]
    return Table(
        title=f"A folder of {runs} runs, 6 curves of {steps:,} points each, all of them marked and charted",
        unit="s",
        figures=(*times(course, [contender.name for contender in contenders], ""), *memory),
        notes=("Seconds from the start of the command. The system takes pages of files back as it likes.",),
    )
