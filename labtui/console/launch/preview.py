"""Plans a launch request, and shows the plan as lines: what would run, how long it takes, what has finished before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.api import Lab, LaunchPlan, PlannedRun, plan_runs
from labtui.catalog import parse_seeds
from labtui.console.data.snapshot import Machine
from labtui.console.launch.request import LaunchRequest
from labtui.console.ui.glyphs import Glyphs
from labtui.errors import LabError
from labtui.launch.devices import Device
from labtui.text.clean import clean_line
from labtui.text.durations import duration
from labtui.text.numbers import compact, count
from labtui.text.sizes import size
from labtui.text.spans import Line, Span, fit, shorten, text_width, wrap
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.console.launch.until import UntilPreview

MOST_LISTED = 40
"""The most runs that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan of a request, made without using the network."""

    request: LaunchRequest
    plan: LaunchPlan | None = None
    until: "UntilPreview | None" = None
    """Takes the place of `plan` where seeds are trained until decided."""
    error: str = ""
    """Why there is no plan."""

    @property
    def can_start(self) -> bool:
        """Whether there is something to run."""
        return self.until is not None or (self.plan is not None and bool(self.plan.runs))


def make_preview(lab: Lab, request: LaunchRequest) -> Preview:
    """Plan a request; errors become part of the preview."""
    if not request.names:
        return Preview(request, error="no experiment is marked: Space marks one")
    try:
        if request.until is None:
            return Preview(request, plan_request(lab, request, fetch=False))
        from labtui.console.launch.until import preview_until  # deferred: numpy

        return Preview(request, until=preview_until(lab, request))
    except LabError as problem:
        return Preview(request, error=clean_line(str(problem)))


def plan_request(
    lab: Lab, request: LaunchRequest, *, fetch: bool, progress: Callable[[int, int], None] | None = None
) -> LaunchPlan:
    """Plan a request; `fetch` downloads missing data sets now. Raises LabErrors."""
    seeds = parse_seeds(request.seeds) if request.seeds.strip() else None
    device = "" if request.device == "auto" else request.device
    return plan_runs(
        lab, request.names, seeds=seeds, overrides=request.overrides, fetch=fetch, device=device, progress=progress
    )


def plan_lines(plan: LaunchPlan, width: int, glyphs: Glyphs, *, at_once: int) -> list[Line]:
    """A summary, the notices of the plan, and its runs, in lines of at most `width` cells."""
    lines: list[Line] = [_summary(plan, at_once, glyphs)]
    for notice in plan.notices:
        parts = wrap(clean_line(notice), max(20, width - 2))
        lines += [(Span("! " if not index else "  ", "warn"), Span(part)) for index, part in enumerate(parts)]
    listed = plan.runs[:MOST_LISTED]
    longest = max((text_width(run.spec.display_title) for run in listed), default=0) + 2
    lines += [(), *(_run_line(run, min(longest, max(14, width - 42)), glyphs) for run in listed)]
    if len(plan.runs) > MOST_LISTED:
        lines.append((Span(f"and {len(plan.runs) - MOST_LISTED} more", "muted"),))
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def _summary(plan: LaunchPlan, at_once: int, glyphs: Glyphs) -> Line:
    steps = sum(run.steps for run in plan.runs)
    finished = sum(run.finished is not None for run in plan.runs)
    spans = [Span(plural(len(plan.runs), "run"), "strong"), Span(f"  {count(steps)} steps", "muted")]
    if plan.estimate is not None:
        how = f"{at_once} at once" if at_once > 1 else "one after the other"
        spans += [
            Span("  about "),
            Span(duration(plan.estimate / max(1, at_once)), "strong"),
            Span(f" {how}", "muted"),
        ]
    elif plan.runs:
        spans.append(Span("  time unknown: no similar run has finished here yet", "muted"))
    if finished:
        spans.append(Span(f"  {glyphs.dot}  {finished} already finished", "warn"))
    return tuple(spans)


def _length(run: PlannedRun) -> str:
    """How long a run trains: epochs, or the steps of a program."""
    if run.spec.epochs:
        return f"{run.spec.epochs} ep"
    return f"{compact(run.steps)} st" if run.steps else ""


def _run_line(run: PlannedRun, title_width: int, glyphs: Glyphs) -> Line:
    """One run of the plan."""
    spans = [
        *fit((Span(run.spec.display_title),), title_width, ellipsis=glyphs.ellipsis),
        *fit((Span(f" seed {run.spec.seed}", "muted"),), 9),
        *fit((Span(_length(run), "muted"),), 8, right=True),
        *fit((Span(duration(run.estimate, glyphs.dash), "muted"),), 9, right=True),
    ]
    if run.finished is not None:
        spans.append(Span(f"  {glyphs.states['finished']} already finished", "warn"))
    elif not run.present:
        spans.append(Span("  downloads data", "muted"))
    return tuple(spans)


def device_descriptions(machine: Machine) -> dict[str, str]:
    """The usable devices, each with its description; the CPU while nothing is known yet."""
    return {device.name: _description(device, machine) for device in machine.devices if not device.obstacle} or {
        "cpu": ""
    }


def _description(device: Device, machine: Machine) -> str:
    if device.kind == "cpu":
        load = f", {machine.cpu:.0f}% busy" if machine.cpu is not None else ""
        return f"{device.cores or 'all'} cores{load}"
    words = [device.title]
    words += [f"{device.load:.0f}% busy"] if device.load is not None else []
    words += [f"{size(device.memory_free)} free"] if device.memory_free is not None else []
    words += [f"{len(device.processes)} processes"] if device.processes else []
    return ", ".join(words)
