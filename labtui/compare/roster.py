"""Which rows a table has: the catalog's present definitions first, everything else folded under them or after them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from labtui.compare import notation
from labtui.compare.cells import Cell, empty_cell
from labtui.compare.spec_diff import changes
from labtui.spec import Variant, recipe_hash


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
        f"{change.key} {notation.value(change.here)}, now {notation.value(change.there)}"
        for change in changes(cell.spec, variant.spec)
    )
