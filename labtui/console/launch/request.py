"""What the launch dialog begins with and returns, and the commands that do the same. Pure."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.catalog import fields
from labtui.compare.model import RunRequest
from labtui.compare.render.commands import override_text
from labtui.spec import Spec, Variant
from labtui.store.run import Run
from labtui.text.numbers import seed_ranges

if TYPE_CHECKING:
    from labtui.compare.plans import Plan


@dataclass(frozen=True, slots=True)
class UntilDecided:
    """Seeds are trained until each difference is decided, instead of a number of seeds."""

    max_seeds: int
    alpha: float
    """Accepted share of false claims over the whole plan."""
    smallest_effect: float | None = None
    """The smallest difference that matters; None takes the entries' own."""
    baseline: str | None = None
    """What all are compared with; None takes the declared baselines."""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """Which experiments to run, with which seeds and overrides, and where."""

    names: tuple[str, ...] = ()
    seeds: str = ""
    """As typed: `3`, `0-4`, `0,7`; empty for the catalog's seeds."""
    overrides: tuple[str, ...] = ()
    """`key=value`."""
    device: str = "auto"
    at_once: int = 1
    """Runs that share the device."""
    until: UntilDecided | None = None


def launch_request_of(request: RunRequest) -> LaunchRequest:
    """The request for runs that a comparison proposes."""
    if request.until:
        from labtui.compare.sequential import CAP  # deferred: numpy, for which the first frame would wait
        from labtui.compare.statistics import ALPHA

        overrides = tuple(f"{key}={override_text(value)}" for key, value in request.overrides.items())
        until = UntilDecided(CAP, ALPHA, baseline=request.baseline)
        return LaunchRequest(request.names, overrides=overrides, until=until)
    seeds = seed_ranges(request.seeds) + ("," if len(request.seeds) == 1 else "")
    overrides = tuple(f"{key}={override_text(value)}" for key, value in request.overrides.items())
    return LaunchRequest(request.names, seeds, overrides)


def request_of_run(spec: Spec) -> LaunchRequest:
    """The request for the same run again: its seed and overrides."""
    texts = {field.key: field.text for field in fields(spec)}
    overrides = tuple(f"{key}={texts.get(key) or override_text(value)}" for key, value in spec.overrides.items())
    return LaunchRequest((spec.name,), f"{spec.seed},", overrides)


def request_of_plan(plan: "Plan") -> LaunchRequest:
    """The request that continues a plan: its rows, its overrides and its terms."""
    first = plan.comparisons[0]
    texts = {field.key: field.text for field in fields(first.row.spec)}
    common = [side.spec.overrides for side in plan.sides]
    shared = {key: value for key, value in common[0].items() if all(own.get(key) == value for own in common)}
    overrides = tuple(f"{key}={texts.get(key) or override_text(value)}" for key, value in shared.items())
    baselines = {one.baseline.name for one in plan.comparisons}
    effects = {one.smallest_effect for one in plan.comparisons}
    return LaunchRequest(
        tuple(one.row.name for one in plan.comparisons),
        overrides=overrides,
        until=UntilDecided(
            plan.cap,
            plan.alpha,
            effects.pop() if len(effects) == 1 else None,
            baselines.pop() if len(baselines) == 1 else None,
        ),
    )


def command_of_variants(variants: Iterable[Variant]) -> str:
    """The command that runs these variants with their defaults; empty for none."""
    names = [variant.spec.name for variant in variants]
    return shlex.join(["labtui", "run", *names]) if names else ""


def command_of_run(run: Run) -> str:
    """The command that repeats a run with its seed and overrides; empty for another tool's run."""
    if run.spec is None:
        return ""
    if run.continues:
        return shlex.join(["labtui", "run", "--continue", run.continues, "--epochs", str(run.spec.epochs)])
    words = ["labtui", "run", run.name, "--seed", str(run.seed)]
    for key, value in run.spec.overrides.items():
        words += ["--set", f"{key}={override_text(value)}"]
    return shlex.join(words)
