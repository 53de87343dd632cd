"""The plan of a wish, and the plan as lines: what would run, how long it takes, what was done before."""

from collections.abc import Callable
from dataclasses import dataclass

from labtui.api import Lab, Plan, PlannedRun, plan_runs
from labtui.catalog import parse_seeds
from labtui.console.data.snapshot import Machine
from labtui.console.launch.request import Wish
from labtui.console.ui.glyphs import Glyphs
from labtui.errors import LabError
from labtui.launch.devices import Device
from labtui.text.clean import clean_line
from labtui.text.durations import duration
from labtui.text.numbers import count
from labtui.text.sizes import size
from labtui.text.spans import Line, Span, fit, shorten, text_width, wrap
from labtui.text.words import plural

NAMED = 40
"""Runs listed one by one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of planning a wish without touching the network."""

    wish: Wish
    plan: Plan | None = None
    fault: str = ""
    """Why there is no plan."""

    @property
    def can_start(self) -> bool:
        """Whether there is something to queue."""
        return self.plan is not None and bool(self.plan.runs)


def answer(lab: Lab, wish: Wish) -> Answer:
    """Plan a wish; what cannot be meant is told, not raised."""
    if not wish.names:
        return Answer(wish, fault="no experiment is marked: Space marks one")
    try:
        return Answer(wish, plan_wish(lab, wish, fetch=False))
    except LabError as fault:
        return Answer(wish, fault=clean_line(str(fault)))


def plan_wish(lab: Lab, wish: Wish, *, fetch: bool, progress: Callable[[int, int], None] | None = None) -> Plan:
    """The plan of a wish; with `fetch`, data sets are fetched now. Raises LabErrors."""
    seeds = parse_seeds(wish.seeds) if wish.seeds.strip() else None
    device = "" if wish.device == "auto" else wish.device
    return plan_runs(
        lab, wish.names, seeds=seeds, overrides=wish.changes, fetch=fetch, device=device, progress=progress
    )


def plan_lines(plan: Plan, room: int, glyphs: Glyphs, *, at_once: int) -> list[Line]:
    """The sum in one line, what a person should know, and every run."""
    lines: list[Line] = [_sum(plan, at_once, glyphs)]
    for notice in plan.notices:
        told = wrap(clean_line(notice), max(20, room - 2))
        lines += [(Span("! " if not index else "  ", "warn"), Span(part)) for index, part in enumerate(told)]
    named = plan.runs[:NAMED]
    longest = max((text_width(one.spec.display_title) for one in named), default=0) + 2
    lines += [(), *(_run(one, min(longest, max(14, room - 42)), glyphs) for one in named)]
    if len(plan.runs) > NAMED:
        lines.append((Span(f"and {len(plan.runs) - NAMED} more", "muted"),))
    return [shorten(line, room, glyphs.ellipsis) for line in lines]


def _sum(plan: Plan, at_once: int, glyphs: Glyphs) -> Line:
    steps = sum(one.steps for one in plan.runs)
    done = sum(one.finished is not None for one in plan.runs)
    spans = [Span(plural(len(plan.runs), "run"), "strong"), Span(f"  {count(steps)} steps", "muted")]
    if plan.estimate is not None:
        how = f"{at_once} at once" if at_once > 1 else "one after the other"
        spans += [
            Span("  about "),
            Span(duration(plan.estimate / max(1, at_once)), "strong"),
            Span(f" {how}", "muted"),
        ]
    elif plan.runs:
        spans.append(Span("  time not known: nothing like it has run here yet", "muted"))
    if done:
        spans.append(Span(f"  {glyphs.dot}  {done} of them done before", "warn"))
    return tuple(spans)


def _run(one: PlannedRun, left: int, glyphs: Glyphs) -> Line:
    """A line of the plan; its title takes so many cells."""
    spans = [
        *fit((Span(one.spec.display_title),), left, ellipsis=glyphs.ellipsis),
        *fit((Span(f" seed {one.spec.seed}", "muted"),), 9),
        *fit((Span(f"{one.spec.training.epochs} ep", "muted"),), 8, right=True),
        *fit((Span(duration(one.estimate, glyphs.dash), "muted"),), 9, right=True),
    ]
    if one.finished is not None:
        spans.append(Span(f"  {glyphs.states['finished']} done before", "warn"))
    elif not one.present:
        spans.append(Span("  fetches data", "muted"))
    return tuple(spans)


def device_words(machine: Machine) -> dict[str, str]:
    """What can be trained on, each with how busy it is; the CPU where nothing is known yet."""
    return {one.name: _busy(one, machine) for one in machine.devices if not one.obstacle} or {"cpu": ""}


def _busy(device: Device, machine: Machine) -> str:
    if device.kind == "cpu":
        load = f", {machine.cpu:.0f}% busy" if machine.cpu is not None else ""
        return f"{device.cores or 'all'} cores{load}"
    words = [device.title]
    words += [f"{device.load:.0f}% busy"] if device.load is not None else []
    words += [f"{size(device.memory_free)} free"] if device.memory_free is not None else []
    words += [f"{len(device.processes)} processes on it"] if device.processes else []
    return ", ".join(words)
