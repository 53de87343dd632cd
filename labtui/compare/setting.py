"""What the rows of one table need to know about each other, and which cells each is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from labtui.compare.cells import Cell, empty_cell
from labtui.compare.findings.collect import per_image as images
from labtui.compare.findings.confounds import confounds
from labtui.compare.findings.search import Grid, grids
from labtui.compare.matching import declared_baseline, matched_baseline
from labtui.compare.metrics import Metric
from labtui.compare.roster import Entry
from labtui.compare.run_data import Evidence
from labtui.compare.spec_diff import changes, covers
from labtui.spec import Variant


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
        return tuple(f"class {number}" for number in range(images.class_count([cell], self.evidence)))


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
    """Two experiments that a person puts side by side differ in what either of them declares.

    A row that is its own experiment's plain definition but for some keys means to differ in just these.
    """
    if entry.cell.name == baseline.name:
        return tuple(entry.cell.spec.overrides)
    if setting.baseline is None:
        return entry.factor
    theirs = next((one.factor for one in setting.entries if one.cell.key == baseline.key), ())
    found = changes(entry.cell.spec, baseline.spec)
    either = dict.fromkeys((*entry.factor, *theirs))
    return tuple(part for part in either if any(covers((part,), change.key) for change in found)) or entry.factor


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
