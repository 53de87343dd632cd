"""With what the runs were made, and how to make them again."""

from collections.abc import Mapping

from labtui.compare import notation
from labtui.compare.cells import Cell
from labtui.compare.confounds import surroundings
from labtui.compare.report.document import Block, Cells, Commands, Grid, Heading, Paragraph, plain
from labtui.compare.rows import Table


def environment(cells: Mapping[str, Cell], table: Table) -> list[Block]:
    """Device, threads, versions and commit of all runs; what differs between two of them is in their sections."""
    found: dict[str, set[str]] = {}
    for row in table.rows:
        cell = cells.get(row.key)
        for key, values in (surroundings(cell) if cell else {}).items():
            found.setdefault(key, set()).update(values)
    if not found:
        return []
    lines = tuple(Cells((key, ", ".join(sorted(values)))) for key, values in found.items())
    head = ("", "of all runs")
    grid = Grid(caption="With what the runs were made.", head=head, left=frozenset(head), lines=lines)
    return [Heading(2, "Environment"), grid]


def repeat(table: Table) -> list[Block]:
    """The commands that make the runs and this report again, and those that would decide what is open."""
    seeds: dict[tuple[int, ...], list[str]] = {}
    for row in table.rows:
        numbers = tuple(one.seed for one in row.values)
        if numbers and not row.overridden:
            seeds.setdefault(numbers, []).append(row.name)
    lines = [f"labtui run {' '.join(names)} --seeds {notation.seeds(numbers)}" for numbers, names in seeds.items()]
    needs = [one.need for row in table.rows for one in row.comparisons if one.need]
    missing = tuple(dict.fromkeys(need.command for need in needs if need.command))
    blocks: list[Block] = [Heading(2, "To repeat it"), Commands((*lines, "labtui report"))]
    return [*blocks, Paragraph(plain("To decide what is open:")), Commands(missing)] if missing else blocks
