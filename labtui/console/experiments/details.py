"""The panel about the entry under the cursor: the progress and curves of its run, or what it would train."""

from functools import lru_cache
from typing import TYPE_CHECKING

from labtui.api.metrics import MetricBook
from labtui.console.experiments.entry import Delta, ListEntry
from labtui.console.experiments.rows import CONFOUNDED, fraction
from labtui.console.ui.gauges import progress as progress_bar
from labtui.console.ui.glyphs import Glyphs
from labtui.spec import ProgramSpec, Spec, Variant
from labtui.store import tags
from labtui.store.run import Run
from labtui.store.settings_keys import is_label, is_seed, settings_text
from labtui.store.tags import DEFAULT_METRIC
from labtui.text.clean import clean_line
from labtui.text.durations import duration, moment
from labtui.text.numbers import accuracy, compact, count, image_rate, loss, signed
from labtui.text.spans import Line, Span, fit, shorten, spread, wrap
from labtui.text.words import plural, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labtui.spec import Better
    from labtui.store.curve import Curve

NAMES = {
    tags.MINIBATCH_LOSS: "minibatch loss",
    tags.MINIBATCH_ACCURACY: "minibatch accuracy",
    tags.REPORT_TRAIN_LOSS: "train loss",
    tags.REPORT_TEST_LOSS: "test loss",
    tags.REPORT_TRAIN_ACCURACY: "train accuracy",
    tags.REPORT_TEST_ACCURACY: "test accuracy",
    tags.TRAIN_LOSS: "minibatch loss",
    tags.TRAIN_ACCURACY: "minibatch accuracy",
    tags.VAL_LOSS: "validation loss",
    tags.VAL_ACCURACY: "validation accuracy",
    tags.LEARNING_RATE: "learning rate",
    tags.TEST_LOSS: "final test loss",
    tags.TEST_ACCURACY: "final test accuracy",
}
"""Short names of tags."""

_ORDER = list(NAMES)

_TWINS = {tags.TRAIN_LOSS: tags.MINIBATCH_LOSS, tags.TRAIN_ACCURACY: tags.MINIBATCH_ACCURACY}
"""Tags that are left out if the other is there: the report's protocol writes both for the same minibatches."""
UNTIL_DECIDED = "until decided"

MOST_SETTINGS = 24
"""Hyperparameters in the details."""

_LEFT, _NUMBER, _PLACE = 20, 9, 11


def details(
    entry: ListEntry | None,
    curves: "Mapping[str, Curve]",
    width: int,
    glyphs: Glyphs,
    now: float,
    metrics: MetricBook | None = None,
) -> list[Line]:
    """The lines of the panel, each at most `width` cells; `now` is in seconds since the epoch.

    `metrics` knows which values are better; without it, the names of the tags tell.
    """
    if entry is None:
        return []
    if entry.is_problem:
        lines = wrap(entry.title, max(20, width))
        return [(Span("The catalog has a problem", "strong"),), *((Span(line, "bad"),) for line in lines)]
    if entry.run is None:
        about = variant_lines(entry.variant, width, glyphs) if entry.variant else []
        return [*about[:1], *plan_progress_lines(entry, width, glyphs), *about[1:]]
    shown = run_lines(entry, entry.run, width, glyphs, now)
    return [
        *shown,
        *setting_lines(entry.run, width),
        *plan_progress_lines(entry, width, glyphs),
        *curve_lines(curves, width, glyphs, directions(curves, entry.name, metrics)),
    ]


def setting_lines(run: Run, width: int) -> list[Line]:
    """The hyperparameters that another tool's run says it had, and where it says so; seeds first, names last."""
    values = run.hyperparameters.values
    if not values:
        return []
    order = sorted(values, key=lambda key: (not is_seed(key), is_label(key)))
    text = settings_text(values, order[:MOST_SETTINGS])
    more = f", and {len(order) - MOST_SETTINGS:,} more" if len(order) > MOST_SETTINGS else ""
    lines = wrap(f"{text}{more} ({run.hyperparameters.source})", max(20, width))
    return [(Span(line, "muted"),) for line in lines]


def directions(tags_: "Iterable[str]", name: str, metrics: MetricBook | None) -> "dict[str, Better | None]":
    """Which values of each tag are better, for the entry of this name; None where nobody declared it."""
    return {tag: metrics.of(tag, name).better if metrics else tags.better_by_name(tag) for tag in tags_}


def run_lines(entry: ListEntry, run: Run, width: int, glyphs: Glyphs, now: float) -> list[Line]:
    """The run's name and state, its figure and delta, its progress, its device and speed."""
    seed = f"  seed {run.seed}" if run.seed is not None else ""
    name = run.display_title if run.spec else entry.title
    state = Span(f"{glyphs.states[run.state]} {run.state}", f"state-{run.state}")
    lines = [spread((Span(name, "strong"), Span(seed, "muted")), (state,), width, glyphs.ellipsis)]
    if entry.count > 1 and entry.figure is not None and entry.spread is not None:
        mean = f"{entry.figure.text} {glyphs.plus_minus} {entry.figure.written(entry.spread)}"
        name = "test accuracy" if entry.figure.tag == DEFAULT_METRIC else entry.figure.tag
        lines.append((Span(mean, "strong"), Span(f"  {name} over {entry.count} seeds", "muted")))
    lines += _delta_lines(entry.delta, width, glyphs)
    done = fraction(run)
    if run.state.is_active and done is not None and run.beat is not None:
        left = duration(run.beat.eta, "")
        words = (Span(f" {100 * done:3.0f}%  "), Span(f"{left} left" if left else ""))
        bar = progress_bar(done, max(4, width - sum(len(word.text) for word in words)), glyphs)
        lines.append((*bar, *words))
    lines.append((Span(f"  {glyphs.dot}  ".join(_setting(run, now)), "muted"),))
    if run.undrawn:
        lines.append((Span(f"{run.undrawn}: ", "muted"), Span("labtui tb", "strong"), Span(" shows them", "muted")))
    if trouble := _trouble(run):
        lines.append((Span(trouble, "bad" if run.state in ("diverged", "failed", "lost") else "warn"),))
    return lines


def _delta_lines(delta: Delta | None, width: int, glyphs: Glyphs) -> list[Line]:
    """The delta, its baseline, and what else differs from the baseline: the points may come from that."""
    if delta is None:
        return []
    points = Span(signed(delta.value, delta.digits, minus=glyphs.minus), "warn" if delta.confounds else "strong")
    if not delta.confounds:
        return [(points, Span(f"  {delta.unit} against {delta.against}".replace("   ", "  "), "muted"))]
    warning = Span(f"{CONFOUNDED} {delta.unit} against {delta.against}: not a fair comparison", "warn")
    key = (Span("M", "key"), Span(" matched baseline", "muted"))
    return [
        spread((points, warning), key, width, glyphs.ellipsis),
        *(shorten((Span(f"  {why}", "warn"),), width, glyphs.ellipsis) for why in delta.confounds),
    ]


def plan_progress_lines(entry: ListEntry, width: int, glyphs: Glyphs) -> list[Line]:
    """How far the plan of this row has come: a bar of its seeds, its newest look, and what was saved at the end."""
    progress = entry.plan
    if progress is None:
        return []
    from labtui.compare.render.plan_text import look_line, pair_text, saved_text  # deferred: no plans, no numpy

    comparison = progress.comparison(entry.title)
    plan = progress.plan
    if comparison is None:
        rows = ", ".join(one.row.title for one in plan.comparisons)
        return [(Span(f"baseline of {rows}, {UNTIL_DECIDED}: {progress.trained} training runs done", "muted"),)]
    seeds = comparison.looks[-1].seeds if comparison.looks else 0
    words = f" {seeds} of at most {plan.cap} seeds"
    if not comparison.looks:
        words = f" first look after {plan.boundaries.looks[0]} seeds of each; {progress.trained} training runs done"
    head = f"{UNTIL_DECIDED} "
    bar = progress_bar(seeds / plan.cap, max(4, min(20, width - len(head) - len(words))), glyphs)
    lines: list[Line] = [(Span(head, "muted"), *bar, Span(words))]
    texts = (
        [look_line(plan, comparison, comparison.looks[-1])] if comparison.looks else [pair_text(comparison.comparison)]
    )
    if progress.state.has_ended:
        texts.append(saved_text(plan, progress.trained))
    elif progress.is_waiting:
        texts.append(f"The plan is waiting: R continues it. {progress.note}".rstrip())
    style = "" if comparison.has_ended else "warn" if progress.is_waiting else "accent"
    for text in texts:
        lines += [(Span(part, style),) for part in wrap(clean_line(text), max(20, width))]
    return lines


def _setting(run: Run, now: float) -> list[str]:
    words: list[str] = []
    beat, result = run.beat, run.result
    if run.launch is not None:
        words.append(run.launch.device)
    if run.state.is_active and beat is not None:
        words.append(image_rate(beat.images_per_second, ""))
        words += [f"epoch {beat.epoch}/{beat.epochs}"] if beat.epochs else []
        words.append(f"step {count(beat.step)}" + (f" of {count(beat.total_steps)}" if beat.total_steps else ""))
    elif result is not None:
        length = plural(result.epochs, "epoch") if run.has_own_tags else plural(result.steps, "step")
        words += [image_rate(result.images_per_second, ""), f"{length} in {duration(result.seconds)}"]
    if run.attempt > 1:
        words.append(f"attempt {run.attempt}")
    words.append(moment(run.created, now))
    words += [" ".join(run.tags)]
    return [word for word in words if word]


def _trouble(run: Run) -> str:
    parts = [run.reason, run.beat.warning if run.beat and run.state.is_active else "", run.damage]
    return "; ".join(part for part in parts if part)


def curve_lines(
    curves: "Mapping[str, Curve]", width: int, glyphs: Glyphs, better: "Mapping[str, Better | None] | None" = None
) -> list[Line]:
    """A line per curve: last and best value, and a sparkline. `better` says which values of a tag are better."""
    better = directions(curves, "", None) if better is None else better
    order = sorted(curves, key=_rank) if any(map(_is_ours, curves.values())) else sorted(curves)
    shown = [
        tag for tag in order if curves[tag].steps.size and (_TWINS.get(tag) not in curves or not _is_ours(curves[tag]))
    ]
    if not shown:
        return []
    heads = (Span(" " * _LEFT), *fit((Span("last", "muted"),), _NUMBER, right=True))
    heads += (*fit((Span("best", "muted"),), _NUMBER, right=True), Span("  at", "muted"))
    return [heads, *(_curve_line(curves[tag], width, glyphs, better.get(tag)) for tag in shown)]


def _rank(tag: str) -> tuple[int, str]:
    return (_ORDER.index(tag) if tag in NAMES else len(_ORDER), tag)


@lru_cache(64)
def _curve_line(curve: "Curve", width: int, glyphs: Glyphs, better: "Better | None") -> Line:
    from labtui.console.charts.sparkline import sparkline
    from labtui.console.charts.ticks import Range

    percent = tags.is_accuracy(curve.tag) and _is_ours(curve)
    write = accuracy if percent else loss
    last, best = curve.last, curve.best(better)
    spans: list[Span] = [
        *fit(
            (Span(NAMES.get(curve.tag, curve.tag) if _is_ours(curve) else curve.tag),), _LEFT, ellipsis=glyphs.ellipsis
        )
    ]
    spans += fit((Span(write(last[1] if last else None, ""), "strong"),), _NUMBER, right=True)
    spans += fit((Span(write(best[1] if best else None, "")),), _NUMBER, right=True)
    undeclared = better is None and not _is_ours(curve)
    place = " undeclared" if undeclared else f"  {_place(curve, best)}"
    spans += fit((Span(place, "muted"),), _PLACE)
    rest = width - _LEFT - 2 * _NUMBER - _PLACE - 1
    if rest >= 6 and curve.steps.size > 1:
        bars = sparkline(curve.values, min(rest, 40), glyphs, ends=Range(0.0, 100.0) if percent else None)
        spans.append(Span(f" {bars}", "spark"))
    return tuple(spans)


def _is_ours(curve: "Curve") -> bool:
    """Whether the tag has the meaning that it has in labtui's own runs."""
    return curve.tag in tags.STEP_UNITS and not curve.is_foreign


def _place(curve: "Curve", best: tuple[int, float] | None) -> str:
    """Where the best value is, in the unit of the curve."""
    if best is None:
        return ""
    return f"{'epoch' if curve.unit == tags.StepUnit.EPOCH else ''} {compact(best[0])}".strip()


def variant_lines(variant: Variant, width: int, glyphs: Glyphs) -> list[Line]:
    """A variant that has not run: what it is, what was published, which key starts it."""
    spec = variant.spec
    lines: list[Line] = [spread((Span(spec.display_title, "strong"),), (Span("not run yet", "muted"),), width)]
    lines.append((Span(f"  {glyphs.dot}  ".join(_about(spec)), "muted"),))
    for paragraph in (variant.description, _published(variant)):
        lines += [(Span(line),) for line in wrap(paragraph, max(20, width))]
    lines += [(), (Span("r", "key"), Span(" runs it with its defaults, ", "muted"), Span("R", "key"))]
    lines[-1] = (*lines[-1], Span(" asks for seeds, device and overrides first", "muted"))
    return lines


def _about(spec: Spec) -> tuple[str, ...]:
    """What it trains, in a few words."""
    if isinstance(spec, ProgramSpec):
        params = ", ".join(f"{key} {value_text(value)}" for key, value in spec.param.items())
        return tuple(filter(None, (clean_line(spec.run, 200), params)))
    optimizer = f"{type(spec.optimizer).__name__} lr {spec.optimizer.lr:g}, batch {spec.training.batch_size}"
    return spec.dataset, plural(spec.epochs, "epoch"), optimizer


def _published(variant: Variant) -> str:
    if variant.reference is None or not variant.reference.figures:
        return ""
    figures = [f"{NAMES.get(tag, tag)} {value:g}" for tag, value in variant.reference.figures.items()]
    return f"Published: {', '.join(figures)}."
