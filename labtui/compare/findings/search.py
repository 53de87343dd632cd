"""Settings that were searched: grids that end at their best value, unequal tuning, and settings without any effect."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from labtui.compare.cells import Cell, budget, final_values, mean, run_requests
from labtui.compare.metrics import TableMetric
from labtui.compare.model import Finding, Remedy, SearchBudget, Severity
from labtui.compare.spec_diff import changes, flat_recipe
from labtui.spec import Spec
from labtui.text import numbers
from labtui.text.words import value_text

_TUNABLE = ("model.", "penalty.", "optimizer.", "scheduler.", "training.batch_size")
"""Keys that people tune. More data or more epochs are not tuning."""

_FRESH = 5
"""Fresh seeds that are proposed for the best of a grid."""

_FEWEST_FRESH = 2
"""Fresh seeds of each side with which the best of a grid is judged on them alone."""

_FEWEST_VALUES = 3
"""Values of a grid with which a budget is worth showing."""


def no_effect_findings(cell: Cell, others: Iterable[Cell]) -> tuple[Finding, ...]:
    """A finding per other cell with bitwise equal results: the same recipe twice, or a setting without any effect."""
    findings = []
    for other in others:
        if other.key == cell.key or not same_bits(cell, other):
            continue
        seeds = numbers.seed_list(set(cell.seeds) & set(other.seeds))
        if cell.recipe == other.recipe:
            text = f"the same recipe as {other.title}, and bit-identical results ({seeds}): a duplicate"
            findings.append(Finding(severity=Severity.NOTE, code="twin", text=text))
        else:
            changed = [change.key for change in changes(cell.spec, other.spec)]
            keys = ", ".join(changed)
            differs, settings = ("differ", "these settings") if len(changed) > 1 else ("differs", "this setting")
            text = f"bit-identical to {other.title} ({seeds}) although {keys} {differs}: {settings} had no effect"
            remedy = Remedy(text="check whether the engine uses it; until then count the two rows as one")
            findings.append(Finding(severity=Severity.WARNING, code="dead-switch", text=text, key=keys, remedy=remedy))
    return tuple(findings)


def same_bits(cell: Cell, other: Cell) -> bool:
    """Whether all runs of common seeds ended with equal values of every tag, a loss among them."""
    common = cell.ends.keys() & other.ends.keys()
    return bool(common) and all(
        cell.ends[seed] == other.ends[seed] and any("loss" in tag.lower() for tag in cell.ends[seed]) for seed in common
    )


class GridSearch(Struct, frozen=True, kw_only=True):
    """Cells of one experiment that differ in one number."""

    key: str
    cells: tuple[Cell, ...]
    """In ascending order of the number."""
    values: tuple[float, ...]


def grid_searches(cells: Sequence[Cell]) -> list[GridSearch]:
    """Every set of two or more cells of one experiment and data set that differ in a single number.

    Cells whose seeds all failed were tried as well.
    """
    groups: dict[tuple[str, str, str], dict[float, Cell]] = {}
    for cell in cells:
        if not cell.has_ended_seeds:
            continue
        for key, value in cell.flat.items():
            if key.startswith(_TUNABLE) and isinstance(value, int | float) and not isinstance(value, bool):
                group = cell.spec.experiment, key, _recipe_without(cell.flat, key)
                groups.setdefault(group, {}).setdefault(float(value), cell)
    return [
        GridSearch(key=key, cells=tuple(members[value] for value in sorted(members)), values=tuple(sorted(members)))
        for (_, key, _), members in groups.items()
        if len(members) >= 2
    ]


def _recipe_without(flat: Mapping[str, object], key: str) -> str:
    rest = {name: value for name, value in flat.items() if name != key}
    return msgspec.json.encode(rest, order="sorted").decode()


def grid_findings(
    cell: Cell, grid: GridSearch, metric: TableMetric, against: Cell | None = None
) -> tuple[Finding, ...]:
    """Findings about the best cell of a grid: whether it lies at the edge, and which seeds chose it.

    `against` is what the cell is compared with.
    """
    best = _best(grid, metric)
    edge = _edge(grid, best, metric) if best is not None and grid.cells[best].key == cell.key else ()
    seeds = choosing_seeds(cell, grid, metric)
    return (*edge, *(_selection(cell, grid, metric, against, seeds) if seeds else ()))


def _best(grid: GridSearch, metric: TableMetric, seeds: Mapping[str, frozenset[int]] | None = None) -> int | None:
    """The place of the best mean over all seeds, or over these of each cell; None while some cell has no end."""
    if metric.better is None or not all(member.outcomes(metric.tag) for member in grid.cells):
        return None
    means = [
        mean(one.value for one in final_values(member, metric.tag) if seeds is None or one.seed in seeds[member.key])
        for member in grid.cells
    ]
    known = [value for value in means if value is not None]
    return means.index(max(known) if metric.higher_is_better else min(known)) if known else None


def choosing_seeds(cell: Cell, grid: GridSearch, metric: TableMetric) -> frozenset[int]:
    """The seeds that made a cell the best of its grid: those at which other values were tried too.

    All of its seeds if these alone would not have chosen it. Empty if it is not the best.
    """
    ended = {member.key: {one.seed for one in member.outcomes(metric.tag)} for member in grid.cells}
    if cell.key not in ended:
        return frozenset()
    shared = {
        key: frozenset(seeds & set().union(*(others for other, others in ended.items() if other != key))) or seeds
        for key, seeds in ended.items()
    }
    chosen = _best(grid, metric, {key: frozenset(seeds) for key, seeds in shared.items()})
    if chosen is not None and grid.cells[chosen].key == cell.key:
        return frozenset(shared[cell.key])
    best = _best(grid, metric)
    return frozenset(ended[cell.key]) if best is not None and grid.cells[best].key == cell.key else frozenset()


def seeds_left_out(here: Cell, there: Cell, searches: Sequence[GridSearch], metric: TableMetric) -> frozenset[int]:
    """The seeds that chose a row among the values of a grid, if both sides have others to judge it by.

    The value that did best with some seeds was lucky with them: over them its mean is too good, by 0.89 standard
    deviations for the best of ten equal values with three seeds. Fresh seeds know nothing of that.
    """
    seeds = frozenset[int]().union(*(choosing_seeds(here, grid, metric) for grid in searches))
    fresh = [{one.seed for one in cell.outcomes(metric.tag)} - seeds for cell in (here, there)]
    return seeds if seeds and min(map(len, fresh)) >= _FEWEST_FRESH else frozenset()


def _edge(grid: GridSearch, best: int, metric: TableMetric) -> Iterator[Finding]:
    if 0 < best < len(grid.values) - 1:
        return
    side, word = (1, "smallest") if best == 0 else (-2, "largest")
    value, neighbour = grid.values[best], grid.values[side]
    tried = ", ".join(f"{value:g}" for value in grid.values)
    start = f"the best {grid.key} of {tried} is the {word} tried"
    if not _is_decided(grid.cells[best], grid.cells[side], metric):
        text = f"{start}, but whether it is better than {neighbour:g} is undecided"
        yield Finding(severity=Severity.NOTE, code="grid-edge", text=text, key=grid.key, here=f"{value:g}")
        return
    text = f"{start}: the grid ends at its best value"
    further = value * value / neighbour if value > 0 and neighbour > 0 else 2 * value - neighbour
    cell = grid.cells[best]
    runs = run_requests([cell], cell.seeds, {grid.key: float(f"{further:.3g}")})
    remedy = Remedy(text="extend the grid", runs=runs)
    yield Finding(
        severity=Severity.WARNING, code="grid-edge", text=text, key=grid.key, here=f"{value:g}", remedy=remedy
    )


def _is_decided(best: Cell, neighbour: Cell, metric: TableMetric) -> bool:
    """Whether the interval of the difference excludes zero; a neighbour whose seeds all failed is no match."""
    from labtui.compare import statistics  # deferred: numpy, which the console's list does without
    from labtui.compare.differences import difference

    if not final_values(neighbour, metric.tag):
        return True
    found = difference(best.outcomes(metric.tag), neighbour.outcomes(metric.tag), pairs=False, worst=None)
    if found.estimate is None:
        return False
    low, high = statistics.bounds(found.estimate)
    return bool(low > 0 or high < 0)


def _selection(
    cell: Cell, grid: GridSearch, metric: TableMetric, against: Cell | None, seeds: frozenset[int]
) -> Iterator[Finding]:
    start, chose = f"the best of {len(grid.values)} by {metric.tag}", numbers.seed_list(seeds)
    images = ""
    if metric.is_plain_test or metric.is_report_test:
        images = "; it was also selected on the test images; select by val/accuracy (protocol `standard`) to avoid this"
    if against is not None and seeds_left_out(cell, against, [grid], metric):
        fresh = numbers.seed_list({one.seed for one in cell.outcomes(metric.tag)} - seeds)
        text = f"{start} on {chose}: judged on its other seeds alone ({fresh}){images}"
        yield Finding(severity=Severity.NOTE, code="selection", text=text, key=grid.key)
        return
    same = f"the same {'seeds' if len(seeds) > 1 else 'seed'} ({numbers.seed_ranges(tuple(sorted(seeds)))})"
    judged = f"{same} selected it and {'judge' if len(seeds) > 1 else 'judges'} it"
    text = f"{start}: {judged}, which biases the result in its favour{images}"
    sides = [cell] if against is None else [cell, against]
    first = max((one.seed for side in sides for one in side.outcomes(metric.tag)), default=-1) + 1
    runs = run_requests(sides, tuple(range(first, first + _FRESH)))
    remedy = Remedy(text="run new seeds and judge it on those", runs=runs)
    yield Finding(severity=Severity.NOTE, code="selection", text=text, key=grid.key, remedy=remedy)


def _end(cell: Cell, metric: TableMetric) -> float | None:
    """Where the seeds of a cell ended on average, failed ones included."""
    ends = (one.reached if one.value is None else one.value for one in cell.outcomes(metric.tag))
    return mean(end for end in ends if end is not None)


def search_budgets(searches: Sequence[GridSearch], metric: TableMetric) -> tuple[SearchBudget, ...]:
    """What each search of three values or more would be expected to reach with fewer of them."""
    from labtui.compare.statistics import expected_best  # deferred: numpy, which the console's list does without

    budgets = []
    for grid in searches:
        means = [mean(value.value for value in final_values(member, metric.tag)) for member in grid.cells]
        members = zip(grid.cells, means, strict=True)
        ends = [_end(member, metric) if value is None else value for member, value in members]
        known = [value for value in ends if value is not None]
        if metric.higher_is_better is None or len(means) < _FEWEST_VALUES or not known:
            continue
        worst = min(known) if metric.higher_is_better else max(known)
        values = [worst if value is None else value for value in ends]
        costs = [cost for member in grid.cells if (cost := budget(member).seconds)]
        spec = grid.cells[0].spec
        budgets.append(
            SearchBudget(
                experiment=spec.experiment,
                data=spec.dataset,
                key=grid.key,
                values=grid.values,
                means=tuple(means),
                expected=expected_best(values, higher_is_better=metric.higher_is_better),
                seconds=mean(costs),
            )
        )
    return tuple(budgets)


def tuning_findings(
    cell: Cell, baseline: Cell, factor: tuple[str, ...], tries: Mapping[str, int]
) -> tuple[Finding, ...]:
    """Findings if a row and its baseline were not tuned equally, or if a method was tried with one setting only.

    `tries` counts the recipes that were run of each experiment, including overrides.
    """
    ours, theirs = tries.get(cell.spec.experiment, 1), tries.get(baseline.spec.experiment, 1)
    findings = []
    setting = tunable_values(cell.spec, factor)
    if ours == 1 and setting:
        text = f"one setting tried ({setting}): the row is about this setting, not about the method"
        findings.append(Finding(severity=Severity.NOTE, code="one-setting", text=text, key=factor[0]))
    if ours != theirs and cell.spec.experiment != baseline.spec.experiment:
        text = f"unequal tuning: {_settings(ours)} tried here, {_settings(theirs)} of {baseline.spec.experiment}"
        findings.append(Finding(severity=Severity.NOTE, code="tuning", text=text, here=str(ours), there=str(theirs)))
    return tuple(findings)


def tunable_values(spec: Spec, factor: tuple[str, ...]) -> str:
    """The tunable numbers that the factor sets: `penalty.weight 0.5`; empty if it sets none."""
    listed = []
    for key, value in flat_recipe(spec).items():
        if not key.startswith(_TUNABLE) or not any(key == part or key.startswith(f"{part}.") for part in factor):
            continue
        items = value if isinstance(value, list | tuple) else [value]
        if items and all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
            listed.append(f"{key} {value_text(value)}")
    return ", ".join(listed)


def _settings(number: int) -> str:
    return "1 setting" if number == 1 else f"{number} settings"
