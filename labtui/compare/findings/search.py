"""Switches that did nothing, and grids that ended too soon."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from labtui.compare.cells import mean_of
from labtui.compare.metrics import Metric
from labtui.compare.model import Finding, Grade
from labtui.compare.render.commands import run_command
from labtui.compare.spec_diff import changes, flat_recipe
from labtui.spec import RunSpec
from labtui.text import numbers
from labtui.text.words import value_text

if TYPE_CHECKING:
    from labtui.compare.cells import Cell

_TUNABLE = ("model.", "penalty.", "optimizer.", "scheduler.", "training.batch_size")
"""What one tunes; more data or more epochs are no settings to search among."""


def switch_findings(cell: "Cell", others: Iterable["Cell"]) -> tuple[Finding, ...]:
    """A line per other cell whose runs came out bit for bit as this one's: a twin, or a switch that did nothing."""
    found = []
    for other in others:
        if other.key == cell.key or not same_bits(cell, other):
            continue
        seeds = _told(sorted(set(cell.seeds) & set(other.seeds)))
        if cell.recipe == other.recipe:
            text = f"the same recipe as {other.title}, and the same bits ({seeds}): a twin"
            found.append(Finding(grade=Grade.NOTE, code="twin", text=text))
        else:
            keys = ", ".join(change.key for change in changes(cell.spec, other.spec))
            text = f"bit for bit as {other.title} ({seeds}) although {keys} differs: the switch did nothing"
            mend = "look whether the engine uses it; until then the two rows are one"
            found.append(Finding(grade=Grade.WARNING, code="dead-switch", text=text, key=keys, mend=mend))
    return tuple(found)


def same_bits(one: "Cell", other: "Cell") -> bool:
    """Whether all runs of common seeds ended with equal numbers in every tag, a loss among them."""
    common = one.ends.keys() & other.ends.keys()
    return bool(common) and all(
        one.ends[seed] == other.ends[seed] and any("loss" in tag.lower() for tag in one.ends[seed]) for seed in common
    )


class Grid(Struct, frozen=True, kw_only=True):
    """Cells of one experiment that differ in one number."""

    key: str
    cells: tuple[Any, ...]
    """By rising value."""
    settings: tuple[float, ...]


def grids(cells: Sequence["Cell"]) -> list[Grid]:
    """Every set of two or more cells of one experiment and data set that differ in a single number."""
    found: dict[tuple[str, str, str], dict[float, Cell]] = {}
    for cell in cells:
        flat = cell.flat
        for key, value in flat.items():
            if (
                cell.runs
                and key.startswith(_TUNABLE)
                and isinstance(value, int | float)
                and not isinstance(value, bool)
            ):
                rest = msgspec.json.encode({one: other for one, other in flat.items() if one != key}, order="sorted")
                found.setdefault((cell.spec.experiment, key, rest.decode()), {}).setdefault(float(value), cell)
    return [
        Grid(key=key, cells=tuple(members[value] for value in sorted(members)), settings=tuple(sorted(members)))
        for (_, key, _), members in found.items()
        if len(members) >= 2
    ]


def grid_findings(cell: "Cell", grid: Grid, metric: Metric) -> tuple[Finding, ...]:
    """What a grid says about its best member: whether it lies at the edge, and by what it was chosen."""
    means = [mean_of(one, metric.tag) for one in grid.cells]
    known = [mean for mean in means if mean is not None]
    if len(known) < len(means):
        return ()
    best = means.index(max(known) if metric.higher_is_better else min(known))
    if grid.cells[best].key != cell.key:
        return ()
    return (*_edge(grid, best), *_chosen(grid, metric))


def _edge(grid: Grid, best: int) -> Iterable[Finding]:
    if 0 < best < len(grid.settings) - 1:
        return
    side, word = (1, "smallest") if best == 0 else (-2, "largest")
    value, neighbour = grid.settings[best], grid.settings[side]
    tried = ", ".join(f"{one:g}" for one in grid.settings)
    text = f"the best {grid.key} of {tried} is the {word} tried: the grid ends at its best value"
    further = value * value / neighbour if value > 0 and neighbour > 0 else 2 * value - neighbour
    cell: Cell = grid.cells[best]
    mend = f"go on: {run_command([cell], cell.seeds, {grid.key: float(f'{further:.3g}')})}"
    yield Finding(grade=Grade.WARNING, code="grid-edge", text=text, key=grid.key, here=f"{value:g}", mend=mend)


def _chosen(grid: Grid, metric: Metric) -> Iterable[Finding]:
    if not (metric.is_plain_test or metric.is_report_test):
        return
    text = f"the best of {len(grid.settings)} by {metric.tag}: chosen and judged on the same images, which flatters it"
    mend = "choose by val/accuracy (protocol standard), then read the test set once"
    yield Finding(grade=Grade.NOTE, code="selection", text=text, key=grid.key, mend=mend)


def effort_findings(
    cell: "Cell", baseline: "Cell", factor: tuple[str, ...], tries: dict[str, int]
) -> tuple[Finding, ...]:
    """A line where a row and its baseline were tuned with unequal effort, or a method was tried at one setting only.

    `tries` counts the recipes that were run of each experiment, overrides included.
    """
    ours, theirs = tries.get(cell.spec.experiment, 1), tries.get(baseline.spec.experiment, 1)
    found = []
    setting = tunable(cell.spec, factor)
    if ours == 1 and setting:
        text = f"one setting tried ({setting}): the row speaks of this setting, not of the method"
        found.append(Finding(grade=Grade.NOTE, code="one-setting", text=text, key=factor[0]))
    if ours != theirs and cell.spec.experiment != baseline.spec.experiment:
        text = f"unequal tuning: {_settings(ours)} tried here, {_settings(theirs)} of {baseline.spec.experiment}"
        found.append(Finding(grade=Grade.NOTE, code="tuning", text=text, here=str(ours), there=str(theirs)))
    return tuple(found)


def tunable(spec: RunSpec, factor: tuple[str, ...]) -> str:
    """The numbers that the factor sets, as one would tune them: `penalty.weight 0.5`; empty where it sets none."""
    told = []
    for key, value in flat_recipe(spec).items():
        if not key.startswith(_TUNABLE) or not any(key == part or key.startswith(f"{part}.") for part in factor):
            continue
        numbers = value if isinstance(value, list | tuple) else [value]
        if numbers and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
            told.append(f"{key} {value_text(value)}")
    return ", ".join(told)


def _settings(number: int) -> str:
    return "1 setting" if number == 1 else f"{number} settings"


def _told(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {numbers.seed_ranges(tuple(seeds))}"
