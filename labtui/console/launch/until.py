"""The launch dialog's plans that run until they are decided: their preview as lines, and starting one."""

from collections.abc import Callable
from dataclasses import dataclass

from labtui.api import Lab, plan_runs
from labtui.api.until import (
    PlanRequest,
    make_plan,
    place_seeds,
    plan_path,
    start_in_background,
    store_plan,
    stored_plan,
)
from labtui.catalog import override
from labtui.compare.plans import Plan
from labtui.compare.render.plan_text import look_line, pair_text, plan_lines
from labtui.console.data.plans import PlanProgress
from labtui.console.launch.request import LaunchRequest
from labtui.console.ui.glyphs import Glyphs
from labtui.store.lock import probe
from labtui.text.clean import clean_line
from labtui.text.durations import duration
from labtui.text.spans import Line, Span, shorten, wrap
from labtui.text.words import plural


@dataclass(frozen=True, slots=True)
class UntilPreview:
    """What a plan of comparisons would run."""

    plan: Plan
    notices: tuple[str, ...]
    is_stored: bool
    """Whether the plan was started before: then it is continued."""
    estimate: float | None = None
    """Seconds of training for all seeds, one after the other; None if not known."""

    @property
    def most(self) -> int:
        """The largest number of training runs."""
        return self.plan.cap * len(self.plan.sides)


def preview_until(lab: Lab, request: LaunchRequest) -> UntilPreview:
    """Plan a request without the network; nothing is written. Raises LabErrors: they say why it would be refused."""
    plan, notices = _plan(lab, request, fetch=False, calibrate=False)
    stored = stored_plan(lab, plan)
    names = tuple(side.name for side in plan.sides)
    seconds = plan_runs(lab, names, seeds=(0,), overrides=request.overrides, fetch=False).estimate
    estimate = seconds * plan.cap if seconds is not None else None
    return UntilPreview(stored or plan, notices, stored is not None, estimate)


def start_until(lab: Lab, request: LaunchRequest, report: Callable[[str], None]) -> str:
    """Write the plan and start it in the background, or continue the stored one. Returns what to say about it."""
    report("preparing the plan …")
    plan, notices = _plan(lab, request, fetch=True, calibrate=True)
    plan = store_plan(lab, plan)
    pairs = ", ".join(pair_text(one) for one in plan.comparisons)
    if probe(plan_path(lab, plan.id).with_suffix(".lock")) == "held":
        return f"{pairs}: this plan is already running"
    start_in_background(lab, plan, request.device, request.at_once)
    most = plural(plan.cap * len(plan.sides), "training run")
    return "  ".join([f"{pairs}: runs until decided, at most {most}", *notices])


def until_lines(
    preview: UntilPreview, progress: PlanProgress | None, width: int, glyphs: Glyphs, *, at_once: int
) -> list[Line]:
    """What would be run at most, the terms of the plan, and how far it has come; lines of at most `width` cells."""
    plan = preview.plan
    sides = ", ".join(side.title for side in plan.sides)
    spans = [Span(f"at most {plural(preview.most, 'training run')}", "strong")]
    spans.append(Span(f"  {plan.cap} seeds of each of {clean_line(sides)}", "muted"))
    if preview.estimate is not None:
        how = f"{at_once} at once" if at_once > 1 else "one after the other"
        time = duration(preview.estimate / max(1, at_once))
        spans += [Span("  at most about "), Span(time, "strong"), Span(f" {how}", "muted")]
    lines: list[Line] = [tuple(spans)]
    for notice in preview.notices:
        lines += _wrapped(notice, width, "", mark=(Span("! ", "warn"), Span("  ")))
    for text in plan_lines(plan):
        lines += _wrapped(text.strip(), width, "muted" if text == plan_lines(plan)[0] else "")
    if progress is not None:
        lines.append(())
        for text in progress_texts(progress):
            lines += _wrapped(text, width, "accent")
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def progress_texts(progress: PlanProgress) -> list[str]:
    """Where a stored plan stands: the newest look of each comparison, and whether anything moves it forward."""
    plan = progress.plan
    texts = [look_line(plan, one, one.looks[-1]) for one in progress.state.comparisons if one.looks]
    done = f"{progress.trained} of at most {plan.cap * len(plan.sides)} training runs done"
    if progress.state.has_ended:
        return [*texts, f"This plan has ended: {done}."]
    if progress.is_driven:
        return [*texts, f"This plan is running: {done}."]
    return [*texts, f"This plan is waiting: {done}. Enter continues it.", *([progress.note] if progress.note else [])]


def _plan(lab: Lab, request: LaunchRequest, *, fetch: bool, calibrate: bool) -> tuple[Plan, tuple[str, ...]]:
    assert request.until is not None
    terms = request.until
    asked = PlanRequest(
        names=request.names,
        baseline=terms.baseline,
        max_seeds=terms.max_seeds,
        alpha=terms.alpha,
        smallest_effect=terms.smallest_effect,
        overrides=request.overrides,
    )
    specs = [
        override(variant.spec, request.overrides, lab.catalog.code) for variant in lab.catalog.select(request.names)
    ]
    placement = place_seeds(request.device, specs, request.at_once, terms.max_seeds)
    return make_plan(lab, asked, placement, fetch=fetch, calibrate=calibrate)


def _wrapped(text: str, width: int, style: str, mark: tuple[Span, Span] | None = None) -> list[Line]:
    first, other = mark or (Span(""), Span(""))
    parts = wrap(clean_line(text), max(20, width - len(first.text)))
    return [(other if index else first, Span(part, style)) for index, part in enumerate(parts)]
