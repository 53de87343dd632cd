"""How the experiments were run and judged, for somebody who has seen neither."""

from collections.abc import Iterable, Mapping

from labtui.compare.cells import Cell
from labtui.compare.findings.confounds import surroundings
from labtui.compare.model import Row, Table
from labtui.compare.render.commands import run_command
from labtui.compare.report.document import Block, Bullets, Cells, Commands, Grid, Heading, Paragraph, Words, lead, plain
from labtui.compare.spec_diff import changes
from labtui.spec import RunSpec
from labtui.text.words import sentence, value_text

_PROTOCOLS = {
    "report": (
        "As the original lab report's code ran, its quirks included: it tests after every epoch, never leaves training "
        "mode (dropout is active while testing), weighs the last, smaller batch like a full one, and prints losses on "
        "a scale of its own. At the end each network is tested once more, in evaluation mode, on the plain test "
        "images: that gives test/accuracy and test/loss."
    ),
    "standard": (
        "Mean cross-entropy, evaluation mode for every test, some training images held out for choices (val/…), and "
        "the test images read once, at the end."
    ),
}

_LONGEST = 200


def protocol(table: Table, cells: Mapping[str, Cell]) -> list[Block]:
    """Data, training, judging; and what each experiment changes."""
    specs = [cells[row.key].spec for row in table.rows if row.key in cells]
    if not specs:
        return []
    items: list[Words] = [
        *(lead(f"The {name} protocol.", _PROTOCOLS[name]) for name in dict.fromkeys(spec.protocol for spec in specs)),
        lead("Training.", _training(specs)),
        lead("Seeds.", _seeds(table)),
        lead("Selection.", f"{sentence(table.metric.selection)}"),
        lead("Judging.", _judging(table)),
    ]
    return [Heading(2, "Protocol"), Bullets(tuple(items)), *_experiments(table, cells)]


def _training(specs: list[RunSpec]) -> str:
    epochs = _several(str(spec.training.epochs) for spec in specs)
    batches = _several(str(spec.training.batch_size) for spec in specs)
    models = _several(str(type(spec.model).__struct_config__.tag) for spec in specs)
    sets = _several(value_text(spec.data.name) for spec in specs)
    return f"{epochs} epochs in batches of {batches} on {sets}; model {models}. What differs is in the table below."


def _seeds(table: Table) -> str:
    numbers = sorted({row.n for row in table.rows})
    if numbers == [1]:
        return "One each. One seed shows no spread, so no difference is judged; each row says what it would take."
    between = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
    return (
        f"{between} per experiment. A seed fixes the initial weights and the order of the images. Each number is a "
        "mean over seeds; sd is how far single seeds scatter."
    )


def _judging(table: Table) -> str:
    effects = {f"{one.smallest_effect:g}" for row in table.rows for one in row.comparisons if one.smallest_effect}
    least = f" A difference of less than {_several(effects)} points does not matter here." if effects else ""
    return (
        "A difference is judged by a paired t test over seeds where a seed means the same weights and image order on "
        "both sides, else by Welch's t test. The intervals are widened after Holm so that a false gain or loss turns "
        f"up in at most one table of twenty.{least} A row is not judged while anything but its declared factor differs "
        "from the baseline."
    )


def _experiments(table: Table, cells: Mapping[str, Cell]) -> list[Block]:
    told = ((row.title, row.description, ", ".join(row.factor), _changed(row, cells)) for row in table.rows)
    head = ("", "what it is", "declared factor", "differs from its declared baseline in")
    return [Grid(caption="The experiments.", head=head, left=frozenset(head), lines=tuple(map(Cells, told)))]


def _changed(row: Row, cells: Mapping[str, Cell]) -> str:
    cell, base = cells.get(row.key), cells.get(row.declared.against_key) if row.declared else None
    if cell is None or base is None:
        return ""
    told = [
        f"{one.key} {value_text(one.there, _LONGEST)} → {value_text(one.here, _LONGEST)}"
        for one in changes(cell.spec, base.spec)
    ]
    return "; ".join(told) or "nothing"


def _several(words: Iterable[str]) -> str:
    return " or ".join(sorted(set(words)))


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


_WORDS = {
    "Factor.": "What an experiment declares that it changes. Only that is under test.",
    "Baseline, matched baseline.": (
        "What a row is compared with. Where the declared baseline differs in more than the factor, the run that "
        "differs in the factor alone is looked up and judged instead: the matched one."
    ),
    "Confounded.": (
        "Something else differs as well, so the difference cannot be put down to the factor. It is shown, not judged."
    ),
    "Gain, loss.": (
        "The whole interval lies beyond zero. The direction is shown; the size is somewhere in the interval. "
        "“Budget ×2” beside it: the row also worked through twice the images."
    ),
    "No difference that matters.": "The whole interval lies within the smallest effect that was declared to matter.",
    "Undecided.": (
        "The interval holds both zero and effects that would matter. It is not “no effect”: more seeds are needed, and "
        "the row says how many."
    ),
    "Not judged.": "One seed, nothing to compare with, a confound, or a baseline that has learned nothing.",
    "95% interval.": (
        "Made so that 95 of 100 such intervals hold the true difference, where seeds scatter normally. Those of judged "
        "rows are widened after Holm, because a table of many rows gives chance many tries."
    ),
    "Image by image.": (
        "Which test images one trained network gets right and another wrong. It speaks of these two networks; other "
        "seeds give others."
    ),
    "Dead run, not started.": (
        "At chance: no better than guessing. Dead if its loss stands still, not started if it still falls."
    ),
}


def glossary() -> list[Block]:
    """What the words of the report mean."""
    return [
        Heading(2, "What the words mean"),
        Bullets(tuple(lead(term, meaning) for term, meaning in _WORDS.items())),
    ]
