"""Which rows a table has, and which cell each row is compared with. No number is looked at here."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import structs

from labtui.compare.cells import Cell, empty_cell, run_requests
from labtui.compare.findings.confounds import confounds
from labtui.compare.findings.search import GridSearch, grid_searches
from labtui.compare.metrics import TableMetric
from labtui.compare.model import Remedy
from labtui.compare.spec_diff import changes, covers, flat_recipe, matched_recipe
from labtui.spec import ProgramSpec, Spec, Variant, recipe_hash
from labtui.text.words import plural, value_text

if TYPE_CHECKING:
    from labtui.compare.run_data import RunData

FEWEST_SEEDS = 3
"""Seeds that are proposed where there are one or none: with fewer the interval is too wide to be of use."""


# --- Rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """A cell that gets a row of its own, with what the catalog says about it."""

    cell: Cell
    variant: Variant | None
    """None if the catalog does not know the experiment any more."""
    is_current: bool
    """Whether it is the catalog's present definition, without overrides."""
    folded: tuple[tuple[Cell, str], ...] = ()
    """Other cells of the experiment, each with what is different about it."""

    @property
    def factor(self) -> tuple[str, ...]:
        """What the experiment declares that it changes."""
        return self.variant.spec.factor if self.variant else self.cell.spec.factor

    @property
    def baseline(self) -> str | None:
        """The experiment that it declares as its baseline."""
        return self.variant.spec.baseline if self.variant else self.cell.spec.baseline


def row_sources(cells: Sequence[Cell], variants: Sequence[Variant]) -> list[RowSource]:
    """All possible rows: by data set, in the order of the variants, each variant's overridden cells after it.

    A variant without any run makes a row without seeds.
    """
    by_name: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        by_name[cell.name, cell.spec.dataset].append(cell)
    sources: list[RowSource] = []
    first_choice: dict[str, str] = {}
    for variant in variants:
        name, data = variant.spec.name, variant.spec.dataset
        preferred = first_choice.setdefault(name, data)
        labelled = _with_fallback(variant, preferred if preferred != data else None)
        sources += _sources_of_variant(labelled, by_name.pop((name, data), []))
    for rest in by_name.values():
        sources += [
            RowSource(cell=cell, variant=None, is_current=False, folded=folded) for cell, folded in _by_recipe(rest)
        ]
    order = {name: place for place, name in reversed(list(enumerate(source.cell.spec.dataset for source in sources)))}
    return sorted(sources, key=lambda source: order[source.cell.spec.dataset])


def _with_fallback(variant: Variant, fallback_from: str | None) -> Variant:
    """A variant on a replacement data set records which data set it replaces: commands must name it explicitly."""
    if isinstance(variant.spec, ProgramSpec):
        return variant
    return structs.replace(variant, spec=structs.replace(variant.spec, fallback_from=fallback_from))


def _sources_of_variant(variant: Variant, cells: list[Cell]) -> list[RowSource]:
    recipe = recipe_hash(variant.spec)
    current = [replace(cell, spec=variant.spec) for cell in cells if cell.recipe == recipe]
    overridden = [cell for cell in cells if cell.recipe != recipe and cell.spec.overrides]
    older = [cell for cell in cells if cell.recipe != recipe and not cell.spec.overrides]
    main, places = _largest(current) if current else (empty_cell(variant), ())
    folded = (*places, *((cell, f"older definition: {_changes_since(cell, variant)}") for cell in older))
    return [
        RowSource(cell=main, variant=variant, is_current=True, folded=folded),
        *(
            RowSource(cell=cell, variant=variant, is_current=False, folded=others)
            for cell, others in _by_recipe(overridden)
        ),
    ]


def _by_recipe(cells: Iterable[Cell]) -> list[tuple[Cell, tuple[tuple[Cell, str], ...]]]:
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.recipe].append(cell)
    return [_largest(group) for group in groups.values()]


def _largest(cells: list[Cell]) -> tuple[Cell, tuple[tuple[Cell, str], ...]]:
    """The cell with the most seeds, among equals the newer; and the other cells with where they ran."""
    largest = max(reversed(cells), key=lambda cell: (len(cell.runs), cell.has_ended_seeds))
    return largest, tuple((cell, _place(cell)) for cell in cells if cell is not largest)


def _place(cell: Cell) -> str:
    threads = f" with {plural(cell.threads, 'thread')}" if cell.threads else ""
    return f"on {cell.device}{threads}" if cell.device else "not launched"


def _changes_since(cell: Cell, variant: Variant) -> str:
    return ", ".join(
        f"{change.key} {value_text(change.here)}, now {value_text(change.there)}"
        for change in changes(cell.spec, variant.spec)
    )


# --- Baselines ----------------------------------------------------------------------------------------------------


def closest_cell(candidates: Iterable[Cell], cell: Cell) -> Cell | None:
    """Of cells with equal recipes the one to compare with: same device and threads first, then most common seeds."""
    return max(
        candidates,
        key=lambda candidate: (
            candidate.place == cell.place,
            len(set(candidate.seeds) & set(cell.seeds)),
            len(candidate.seeds),
        ),
        default=None,
    )


def declared_baseline(cell: Cell, name: str, cells: Sequence[Cell], current: Collection[str]) -> Cell | None:
    """The cell of the experiment or member `name` that a cell is compared with; None if no seed of it has ended.

    A cell with overrides is compared with the baseline under the same overrides, if that was run. Every other cell is
    compared with the baseline's present definition (`current` holds the keys of such cells), else with its newest.
    """
    named = [
        candidate
        for candidate in cells
        if candidate.has_ended_seeds
        and name in (candidate.name, candidate.spec.experiment)
        and candidate.spec.dataset == cell.spec.dataset
        and candidate.key != cell.key
    ]
    overrides = cell.spec.overrides
    same_overrides = [candidate for candidate in named if candidate.spec.overrides == overrides] if overrides else []
    present = [candidate for candidate in named if candidate.key in current]
    plain = [candidate for candidate in named if not candidate.spec.overrides]
    return closest_cell(same_overrides or present, cell) or next(reversed(plain or named), None)


def matched_baseline(cell: Cell, baseline: Cell, factor: tuple[str, ...], cells: Sequence[Cell]) -> Cell | None:
    """A cell that differs from `cell` in the factor alone, and has the baseline's value there."""
    recipe = matched_recipe(cell.flat, baseline.flat, factor)
    matches = [candidate for candidate in cells if candidate.runs and candidate.key != cell.key]
    return closest_cell([candidate for candidate in matches if candidate.flat == recipe], cell)


def is_own_match(cell: Cell, baseline: Cell, factor: tuple[str, ...]) -> bool:
    """Whether the factor does not differ at all, so that the cell would be its own matched baseline.

    Never of other tools' runs without a factor: nobody declared one.
    """
    if cell.spec.is_foreign and not factor:
        return False
    return cell.flat == matched_recipe(cell.flat, baseline.flat, factor)


def propose_matched_baseline(
    cell: Cell, baseline: Cell, factor: tuple[str, ...], variants: Sequence[Variant]
) -> tuple[str, Remedy] | None:
    """The title and the runs of a matched baseline that has not been run; None if no command can make it.

    It is a variant of the catalog if there is one, else the baseline with overrides.
    """
    recipe = matched_recipe(cell.flat, baseline.flat, factor)
    seeds = cell.seeds if len(cell.seeds) > 1 else tuple(range(FEWEST_SEEDS))
    for variant in variants:
        if flat_recipe(variant.spec) == recipe:
            runs = run_requests([empty_cell(variant)], seeds)
            return variant.spec.title, Remedy(text="matched baseline", runs=runs)
    overrides = _overrides(baseline.spec, recipe)
    if overrides is None:
        return None
    listed = ", ".join(f"{key} {value}" for key, value in overrides.items())
    runs = run_requests([baseline], seeds, overrides)
    return f"{baseline.title} with {listed}", Remedy(text="matched baseline", runs=runs)


def _overrides(spec: Spec, recipe: dict[str, Any]) -> dict[str, Any] | None:
    """The overrides that turn a spec into a recipe; None if the command line cannot express them."""
    flat = flat_recipe(spec)
    if set(flat) != set(recipe):
        return None
    different = {key: value for key, value in recipe.items() if flat[key] != value}
    return None if any(isinstance(value, list | tuple | dict | None) for value in different.values()) else different


# --- The rows of one table ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TableContext:
    """What each row of a table needs to know about the other rows."""

    metric: TableMetric
    sources: tuple[RowSource, ...]
    variants: tuple[Variant, ...]
    baseline: str | None
    """Chosen by hand instead of the declared baselines."""
    run_data: "RunData"
    classes: Mapping[str, Sequence[str]]
    """Names of the classes by data set."""

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell that has a row."""
        return tuple(source.cell for source in self.sources)

    @cached_property
    def current(self) -> frozenset[str]:
        """The keys of the catalog's present definitions."""
        return frozenset(source.cell.key for source in self.sources if source.is_current)

    @cached_property
    def tries(self) -> dict[str, int]:
        """How many recipes of each experiment were run: how much it was tuned."""
        recipes = {
            (cell.spec.experiment, cell.spec.dataset, cell.recipe) for cell in self.cells if cell.has_ended_seeds
        }
        names = [experiment for experiment, _, _ in recipes]
        return {name: names.count(name) for name in names}

    @cached_property
    def grid_searches(self) -> list[GridSearch]:
        """The cells of one experiment that differ in one number."""
        return grid_searches(self.cells)

    def class_names(self, cell: Cell) -> tuple[str, ...]:
        """Names of a cell's classes, else `class 0`, `class 1`, …; empty without names and predictions."""
        if names := self.classes.get(cell.spec.dataset):
            return tuple(names)
        return tuple(f"class {number}" for number in range(self.run_data.class_count(cell)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineChoice:
    """A row with the cells that it is compared with."""

    source: RowSource
    factor: tuple[str, ...]
    """What may differ from the baseline: declared by the row, or by either side if the baseline was chosen by hand."""
    baseline: Cell | None
    matched: Cell | None

    @property
    def cell(self) -> Cell:
        """The row's own cell."""
        return self.source.cell

    @property
    def baseline_keys(self) -> set[str]:
        """The keys of the cells that it is compared with."""
        return {cell.key for cell in (self.baseline, self.matched) if cell is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which the row can be asked for."""
        cell = self.cell
        return cell.name, cell.spec.experiment, cell.title, cell.spec.title


def choose_baselines(source: RowSource, context: TableContext) -> BaselineChoice:
    """Find the baselines of a row: the matched one only if the declared one differs in more than the factor."""
    cell, baseline = source.cell, _baseline(source, context)
    if baseline is None:
        return BaselineChoice(source=source, factor=source.factor, baseline=None, matched=None)
    factor = _factor(source, baseline, context)
    unfair = not baseline.has_ended_seeds or bool(confounds(cell, baseline, factor, context.metric))
    matched = matched_baseline(cell, baseline, factor, context.cells) if unfair else None
    return BaselineChoice(source=source, factor=factor, baseline=baseline, matched=matched)


def _baseline(source: RowSource, context: TableContext) -> Cell | None:
    cell = source.cell
    name = context.baseline or source.baseline or (cell.name if cell.spec.overrides else None)
    if not name or (source.is_current and cell.name == name):
        return None
    if baseline := declared_baseline(cell, name, context.cells, context.current):
        return baseline
    for variant in context.variants:
        spec = variant.spec
        if name in (spec.name, spec.experiment) and spec.dataset == cell.spec.dataset and spec.name != cell.name:
            return empty_cell(variant)
    return None


def _factor(source: RowSource, baseline: Cell, context: TableContext) -> tuple[str, ...]:
    """The factor of a row against a baseline.

    A row that is its own experiment's definition with some overrides changes just these.
    """
    if source.cell.name == baseline.name:
        return tuple(source.cell.spec.overrides)
    if context.baseline is None:
        return source.factor
    theirs = next((other.factor for other in context.sources if other.cell.key == baseline.key), ())
    return joint_factor(source.cell.spec, source.factor, baseline.spec, theirs)


def joint_factor(here: Spec, factor: tuple[str, ...], there: Spec, other_factor: tuple[str, ...]) -> tuple[str, ...]:
    """What two experiments that a person puts side by side may differ in: whatever either of them declares."""
    differing = [change.key for change in changes(here, there)]
    either = dict.fromkeys((*factor, *other_factor))
    return tuple(part for part in either if any(covers((part,), key) for key in differing)) or factor


def select_rows(choices: list[BaselineChoice], names: Sequence[str]) -> list[BaselineChoice]:
    """The rows with one of these names, and the rows of their baselines; without names, all whose seeds have ended.

    A row whose seeds all failed is shown. One without any end is shown only if it was asked for and nothing else with
    its name was run.
    """
    asked = [choice for choice in choices if not names or any(name in choice.names for name in names)]
    shown = [choice for choice in asked if choice.cell.has_ended_seeds]
    known = {name for choice in shown for name in choice.names}
    if names:
        shown += [
            choice
            for choice in asked
            if not choice.cell.has_ended_seeds and choice.source.is_current and choice.cell.name not in known
        ]
    cells = (cell for choice in shown for cell in (choice.cell, choice.baseline, choice.matched))
    keys = {cell.key for cell in cells if cell is not None}
    return [
        choice for choice in choices if choice.cell.key in keys and (choice.cell.has_ended_seeds or choice in shown)
    ]
