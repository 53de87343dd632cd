"""With what the runs were made, and how to make them again."""

from collections.abc import Mapping

from labtui.compare.cells import Cell
from labtui.compare.findings.confounds import surroundings
from labtui.compare.render.commands import run_command
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


def repeat(cells: Mapping[str, Cell], table: Table) -> list[Block]:
    """The commands that make the runs and this report again, and those that would decide what is open."""
    seeds: dict[tuple[int, ...], list[Cell]] = {}
    for row in table.rows:
        if row.values and row.key in cells:
            seeds.setdefault(tuple(one.seed for one in row.values), []).append(cells[row.key])
    lines = [run_command(group, numbers) for numbers, group in seeds.items()]
    blocks: list[Block] = [Heading(2, "To repeat it"), Commands((*lines, "labtui report"))]
    missing = _missing(cells, table)
    return [*blocks, Paragraph(plain("To decide what is open:")), Commands(missing)] if missing else blocks


def _missing(cells: Mapping[str, Cell], table: Table) -> tuple[str, ...]:
    """One command per number of seeds, fewest first."""
    wanted: dict[int, dict[str, Cell]] = {}
    for need in (one.need for row in table.rows for one in row.comparisons if one.need):
        if need.seeds:
            wanted.setdefault(need.seeds, {}).update({key: cells[key] for key in need.keys if key in cells})
    return tuple(run_command(list(wanted[seeds].values()), tuple(range(seeds))) for seeds in sorted(wanted))
