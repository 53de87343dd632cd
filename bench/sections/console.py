"""The console on a terminal of 160x48: first paint, CPU, output, latency of keys and points, many points."""

import sys
from collections.abc import Iterator

from bench import console_measures
from bench.console_measures import TerminalProgram, console, console_of_all, first_paint
from bench.harness import RaceResult, Settings
from bench.tables import Figure, Table, rates, times

BARE = "a bare Textual app"
CATALOG = "Normalization"
"""A row of the catalog, which is part of the first useful screen."""


def tables(settings: Settings) -> Iterator[Table]:
    """Four tables."""
    yield _first_paint(settings)
    yield _cost(settings)
    yield _latency(settings)
    yield _many_points(settings)


def _first_paint(settings: Settings) -> Table:
    few, many = "labtui, 13 runs on disk", "labtui, 500 runs on disk"
    contenders = [
        TerminalProgram(BARE, console_measures.bare, "ready", first_paint),
        TerminalProgram(few, console(13), CATALOG, first_paint),
        TerminalProgram(many, console(500 if not settings.quick else 50), CATALOG, first_paint),
        TerminalProgram("wandb leet, 3 runs on disk", console_measures.leet, "offline-run", first_paint),
    ]
    result = settings.race("first paint", contenders)
    figures = times(result, [contender.name for contender in contenders], BARE)
    return Table(
        title="Start of the command to its first useful screen",
        unit="s",
        figures=(*figures, _above_bare_app(result, few), _above_bare_app(result, many)),
        reference=BARE,
        notes=(
            "The first screen of labtui shows the catalog, that of LEET the list of runs; files are in the page cache.",
        ),
    )


def _above_bare_app(result: RaceResult, name: str) -> Figure:
    pairs = zip(result.samples[name], result.samples[BARE], strict=True)
    return Figure(
        name=f"{name}: above the bare app", values=tuple(ours.seconds - theirs.seconds for ours, theirs in pairs)
    )


def _cost(settings: Settings) -> Table:
    window = settings.size(20, 4)
    many = 500 if not settings.quick else 50
    used = console_measures.processor(window)
    shares = [
        TerminalProgram("idle, 13 runs on disk", console(13), CATALOG, used),
        TerminalProgram(f"idle, {many} runs on disk", console(many), CATALOG, used),
        TerminalProgram("4 live runs at 4 Hz", console(13), CATALOG, used, live=4),
        TerminalProgram("wandb leet, idle, 3 runs on disk", console_measures.leet, "offline-run", used),
    ]
    written = [
        TerminalProgram("written, idle", console(13), CATALOG, console_measures.traffic(window)),
        TerminalProgram("written, 4 live runs at 4 Hz", console(13), CATALOG, console_measures.traffic(window), live=4),
        TerminalProgram("written, 8 live runs at 4 Hz", console(13), CATALOG, console_measures.traffic(window), live=8),
    ]
    some = max(1, settings.rounds // 2)
    result = settings.race("processor", shares, some)
    bytes_ = settings.race("traffic", written, some)
    kibs = [
        Figure(name=figure.name, values=figure.values, unit="KiB/s")
        for figure in rates(bytes_, [contender.name for contender in written], "")
    ]
    return Table(
        title=f"What the console costs, over {window} s",
        unit="% of a core",
        figures=(*times(result, [contender.name for contender in shares], ""), *kibs),
    )


def _latency(settings: Settings) -> Table:
    count = settings.size(100, 10)
    some = max(1, settings.rounds // 2)
    contenders = [
        TerminalProgram("a key, 8 live runs, median", console(13), CATALOG, console_measures.keys(count, 0.5), live=8),
        TerminalProgram(
            "a key, 8 live runs, 99th percentile", console(13), CATALOG, console_measures.keys(count, 0.99), live=8
        ),
        TerminalProgram(
            "a point, median", console(13), CATALOG, console_measures.points(count // 2, 0.5), live=4, points=False
        ),
        TerminalProgram(
            "a point, 99th percentile",
            console(13),
            CATALOG,
            console_measures.points(count // 2, 0.99),
            live=4,
            points=False,
        ),
    ]
    result = settings.race("latency", contenders, some)
    return Table(
        title="From a key, or from writing a point, to its output on the terminal",
        unit="ms",
        figures=times(result, [contender.name for contender in contenders], "", 1_000),
        notes=(f"{count} keys up and down the list, {count // 2} minibatch points of the run under the cursor.",),
    )


def _many_points(settings: Settings) -> Table:
    runs, steps = settings.size(100, 10), settings.size(10_000, 1_000)
    command = console_of_all(runs, steps)
    contenders = [TerminalProgram("first useful screen", command, CATALOG, first_paint)]
    if sys.platform.startswith("linux"):
        contenders.append(
            TerminalProgram("all charted, from event files", command, CATALOG, console_measures.charted, cold=True)
        )
        contenders.append(TerminalProgram("all charted, from the cache", command, CATALOG, console_measures.charted))
    result = settings.race("many points", contenders, max(1, settings.rounds // 2))
    settled = settings.size(15, 4)
    held = [
        TerminalProgram(
            f"{what}, from {source}", command, CATALOG, console_measures.memory(settled, mapped=mapped), cold=cold
        )
        for what, mapped in (("private memory", False), ("with pages of mapped files", True))
        for source, cold in (("event files", True), ("the cache", False))
    ]
    used = rates(settings.race("memory", held, 1), [contender.name for contender in held], "")
    memory = [Figure(name=figure.name, values=figure.values, unit="MiB") for figure in used]
    return Table(
        title=f"A folder of {runs} runs, 6 curves of {steps:,} points each, all of them marked and charted",
        unit="s",
        figures=(*times(result, [contender.name for contender in contenders], ""), *memory),
        notes=("Seconds from the start of the command. The system can reclaim pages of mapped files at any time.",),
    )
