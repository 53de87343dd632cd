"""Everything there is to say about one run, as lines: how it stands, what it ran, what came out. Pure."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from labtui.console.actions import command_of
from labtui.console.experiments.details import curve_lines, run_lines
from labtui.console.experiments.entry import Entry
from labtui.console.ui.glyphs import Glyphs
from labtui.spec import RunSpec, flatten, recipe
from labtui.store.records import ModelSummary
from labtui.store.run import Run
from labtui.text.clean import clean, clean_line
from labtui.text.durations import duration, moment
from labtui.text.numbers import compact, count
from labtui.text.spans import Line, Span, fit, line_width, shorten, text_width, wrap
from labtui.text.words import plural, value_text

if TYPE_CHECKING:
    from labtui.store.curve import Curve

KEY = 12
"""Cells of a label."""


def overview(run: Run, curves: "Mapping[str, Curve]", room: int, glyphs: Glyphs, now: float) -> list[Line]:
    """How it stands, its figures, how it ended, how to repeat it, with what it was made."""
    entry = Entry(f"run:{run.id}", run.display_title, runs=(run,))
    lines = [*run_lines(entry, run, room, glyphs, now)]
    for title, block in (
        ("figures", curve_lines(curves, room, glyphs)),
        ("end", _end(run, room)),
        ("again", _wrapped(command_of(run), room)),
        ("made with", _made_with(run, room)),
    ):
        if block:
            lines += [(), (Span(title, "title"),), *block]
    return [shorten(line, room, glyphs.ellipsis) for line in lines]


def _end(run: Run, room: int) -> list[Line]:
    """How and why it ended."""
    if not run.state.is_over:
        return []
    result, left = run.result, run.exit
    rows = [("outcome", f"{run.state}{f': {run.reason}' if run.reason else ''}")]
    if result is not None:
        rows.append(
            (
                "trained",
                f"{plural(result.epochs, 'epoch')}, {count(result.steps)} steps, {_seen(result.images_seen)}",
            )
        )
        rows.append(("time", f"{duration(result.seconds)}, of which {duration(result.train_seconds)} training"))
        if result.points_lost:
            rows.append(("lost", f"{result.points_lost} points could not be written"))
    if left is not None:
        how = f"signal {left.signal}" if left.signal is not None else f"code {left.code}"
        rows.append(("process", f"ended {moment(left.ended, left.ended)} with {how}"))
    return _table(rows, room)


def _seen(images: int) -> str:
    return f"{count(images)} images seen"


def _made_with(run: Run, room: int) -> list[Line]:
    launch = run.launch
    if launch is None:
        return _table([("folder", str(run.folder))], room)
    engine = f", engine {launch.engine.pid}" if launch.engine and run.state.is_active else ""
    versions = ", ".join(f"{name} {number}" for name, number in launch.versions.items())
    rows = [
        ("device", f"{launch.device} {launch.device_name}".strip()),
        ("threads", str(launch.threads)),
        ("host", f"{launch.host}{engine}"),
        ("started", moment(launch.started, 0)),
        ("commit", launch.commit or "none"),
        ("versions", versions),
        ("python", launch.python),
        ("folder", str(run.folder)),
    ]
    return _table([(key, told) for key, told in rows if told], room)


def _table(rows: Iterable[tuple[str, str]], room: int) -> list[Line]:
    """Labels beside text that wraps."""
    lines: list[Line] = []
    for key, told in rows:
        wrapped = wrap(clean_line(told), max(16, room - KEY)) or [""]
        lines.append((*fit((Span(key, "muted"),), KEY), Span(wrapped[0])))
        lines += [(Span(" " * KEY), Span(more)) for more in wrapped[1:]]
    return [shorten(line, room) for line in lines]


def _wrapped(told: str, room: int) -> list[Line]:
    """A command, broken between words as a shell would take it."""
    pieces = textwrap.wrap(clean(told), max(16, room - 2), break_on_hyphens=False, break_long_words=False)
    last = len(pieces) - 1
    return [(Span(piece), Span(" \\" if index < last else "", "muted")) for index, piece in enumerate(pieces)]


# --- What it ran --------------------------------------------------------------------------------------------------


def spec_lines(run: Run, room: int, glyphs: Glyphs) -> list[Line]:
    """The whole spec, key by key; keys changed by hand and the declared factor are told."""
    if run.spec is None:
        return [(Span("another tool's run: labtui does not know what it ran", "muted"),)]
    spec = run.spec
    head = [("experiment", spec.name), ("seed", str(spec.seed)), ("baseline", spec.baseline or "none")]
    head += [("factor", ", ".join(spec.factor) or "none declared")]
    if spec.fallback_from:
        head.append(("stands in", f"{spec.data.name} for {spec.fallback_from}, which was not here"))
    lines: list[Line] = [(Span("spec", "title"),), *_table(head, room), ()]
    plain = _recipe(spec)
    longest = min(max(text_width(key) for key in plain) + 2, max(16, room // 2))
    for key, thing in plain.items():
        told = _told(spec, key)
        line = (
            *fit((Span(key, "muted"),), longest, ellipsis=glyphs.ellipsis),
            Span(value_text(thing)),
            Span(told, "accent"),
        )
        lines.append(shorten(line, room, glyphs.ellipsis))
    return lines


def _recipe(spec: RunSpec) -> dict[str, Any]:
    return {key: thing for key, thing in flatten(recipe(spec)).items() if key}


def _told(spec: RunSpec, key: str) -> str:
    words = ["set by hand"] if key in spec.overrides else []
    words += ["the factor"] if any(key == part or key.startswith(f"{part}.") for part in spec.factor) else []
    return f"  {', '.join(words)}" if words else ""


def model_lines(summary: ModelSummary | None, room: int, glyphs: Glyphs) -> list[Line]:
    """The layers of the network and what they weigh."""
    lines: list[Line] = [(Span("model", "title"),)]
    if summary is None:
        return [*lines, (Span("written when the run ends", "muted"),)]
    total = f"{count(summary.parameters)} parameters, {compact(summary.flops_per_image)} operations an image"
    lines += [(Span(total),), ()]
    name = min(24, max([text_width(one) for one, _, _ in summary.layers], default=0) + 2)
    for layer, kind, parameters in summary.layers:
        right = Span(count(parameters) if parameters else glyphs.dash, "" if parameters else "muted")
        left = fit((*fit((Span(clean_line(layer)),), name, ellipsis=glyphs.ellipsis), Span(clean_line(kind), "muted")),
                   max(0, room - 11), ellipsis=glyphs.ellipsis)  # fmt: skip
        lines.append((*left, *fit((right,), 11, right=True)))
    return lines


def beside(left: list[Line], right: list[Line], room: int) -> list[Line]:
    """Two blocks, the second where the first one's longest line ends."""
    start = max((line_width(line) for line in left), default=0) + 4
    rows = max(len(left), len(right))
    blank: Line = ()
    padded = [*left, *[blank] * (rows - len(left))], [*right, *[blank] * (rows - len(right))]
    return [shorten((*fit(one, start), *other), room) for one, other in zip(*padded, strict=True)]
