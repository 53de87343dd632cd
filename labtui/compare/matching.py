"""Which cell a row is fairly compared with: the declared baseline, and the one that differs in the factor alone."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from labtui.compare.cells import Cell, empty_cell
from labtui.compare.facts import budget
from labtui.compare.render.commands import run_command
from labtui.compare.spec_diff import flat_recipe, matched_recipe
from labtui.spec import RunSpec, Variant

FEWEST_SEEDS = 3
"""Seeds that are proposed where there is one or none: fewer give an interval too wide to be of use."""


class Offer(Struct, frozen=True, kw_only=True):
    """The matched baseline, where it has not been run: what to run."""

    title: str
    command: str


def closest(candidates: Iterable[Cell], cell: Cell) -> Cell | None:
    """Of cells with one recipe, the one to compare with: the same device and threads, then the most common seeds."""
    return max(candidates, key=lambda one: (one.place == cell.place, *_strength(one, cell)), default=None)


def declared_baseline(cell: Cell, name: str, cells: Sequence[Cell], current: set[str]) -> Cell | None:
    """The cell of the experiment that a row names as its baseline.

    A row with overrides is compared with the baseline under the same overrides, where that was run; every other row
    with the baseline's present definition (`current` holds the keys of such cells), then with its newest.
    """
    own = [one for one in cells if one.runs and _named(one, name) and one.spec.data.name == cell.spec.data.name]
    own = [one for one in own if one.key != cell.key]
    alike = [one for one in own if one.spec.overrides == cell.spec.overrides] if cell.spec.overrides else []
    present = [one for one in own if one.key in current]
    plain = [one for one in own if not one.spec.overrides]
    return closest(alike or present, cell) or next(reversed(plain or own), None)


def matched_baseline(cell: Cell, baseline: Cell, factor: tuple[str, ...], cells: Sequence[Cell]) -> Cell | None:
    """A cell that differs from `cell` in the factor alone, where it is as the declared baseline is."""
    wanted = matched_recipe(cell.flat, baseline.flat, factor)
    twins = [one for one in cells if one.runs and one.key != cell.key and one.flat == wanted]
    return closest(twins, cell)


def is_own_match(cell: Cell, baseline: Cell, factor: tuple[str, ...]) -> bool:
    """Whether the factor does not differ at all, so that the row is its own matched baseline."""
    return cell.flat == matched_recipe(cell.flat, baseline.flat, factor)


def offer(cell: Cell, baseline: Cell, factor: tuple[str, ...], variants: Sequence[Variant]) -> Offer | None:
    """What to run for a matched baseline: a variant of the catalog, else the baseline with overrides."""
    wanted = matched_recipe(cell.flat, baseline.flat, factor)
    seeds = cell.seeds if len(cell.seeds) > 1 else tuple(range(FEWEST_SEEDS))
    for variant in variants:
        if flat_recipe(variant.spec) == wanted:
            return Offer(title=variant.spec.title, command=run_command([empty_cell(variant)], seeds))
    settings = _overrides(baseline.spec, wanted)
    if settings is None:
        return None
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    return Offer(title=f"{baseline.title} with {told}", command=run_command([baseline], seeds, settings))


def seconds_per_seed(cell: Cell) -> float | None:
    """Training seconds of one seed, by past runs."""
    return budget(cell).seconds


def _named(cell: Cell, name: str) -> bool:
    return name in (cell.name, cell.spec.experiment)


def _strength(one: Cell, cell: Cell) -> tuple[int, int]:
    return len(set(one.seeds) & set(cell.seeds)), len(one.seeds)


def _overrides(spec: RunSpec, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The settings that turn a spec into a recipe; None where the command line cannot say them."""
    have = flat_recipe(spec)
    if set(have) != set(wanted):
        return None
    different = {key: value for key, value in wanted.items() if have[key] != value}
    return None if any(isinstance(value, list | tuple | dict | None) for value in different.values()) else different
