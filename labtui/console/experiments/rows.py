"""Entries as rows of the table: glyphs, bars and numbers. Pure; numpy only where a sparkline is drawn."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from labtui.catalog import Catalog
from labtui.console.data.plans import PlanProgress
from labtui.console.data.snapshot import Snapshot, Trend
from labtui.console.experiments.entry import SETTING, ListEntry, Marks, ink_of
from labtui.console.ui.gauges import progress
from labtui.console.ui.glyphs import Glyphs
from labtui.program import planned_steps
from labtui.spec import ProgramSpec
from labtui.store.run import Run
from labtui.store.settings_keys import short_names, varying_keys
from labtui.store.state import State
from labtui.store.tags import DEFAULT_METRIC, LIVE_ACCURACY
from labtui.text.clean import clean_line
from labtui.text.durations import duration
from labtui.text.numbers import compact, count, loss, signed
from labtui.text.spans import Line, Span, cut, line_width, plain, text_width
from labtui.text.tables import Column, TableRow
from labtui.text.words import value_text

BAR = 10
TREND = 10
VALUE = 9
MAX_TAGS_WIDTH = 20
MAX_SETTING_WIDTH = 12

MOST_SETTINGS = 4
"""Hyperparameters with a column; the details show all."""

MOST_RUNS = 1_000
"""Runs among which it is looked which hyperparameters differ."""

VERDICT_STYLES = {"gain": "good", "loss": "bad"}

CONFOUNDED = "!"
"""Behind a delta that may come from something other than the declared factor."""

COLUMNS = (
    Column("", key="mark", width=1),
    Column("experiment", key="name", width=15, grows=True),
    Column("state", key="state", width=BAR, rank=2),
    Column("epoch", key="epoch", width=6, rank=4, right=True),
    Column("test acc", key="accuracy", width=VALUE, right=True, sortable=True),
    Column("Δ base ", key="delta", width=8, rank=3, right=True, sortable=True),
    Column("curve", key="trend", width=TREND, rank=5),
    Column("time", key="time", width=7, rank=6, right=True, sortable=True),
)


FOREIGN_COLUMNS = (
    COLUMNS[0],
    Column("run", key="name", width=15, grows=True),
    COLUMNS[2],
    Column("step", key="epoch", width=VALUE, rank=4, right=True),
    replace(COLUMNS[4], rank=3),
    COLUMNS[6],
)
"""Of a folder in which other tools wrote everything: no epochs, no baselines."""


def columns(catalog: Catalog) -> tuple[Column, ...]:
    """The columns of the list; the one of final values is named for the metric that the catalog's entries share."""
    declared = {one.metric.tag if one.metric and one.metric.tag else DEFAULT_METRIC for one in catalog.experiments}
    if declared <= {DEFAULT_METRIC}:
        return COLUMNS
    programs = all(isinstance(one.spec, ProgramSpec) for one in catalog.variants)
    steps = replace(COLUMNS[3], title="step", width=VALUE)
    standard = (*COLUMNS[:3], steps, *COLUMNS[4:]) if programs else COLUMNS
    tag = declared.pop() if len(declared) == 1 else "metric"
    name = cut(clean_line(tag.rpartition("/")[2]) or "metric", VALUE)
    return tuple(replace(column, title=name) if column.key == "accuracy" else column for column in standard)


def foreign_columns(trends: Iterable[Trend]) -> tuple[Column, ...]:
    """The columns of a folder of other tools; the one of last values is named by the tag that the runs share."""
    shown = {trend.tag for trend in trends if trend.tag}
    tag = shown.pop() if len(shown) == 1 else ""
    return tuple(
        replace(column, title=cut(clean_line(tag), VALUE) or "last", sortable=False)
        if column.key == "accuracy"
        else column
        for column in FOREIGN_COLUMNS
    )


READABLE = 24
"""Cells that names have, if they need them, before the columns of the highest rank."""

ALIKE = 10
"""Characters in which the beginnings of two names are alike enough for their middle to be cut."""


def with_room(shown: Sequence[Column], rows: Sequence[TableRow]) -> tuple[Column, ...]:
    """The columns, with room for the names: where these would be cut, a column in which nothing stands is left out, and
    names that begin alike are cut in the middle."""
    names = [row.cells["name"] for row in rows if "name" in row.cells and not (row.heading or row.whole)]
    widest = max(map(line_width, names), default=0)
    filled = {key for row in rows for key, cell in row.cells.items() if cell}
    texts = sorted(plain(name)[2:] for name in names)  # without the state's glyph
    alike = any(one[:ALIKE] == other[:ALIKE] and len(one) > ALIKE for one, other in pairwise(texts))
    return tuple(
        replace(column, full=widest, middle=alike, width=max(column.width, min(widest, READABLE)))
        if column.key == "name"
        else replace(column, optional=column.key not in filled and column.key != "mark")
        for column in shown
    )


def setting_columns(runs: Sequence[Run]) -> tuple[Column, ...]:
    """A sortable column for each of the first hyperparameters that differ between runs of other tools."""
    known = [values for run in runs[:MOST_RUNS] if (values := run.hyperparameters.values)]
    keys = varying_keys(known)[:MOST_SETTINGS]
    columns = []
    for key, name in short_names(keys).items():
        widest = max(text_width(value_text(values[key], MAX_SETTING_WIDTH)) for values in known if key in values)
        width = min(max(widest, text_width(name) + 1, 4), MAX_SETTING_WIDTH)  # one cell for the arrow of the order
        columns.append(Column(cut(name, width), key=f"{SETTING}{key}", width=width, rank=7, right=True, sortable=True))
    return tuple(columns)


def with_settings(shown: Sequence[Column], settings: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, with those of hyperparameters behind the names."""
    place = next(index for index, one in enumerate(shown) if one.key == "name") + 1
    return (*shown[:place], *settings, *shown[place:])


def with_tags(shown: Sequence[Column], rows: Iterable[TableRow]) -> tuple[Column, ...]:
    """The columns, with one of tags behind the names if any row has a tag."""
    widest = max((line_width(row.cells["tags"]) for row in rows if "tags" in row.cells), default=0)
    if not widest:
        return tuple(shown)
    column = Column("tags", key="tags", width=min(max(widest, 4), MAX_TAGS_WIDTH), rank=4)
    place = next(index for index, one in enumerate(shown) if one.key == "name") + 1
    return (*shown[:place], column, *shown[place:])


def row(
    entry: ListEntry,
    marks: Marks,
    snapshot: Snapshot,
    glyphs: Glyphs,
    *,
    foreign: bool = False,
    settings: Sequence[str] = (),
) -> TableRow:
    """One entry as a row; `foreign` says that it is for the columns of a folder of other tools.

    `settings` are the keys of the columns of hyperparameters.
    """
    if entry.is_heading:
        return TableRow(entry.key, {"name": (Span(f"{glyphs.horizontal * 2} {entry.title}", "muted"),)}, heading=True)
    if entry.is_problem:
        line = (Span(f"  {glyphs.states['failed']} ", "bad"), Span(f"catalog, {entry.title}", "bad"))
        return TableRow(entry.key, {"name": line}, whole=True)
    run, trend = entry.run, snapshot.trends.get(entry.run.id) if entry.run else None
    letter = marks.letter(entry.key)
    cells: dict[str, Line] = {
        "mark": (Span(letter, f"series{ink_of(letter)}"),) if letter else (),
        "name": _name(entry, glyphs),
        "state": (_plan(entry.plan, entry.title),) if entry.plan and _plan_takes_state(entry) else _state(run, glyphs),
        "epoch": _epoch(run),
        "accuracy": _accuracy(entry),
        "delta": _delta(entry, glyphs),
        "trend": _trend(trend, run, letter, glyphs),
        "time": _time(run),
    }
    if entry.tags:
        cells["tags"] = (Span(" ".join(entry.tags), "accent"),)
    if foreign and trend is not None and trend.tag:
        cells |= {"epoch": (Span(count(trend.step)),), "accuracy": (Span(loss(trend.last)),)}
    for key in settings:
        value = run.hyperparameters.values.get(key.removeprefix(SETTING)) if run else None
        cells[key] = () if value is None else (Span(value_text(value, MAX_SETTING_WIDTH)),)
    return TableRow(entry.key, cells, style="" if run else "muted")


def _name(entry: ListEntry, glyphs: Glyphs) -> Line:
    fold = "" if entry.folded is None else (glyphs.collapsed if entry.folded else glyphs.expanded)
    run = entry.run
    state = Span(f"{glyphs.states[run.state]} ", f"state-{run.state}") if run else Span(f"{glyphs.dot} ", "rest")
    spans = [Span("  " * entry.depth), state, Span(entry.title)]
    if fold:
        spans += [Span(f" {fold}{len(entry.runs)}", "muted")]
    if entry.note:
        spans += [Span(f" {entry.note}", "muted")]
    if entry.plan is not None and not _plan_takes_state(entry):
        spans += [Span(" "), _plan(entry.plan, entry.title)]
    return tuple(span for span in spans if span.text)


def _plan_takes_state(entry: ListEntry) -> bool:
    """Whether the plan that decides this row is shown as its state: between two seeds and at the end."""
    row = entry.plan is not None and entry.plan.comparison(entry.title) is not None
    return row and (entry.run is None or entry.run.state is State.FINISHED)


def _plan(progress: PlanProgress, title: str) -> Span:
    """How far the plan has come that decides this row: `5/20`, `gain 9/20`; nothing for a baseline."""
    comparison = progress.comparison(title)
    if comparison is None:
        return Span("")
    from labtui.compare.model import Verdict  # both deferred: the first frame has no plans
    from labtui.compare.render.plan_text import verdict_word

    seeds = f"{comparison.looks[-1].seeds if comparison.looks else 0}/{progress.plan.cap}"
    if comparison.has_ended:
        word = verdict_word(progress.plan, comparison.decision)
        brief = "no diff." if word == Verdict.NO_DIFFERENCE else word
        whole = f"{brief} {seeds}"
        return Span(whole if len(whole) <= BAR else brief, VERDICT_STYLES.get(word, "muted"))
    return Span(f"waits {seeds}", "warn") if progress.is_waiting else Span(seeds, "accent")


def _state(run: Run | None, glyphs: Glyphs) -> Line:
    """A progress bar while it runs, else the state."""
    if run is None:
        return (Span("not run", "muted"),)
    done = fraction(run)
    if run.state is State.RUNNING and done is not None:
        return (*progress(done, BAR - 4, glyphs), Span(f"{100 * done:>3.0f}%", "state-running"))
    if run.stop_requested and run.state.is_active:
        return (Span("stopping", "warn"),)
    if run.state is State.QUEUED and run.reason:  # its folder exists, but nothing will start it
        return (Span("not queued", "warn"),)
    if run.damage and run.state.is_over:  # what is damaged is in the details
        return (Span(str(run.state), f"state-{run.state}"), Span(" !", "warn"))
    return (Span(str(run.state), f"state-{run.state}"),)


def fraction(run: Run) -> float | None:
    """How much of a run is done, 0 to 1, if known."""
    if run.beat is None or not run.beat.total_steps:
        return None
    return min(1.0, run.beat.step / run.beat.total_steps)


def _epoch(run: Run | None) -> Line:
    if run is None or run.spec is None:
        return ()
    if isinstance(run.spec, ProgramSpec):
        return _steps(run, run.spec)
    planned = run.spec.epochs
    if run.state.is_active and run.beat is not None and run.beat.epochs:
        return (Span(f"{run.beat.epoch}/{run.beat.epochs}"),)
    if run.result is not None and planned:
        return (Span(f"{run.result.epochs}/{planned}" if run.result.epochs != planned else str(planned), "muted"),)
    return (Span(str(planned), "muted"),) if planned else ()


def _steps(run: Run, spec: ProgramSpec) -> Line:
    """The steps of a program, where they are known."""
    total = planned_steps(spec)
    if run.state.is_active and run.beat is not None:
        return (Span(f"{compact(run.beat.step)}/{compact(total)}" if total else compact(run.beat.step)),)
    done = run.result.steps if run.result is not None else None
    return (Span(compact(done if done is not None else total, ""), "muted"),)


def _accuracy(entry: ListEntry) -> Line:
    """The final figure; a live one is coloured, the last one of a run that ended early muted."""
    if entry.figure is None or math.isnan(entry.figure.value):
        return ()
    active = entry.run is not None and entry.run.state.is_active
    return (Span(entry.figure.text, "" if entry.figure.final else ("accent" if active else "muted")),)


def _delta(entry: ListEntry, glyphs: Glyphs) -> Line:
    """Points above the baseline; marked if something else differs too, which compare calls a confound."""
    if entry.delta is None:
        return (Span("base ", "muted"),) if entry.is_baseline else ()
    if entry.delta.confounds:
        return (Span(f"{signed(entry.delta.value, entry.delta.digits, minus=glyphs.minus)}{CONFOUNDED}", "warn"),)
    return (Span(f"{signed(entry.delta.value, entry.delta.digits, minus=glyphs.minus)} "),)


def _trend(trend: Trend | None, run: Run | None, letter: str, glyphs: Glyphs) -> Line:
    if trend is None or not trend.tag or run is None:
        return ()
    from labtui.console.charts.sparkline import sparkline
    from labtui.console.charts.ticks import Range

    ends = Range(0.0, 100.0) if trend.is_accuracy else None
    bars = sparkline(trend.values, TREND, glyphs, ends=ends, planned=_planned(trend, run))
    return (Span(bars, f"series{ink_of(letter)}" if letter else "spark"),)


def _planned(trend: Trend, run: Run) -> int | None:
    """How many values the trend will have when the run is done: an active run fills a part of the column."""
    if run.spec and trend.tag in LIVE_ACCURACY and trend.count:
        return round(run.spec.epochs * trend.values.size / trend.count)
    done = fraction(run) if run.state.is_active else None
    return round(trend.values.size / done) if done else None


def _time(run: Run | None) -> Line:
    """The time that an active run still needs; the time that a run took."""
    if run is None:
        return ()
    if run.state.is_active and run.beat is not None and run.beat.eta is not None:
        return (Span(duration(run.beat.eta, ""), "accent"),)
    if run.result is not None:
        return (Span(duration(run.result.seconds), "muted"),)
    return ()


def counts(runs: tuple[Run, ...], glyphs: Glyphs, *, brief: bool = False) -> Line:
    """The number of runs in each state, for a title: `▶ 2 running   ✓ 11 finished`, or `▶ 2  ✓ 11`."""
    found = {state: sum(run.state is state for run in runs) for state in State}
    spans: list[Span] = []
    for state in State:
        if found[state]:
            word = "" if brief else f" {state}"
            spans += [
                Span(f"{glyphs.states[state]} {found[state]}{word}", f"state-{state}"),
                Span("  " if brief else "   "),
            ]
    return tuple(spans[:-1]) or (Span("no runs yet", "muted"),)
