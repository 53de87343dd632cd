"""A plan: comparisons that are run until they are decided, fixed before the first seed is trained.

Everything that a result could tempt one to change is in the plan: metric, rows, baselines, method, alpha, cap, smallest
effects and boundaries. `evaluate` is pure: the same outcomes give the same looks and the same end, no matter who asks
and how often, so that a killed console or a resumed command loses nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct, field, structs

from labtui.compare.differences import difference
from labtui.compare.outcomes import SeedOutcome, worst_value
from labtui.compare.sequential import (
    FIRST_LOOK,
    FUTILITY,
    FUTILITY_FROM,
    Boundaries,
    Decision,
    chance_to_decide,
    decision_at,
)
from labtui.spec import Metric, ProgramSpec, RunSpec, Spec, recipe_hash


class Side(Struct, frozen=True, kw_only=True):
    """A row or a baseline: what is trained, with any seed."""

    engine_spec: RunSpec | None = field(default=None, name="spec")
    program: ProgramSpec | None = None
    recipe: str
    """The hash of the recipe, by which its runs are known."""

    @classmethod
    def of(cls, spec: Spec) -> "Side":
        """The side that trains this spec, with any seed."""
        recipe = recipe_hash(spec)
        if isinstance(spec, ProgramSpec):
            return cls(program=structs.replace(spec, seed=0), recipe=recipe)
        return cls(engine_spec=structs.replace(spec, seed=0), recipe=recipe)

    @property
    def spec(self) -> Spec:
        """What is trained; its own seed means nothing. Raises ValueError for a damaged plan."""
        spec = self.engine_spec or self.program
        if spec is None:
            raise ValueError("this plan does not say what to train")
        return spec

    @property
    def name(self) -> str:
        """As the command line knows it: `adam@0.01`."""
        return self.spec.name

    @property
    def title(self) -> str:
        """The title with the overrides, where there are any."""
        return self.spec.display_title


class PlannedComparison(Struct, frozen=True, kw_only=True):
    """A row and the baseline that it is compared with."""

    row: Side
    baseline: Side
    method: Literal["paired", "welch"]
    """Paired where a seed means the same weights and the same order of images on both sides."""
    smallest_effect: float | None
    """The smallest difference that would matter, in the metric's unit; None leaves out the end "no difference"."""


class Plan(Struct, frozen=True, kw_only=True):
    """What was decided before the first seed."""

    schema: int = 1
    id: str
    created: float
    """Seconds since 1970, UTC."""
    metric: str
    """The tag."""
    declared: Metric | None = None
    """What is declared about the metric, if its tag does not say it all."""
    own_metric: bool = True
    """Whether labtui's engine measures it."""
    scale: float = 1.0
    """Recorded values times this are those that are compared: 100 for shares that are shown in percent."""
    higher_is_better: bool
    alpha: float
    """False claims accepted over the whole plan; its comparisons share it."""
    boundaries: Boundaries
    comparisons: tuple[PlannedComparison, ...]
    resolution: float = 0.0
    """The smallest step of the metric: 100 / images for an accuracy in percent; 0 where it has none."""
    chance: float | None = None
    """The metric's value for a network that learned nothing, where it is known."""
    device: str = "cpu"
    """The kind of device on which all seeds are trained."""
    threads: int | None = None
    """CPU threads of each run, which change its bits; None on other devices."""
    tried: int = 0
    """Comparisons that share `alpha` because they were tried before the plan was made, its own included; 0 where its
    rows had no seeds yet.
    """

    @property
    def family(self) -> int:
        """Comparisons that share `alpha`."""
        return max(self.tried, len(self.comparisons))

    @property
    def cap(self) -> int:
        """Seeds at which every comparison ends."""
        return self.boundaries.cap

    @property
    def sides(self) -> tuple[Side, ...]:
        """Rows and baselines, each recipe once, in the order of the comparisons."""
        unique = {side.recipe: side for one in self.comparisons for side in (one.baseline, one.row)}
        return tuple(unique.values())


class Look(Struct, frozen=True, kw_only=True):
    """One comparison at one number of seeds; differences are row minus baseline, in the metric's unit."""

    seeds: int
    delta: float | None
    low: float
    high: float
    """The repeated interval: it covers the true difference at every look of the plan at once."""
    decision: Decision
    chance: float | None = None
    """Chance to be decided by the cap, at the present mean and spread; None before it is computed."""
    row_failed: int = 0
    baseline_failed: int = 0


class ComparisonState(Struct, frozen=True, kw_only=True):
    """How far a comparison has come."""

    comparison: PlannedComparison
    looks: tuple[Look, ...]

    @property
    def decision(self) -> Decision:
        """That of the newest look; `CONTINUE` before the first."""
        return self.looks[-1].decision if self.looks else Decision.CONTINUE

    @property
    def has_ended(self) -> bool:
        """Whether no further seed is wanted."""
        return self.decision is not Decision.CONTINUE


Outcomes = Mapping[str, Mapping[int, SeedOutcome]]
"""Per recipe hash and seed."""


class PlanState(Struct, frozen=True, kw_only=True):
    """How far a plan has come."""

    plan: Plan
    comparisons: tuple[ComparisonState, ...]

    @property
    def has_ended(self) -> bool:
        """Whether every comparison has."""
        return all(one.has_ended for one in self.comparisons)


def evaluate(plan: Plan, outcomes: Outcomes) -> PlanState:
    """Take every look that the outcomes allow, in order, up to the one that decides.

    A look is taken when both sides have an outcome for each of the seeds 0 to n - 1; seeds that end out of order wait.
    """
    return PlanState(plan=plan, comparisons=tuple(_evaluate(plan, one, outcomes) for one in plan.comparisons))


def evaluate_comparison(plan: Plan, comparison: PlannedComparison, outcomes: Outcomes) -> ComparisonState:
    """As `evaluate`, for one comparison of the plan."""
    return _evaluate(plan, comparison, outcomes)


def wanted_seeds(state: PlanState, outcomes: Outcomes, ahead: int) -> tuple[tuple[Side, int], ...]:
    """The next runs to train, at most `ahead` more than what the next looks need; baselines before their rows.

    Every comparison that has not ended wants the first look's seeds at once, and then one more seed at a time, unless
    places are free for more.
    """
    wanted: dict[tuple[str, int], Side] = {}
    for one in state.comparisons:
        if one.has_ended:
            continue
        n = max(FIRST_LOOK, (one.looks[-1].seeds if one.looks else 0) + 1)
        sides = (one.comparison.baseline, one.comparison.row)
        for seed in range(min(n, state.plan.cap)):
            wanted |= {(side.recipe, seed): side for side in sides if seed not in outcomes.get(side.recipe, {})}
    for seed in range(FIRST_LOOK, state.plan.cap):
        for one in state.comparisons:
            for side in (one.comparison.baseline, one.comparison.row):
                missing = seed not in outcomes.get(side.recipe, {})
                if len(wanted) < ahead and not one.has_ended and missing:
                    wanted.setdefault((side.recipe, seed), side)
    return tuple((side, seed) for (_, seed), side in wanted.items())


def changed_terms(old: Plan, new: Plan) -> tuple[str, ...]:
    """The names of what differs between two plans, apart from their id and date; empty where they are the same plan."""
    names = ("metric", "higher_is_better", "alpha", "comparisons", "resolution", "chance")
    # Device, threads and the calibrated rates are not terms of the comparison: the plan's file decides them.
    changed = [name for name in names if getattr(old, name) != getattr(new, name)]
    return (*changed, *(["max seeds"] if old.cap != new.cap else []))


def _evaluate(plan: Plan, comparison: PlannedComparison, outcomes: Outcomes) -> ComparisonState:
    row, baseline = outcomes.get(comparison.row.recipe, {}), outcomes.get(comparison.baseline.recipe, {})
    looks: list[Look] = []
    for n in plan.boundaries.looks:
        if not all(seed in row and seed in baseline for seed in range(n)):
            break
        looks.append(_look(plan, comparison, [row[s] for s in range(n)], [baseline[s] for s in range(n)]))
        if looks[-1].decision is not Decision.CONTINUE:
            break
    return ComparisonState(comparison=comparison, looks=tuple(looks))


def _look(
    plan: Plan, comparison: PlannedComparison, row: Sequence[SeedOutcome], baseline: Sequence[SeedOutcome]
) -> Look:
    n = len(row)
    worst = worst_value([*row, *baseline], higher_is_better=plan.higher_is_better, chance=plan.chance)
    found = difference(row, baseline, pairs=comparison.method == "paired", worst=worst)
    failed = sum(one.value is None for one in row), sum(one.value is None for one in baseline)
    if found.estimate is None:
        end = Decision.FUTILE if n == plan.cap else Decision.CONTINUE
        return _as_look(n, None, (-float("inf"), float("inf")), end, None, failed)
    low, high, decision = decision_at(found.estimate, n, plan.boundaries, comparison.smallest_effect, plan.resolution)
    if decision in (Decision.HIGHER, Decision.LOWER):
        at_worst = found.at_worst(for_row=(decision is Decision.HIGHER) == plan.higher_is_better)
        if at_worst is not None:
            *_, again = decision_at(at_worst, n, plan.boundaries, comparison.smallest_effect, plan.resolution)
            decision = decision if again is decision else Decision.CONTINUE
    if decision is Decision.NEGLIGIBLE and any(failed):
        decision = Decision.CONTINUE  # recipes that fail at different rates do differ
    chance = None
    if decision is Decision.CONTINUE and n >= FUTILITY_FROM and not any(failed):
        chance = chance_to_decide(_groups(comparison, row, baseline), plan.boundaries, comparison.smallest_effect)
    if decision is Decision.CONTINUE and (n == plan.cap or (chance is not None and chance < FUTILITY)):
        decision = Decision.FUTILE
    return _as_look(n, found.delta, (low, high), decision, chance, failed)


def _as_look(
    seeds: int,
    delta: float | None,
    interval: tuple[float, float],
    decision: Decision,
    chance: float | None,
    failed: tuple[int, int],
) -> Look:
    return Look(
        seeds=seeds,
        delta=delta,
        low=interval[0],
        high=interval[1],
        decision=decision,
        chance=chance,
        row_failed=failed[0],
        baseline_failed=failed[1],
    )


def _groups(
    comparison: PlannedComparison, row: Sequence[SeedOutcome], baseline: Sequence[SeedOutcome]
) -> tuple[list[float], ...]:
    ours, theirs = ([one.value for one in side if one.value is not None] for side in (row, baseline))
    if comparison.method == "paired":
        return ([a - b for a, b in zip(ours, theirs, strict=True)],)
    return ours, theirs
