"""Which rows a table has: the catalog's present definitions first, everything else folded under them or after them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from msgspec import Struct, structs

from labtui.compare.cells import Cell, budget, empty_cell
from labtui.compare.findings.confounds import confounds
from labtui.compare.findings.search import Grid, grids
from labtui.compare.metrics import Metric
from labtui.compare.render.commands import run_command
from labtui.compare.run_data import Evidence
from labtui.compare.spec_diff import changes, covers, flat_recipe, matched_recipe
from labtui.spec import RunSpec, Variant, recipe_hash
from labtui.text.words import value_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A cell that gets a row."""

    cell: Cell
    variant: Variant | None
    """None where the catalog does not know the experiment any more."""
    present: bool
    """Whether it is the catalog's present definition, without overrides."""
    folded: tuple[tuple[Cell, str], ...] = ()
    """Other cells of the experiment, each with what is other about it."""

    @property
    def factor(self) -> tuple[str, ...]:
        """What the experiment declares that it changes."""
        return self.variant.spec.factor if self.variant else self.cell.spec.factor

    @property
    def baseline(self) -> str | None:
        """The experiment that it declares as its baseline."""
        return self.variant.spec.baseline if self.variant else self.cell.spec.baseline


def roster(cells: Sequence[Cell], variants: Sequence[Variant]) -> list[Entry]:
    """All rows there could be: data set by data set, in the variants' order, a variant's overridden cells after it.

    A variant without any run makes a row without seeds.
    """
    by_name: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        by_name[cell.name, cell.spec.data.name].append(cell)
    found: list[Entry] = []
    wanted: dict[str, str] = {}
    for variant in variants:
        first = wanted.setdefault(variant.spec.name, variant.spec.data.name)
        stand_in = first if first != variant.spec.data.name else None
        found += _of_variant(_labelled(variant, stand_in), by_name.pop((variant.spec.name, variant.spec.data.name), []))
    for rest in by_name.values():
        found += [Entry(cell=cell, variant=None, present=False, folded=folded) for cell, folded in _by_recipe(rest)]
    order = {name: place for place, name in reversed(list(enumerate(entry.cell.spec.data.name for entry in found)))}
    return sorted(found, key=lambda entry: order[entry.cell.spec.data.name])


def _labelled(variant: Variant, stand_in_for: str | None) -> Variant:
    """A variant on a data set that stands in for the one it wants says so: commands must ask for that data set."""
    return structs.replace(variant, spec=structs.replace(variant.spec, fallback_from=stand_in_for))


def _of_variant(variant: Variant, cells: list[Cell]) -> list[Entry]:
    recipe = recipe_hash(variant.spec)
    present = [replace(cell, spec=variant.spec) for cell in cells if cell.recipe == recipe]
    overridden = [cell for cell in cells if cell.recipe != recipe and cell.spec.overrides]
    older = [cell for cell in cells if cell.recipe != recipe and not cell.spec.overrides]
    first, places = _strongest(present) if present else (empty_cell(variant), ())
    folded = (*places, *((cell, f"older definition: {_told(cell, variant)}") for cell in older))
    rows = [Entry(cell=first, variant=variant, present=True, folded=folded)]
    return rows + [
        Entry(cell=cell, variant=variant, present=False, folded=other) for cell, other in _by_recipe(overridden)
    ]


def _by_recipe(cells: Iterable[Cell]) -> list[tuple[Cell, tuple[tuple[Cell, str], ...]]]:
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.recipe].append(cell)
    return [_strongest(group) for group in groups.values()]


def _strongest(cells: list[Cell]) -> tuple[Cell, tuple[tuple[Cell, str], ...]]:
    """The cell with the most seeds, the newer one of equals, and the others with where they ran."""
    first = max(reversed(cells), key=lambda cell: len(cell.runs))
    return first, tuple((cell, _place(cell)) for cell in cells if cell is not first)


def _place(cell: Cell) -> str:
    threads = f" with {cell.threads} thread{'s' if cell.threads != 1 else ''}" if cell.threads else ""
    return f"on {cell.device}{threads}" if cell.device else "not launched"


def _told(cell: Cell, variant: Variant) -> str:
    return ", ".join(
        f"{change.key} {value_text(change.here)}, now {value_text(change.there)}"
        for change in changes(cell.spec, variant.spec)
    )


FEWEST_SEEDS = 3
"""Seeds that are proposed where there is one or none: fewer give an interval too wide to be of use."""


class Offer(Struct, frozen=True, kw_only=True):
    """The matched baseline, where it has not been run: what to run."""

    title: str
    command: str


def closest(candidates: Iterable[Cell], cell: Cell) -> Cell | None:
    """Of cells with one recipe, the one to compare with: the same device and threads, then the most common seeds."""
    return max(candidates, key=lambda one: (one.place == cell.place, *_strength(one, cell)), default=None)


def declared_baseline(cell: Cell, name: str, cells: Sequence[Cell], current: Collection[str]) -> Cell | None:
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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every row of one table needs to know about the others."""

    metric: Metric
    entries: tuple[Entry, ...]
    variants: tuple[Variant, ...]
    baseline: str | None
    """Given instead of the declared ones."""
    evidence: Evidence
    classes: Mapping[str, Sequence[str]]
    """Names of the classes by data set."""

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell that has a row."""
        return tuple(entry.cell for entry in self.entries)

    @cached_property
    def present(self) -> set[str]:
        """The keys of the catalog's present definitions."""
        return {entry.cell.key for entry in self.entries if entry.present}

    @cached_property
    def tries(self) -> dict[str, int]:
        """How many recipes of each experiment were run: how hard it was tuned."""
        recipes = {(cell.spec.experiment, cell.spec.data.name, cell.recipe) for cell in self.cells if cell.runs}
        names = [experiment for experiment, _, _ in recipes]
        return {name: names.count(name) for name in names}

    @cached_property
    def grids(self) -> list[Grid]:
        """The cells of one experiment that differ in one number."""
        return grids(self.cells)

    def class_names(self, cell: Cell) -> tuple[str, ...]:
        """Names of the classes that a cell tells apart, else their numbers; none without predictions."""
        if known := self.classes.get(cell.spec.data.name):
            return tuple(known)
        return tuple(f"class {number}" for number in range(self.evidence.class_count(cell)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A row before the verdicts: with the cells it is compared with."""

    entry: Entry
    factor: tuple[str, ...]
    """What may differ from the baseline: declared by the row, and by the baseline too where that was chosen by hand."""
    baseline: Cell | None
    matched: Cell | None

    @property
    def cell(self) -> Cell:
        """The row's own cell."""
        return self.entry.cell

    @property
    def baselines(self) -> set[str]:
        """The keys of the cells that it is compared with."""
        return {cell.key for cell in (self.baseline, self.matched) if cell is not None}


def draft(entry: Entry, setting: Setting) -> Draft:
    """A row with its baselines looked up: the matched one where the declared one differs in more than the factor."""
    cell, baseline = entry.cell, _baseline(entry, setting)
    if baseline is None:
        return Draft(entry=entry, factor=entry.factor, baseline=None, matched=None)
    factor = _factor(entry, baseline, setting)
    unfair = not baseline.runs or bool(confounds(cell, baseline, factor, setting.metric))
    looked_up = matched_baseline(cell, baseline, factor, setting.cells) if unfair else None
    return Draft(entry=entry, factor=factor, baseline=baseline, matched=looked_up)


def _factor(entry: Entry, baseline: Cell, setting: Setting) -> tuple[str, ...]:
    """The factor of a row against a baseline.

    A row that is its own experiment's plain definition but for some keys means to differ in just these.
    """
    if entry.cell.name == baseline.name:
        return tuple(entry.cell.spec.overrides)
    if setting.baseline is None:
        return entry.factor
    theirs = next((one.factor for one in setting.entries if one.cell.key == baseline.key), ())
    return joint_factor(entry.cell.spec, entry.factor, baseline.spec, theirs)


def joint_factor(
    here: RunSpec, factor: tuple[str, ...], there: RunSpec, other_factor: tuple[str, ...]
) -> tuple[str, ...]:
    """What two experiments that a person puts side by side may differ in: whatever either of them declares."""
    differing = [change.key for change in changes(here, there)]
    either = dict.fromkeys((*factor, *other_factor))
    return tuple(part for part in either if any(covers((part,), key) for key in differing)) or factor


def _baseline(entry: Entry, setting: Setting) -> Cell | None:
    name = setting.baseline or entry.baseline or (entry.cell.name if entry.cell.spec.overrides else None)
    if not name or (entry.present and entry.cell.name == name):
        return None
    if found := declared_baseline(entry.cell, name, setting.cells, setting.present):
        return found
    data = entry.cell.spec.data.name
    variants = [
        variant
        for variant in setting.variants
        if name in (variant.spec.name, variant.spec.experiment) and variant.spec.data.name == data
    ]
    return next((empty_cell(variant) for variant in variants if variant.spec.name != entry.cell.name), None)


def picked(drafts: list[Draft], names: Sequence[str]) -> list[Draft]:
    """The drafts that were asked for, with the cells that they are compared with."""
    asked = [draft for draft in drafts if _is_asked(draft, names)]
    run = [draft for draft in asked if draft.cell.runs]
    known = {name for draft in run for name in _names(draft)}
    if names:
        run += [
            draft for draft in asked if not draft.cell.runs and draft.entry.present and draft.cell.name not in known
        ]
    wanted = {cell.key for draft in run for cell in (draft.cell, draft.baseline, draft.matched) if cell is not None}
    return [draft for draft in drafts if draft.cell.key in wanted and (draft.cell.runs or draft in run)]


def _is_asked(draft: Draft, names: Sequence[str]) -> bool:
    return not names or any(name in _names(draft) for name in names)


def _names(draft: Draft) -> tuple[str, ...]:
    cell = draft.cell
    return cell.name, cell.spec.experiment, cell.title, cell.spec.title
