"""Everything about one run as lines: its state and figures, its spec, its model. Pure."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from labtui.api.metrics import MetricBook
from labtui.console.experiments.details import curve_lines, directions, run_lines
from labtui.console.experiments.entry import EntryKey, EntryKind, ListEntry
from labtui.console.launch.request import command_of_run
from labtui.console.ui.glyphs import Glyphs
from labtui.program import shown_command
from labtui.spec import ProgramSpec, Spec, flatten, recipe
from labtui.store.records import ModelSummary, Result
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

TWO_COLUMNS = 120
"""Cells from which the model stands beside the spec."""


def overview(
    run: Run,
    curves: "Mapping[str, Curve]",
    width: int,
    glyphs: Glyphs,
    now: float,
    metrics: MetricBook | None = None,
) -> list[Line]:
    """State, figures, how it ended, the command that repeats it, and its environment."""
    entry = ListEntry(EntryKey(EntryKind.RUN, run.id), run.display_title, runs=(run,))
    lines = [*run_lines(entry, run, width, glyphs, now)]
    for title, block in (
        ("figures", curve_lines(curves, width, glyphs, directions(curves, run.name, metrics))),
        ("end", _end(run, width)),
        ("repeat", _wrapped(command_of_run(run), width)),
        ("environment", _environment(run, width)),
    ):
        if block:
            lines += [(), (Span(title, "title"),), *block]
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def _end(run: Run, width: int) -> list[Line]:
    """How and why the run ended."""
    if not run.state.is_over:
        return []
    result, left = run.result, run.exit
    rows = [("outcome", f"{run.state}{f': {run.reason}' if run.reason else ''}")]
    if result is not None:
        rows.append(("trained", _trained(run, result)))
        training = f", of which {duration(result.train_seconds)} training" if run.has_own_tags else ""
        rows.append(("time", f"{duration(result.seconds)}{training}"))
        if best := best_checkpoint_text(run):
            rows.append(("best", best))
        if result.points_lost:
            rows.append(("lost", f"{result.points_lost} points could not be written"))
    if left is not None:
        how = f"signal {left.signal}" if left.signal is not None else f"exit code {left.code}"
        rows.append(("process", f"ended {moment(left.ended, left.ended)} with {how}"))
    return _table(rows, width)


def best_checkpoint_text(run: Run) -> str:
    """Which epoch's checkpoint the run kept as its best, and where; empty if it kept none."""
    facts = run.result.facts if run.result is not None else {}
    epoch, tag = facts.get("best_epoch"), facts.get("best_by")
    return f"epoch {epoch} by {tag}: {run.paths.best_checkpoint.name}" if epoch and tag else ""


def _trained(run: Run, result: Result) -> str:
    steps = plural(result.steps, "step")
    return f"{plural(result.epochs, 'epoch')}, {steps}, {_seen(result.images_seen)}" if run.has_own_tags else steps


def _seen(images: int) -> str:
    return f"{count(images)} images seen"


def _environment(run: Run, width: int) -> list[Line]:
    launch = run.launch
    if launch is None:
        return _table([("folder", str(run.folder))], width)
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
    return _table([(key, value_) for key, value_ in rows if value_], width)


def _table(rows: Iterable[tuple[str, str]], width: int) -> list[Line]:
    """Labels, each beside its wrapped text."""
    lines: list[Line] = []
    for key, value_ in rows:
        wrapped = wrap(clean_line(value_), max(16, width - KEY)) or [""]
        lines.append((*fit((Span(key, "muted"),), KEY), Span(wrapped[0])))
        lines += [(Span(" " * KEY), Span(more)) for more in wrapped[1:]]
    return [shorten(line, width) for line in lines]


def _wrapped(value_: str, width: int) -> list[Line]:
    """A command, broken between words with a backslash, as a shell reads it."""
    pieces = textwrap.wrap(clean(value_), max(16, width - 2), break_on_hyphens=False, break_long_words=False)
    last = len(pieces) - 1
    return [(Span(piece), Span(" \\" if index < last else "", "muted")) for index, piece in enumerate(pieces)]


# --- What it ran --------------------------------------------------------------------------------------------------


def spec_lines(run: Run, width: int, glyphs: Glyphs) -> list[Line]:
    """The whole spec, key by key, with overrides and the declared factor marked."""
    if run.spec is None:
        return [(Span("a run of another tool: its spec is not known", "muted"),)]
    spec = run.spec
    head = [("experiment", spec.name), ("seed", str(spec.seed)), ("baseline", spec.baseline or "none")]
    head += [("factor", ", ".join(spec.factor) or "none declared")]
    if spec.fallback_from:
        head.append(("fallback", f"{spec.dataset} instead of {spec.fallback_from}, which was not available"))
    lines: list[Line] = [(Span("spec", "title"),), *_table(head, width), ()]
    plain = _recipe(spec)
    longest = min(max(text_width(key) for key in plain) + 2, max(16, width // 2))
    for key, value in plain.items():
        note = _note(spec, key)
        line = (
            *fit((Span(key, "muted"),), longest, ellipsis=glyphs.ellipsis),
            Span(value_text(value)),
            Span(note, "accent"),
        )
        lines.append(shorten(line, width, glyphs.ellipsis))
    return lines


def _recipe(spec: Spec) -> dict[str, Any]:
    return {key: value for key, value in flatten(recipe(spec)).items() if key}


def _note(spec: Spec, key: str) -> str:
    words = ["override"] if key in spec.overrides else []
    words += ["factor"] if any(key == part or key.startswith(f"{part}.") for part in spec.factor) else []
    return f"  {', '.join(words)}" if words else ""


def recipe_lines(run: Run, width: int, glyphs: Glyphs) -> list[Line]:
    """Spec and model, side by side if the width allows it."""
    wide = width >= TWO_COLUMNS
    left = width // 2 - 2 if wide else width
    spec = spec_lines(run, left, glyphs)
    if isinstance(run.spec, ProgramSpec):
        return [*spec, (), (Span("command", "title"),), *_wrapped(shown_command(run.spec), width)]
    model = model_lines(run.result.model if run.result else None, left, glyphs)
    return beside(spec, model, width) if wide else [*spec, (), *model]


def model_lines(summary: ModelSummary | None, width: int, glyphs: Glyphs) -> list[Line]:
    """The layers of the network and their parameters."""
    lines: list[Line] = [(Span("model", "title"),)]
    if summary is None:
        return [*lines, (Span("known when the run has ended", "muted"),)]
    total = f"{count(summary.parameters)} parameters, {compact(summary.flops_per_image)} FLOPs per image"
    lines += [(Span(total),), ()]
    name = min(24, max([text_width(one) for one, _, _ in summary.layers], default=0) + 2)
    for layer, kind, parameters in summary.layers:
        right = Span(count(parameters) if parameters else glyphs.dash, "" if parameters else "muted")
        left = fit((*fit((Span(clean_line(layer)),), name, ellipsis=glyphs.ellipsis), Span(clean_line(kind), "muted")),
                   max(0, width - 11), ellipsis=glyphs.ellipsis)  # fmt: skip
        lines.append((*left, *fit((right,), 11, right=True)))
    return lines


def beside(left: list[Line], right: list[Line], width: int) -> list[Line]:
    """Two blocks side by side; the second starts behind the longest line of the first."""
    start = max((line_width(line) for line in left), default=0) + 4
    rows = max(len(left), len(right))
    blank: Line = ()
    padded = [*left, *[blank] * (rows - len(left))], [*right, *[blank] * (rows - len(right))]
    return [shorten((*fit(one, start), *other), width) for one, other in zip(*padded, strict=True)]
