"""How the experiments were run and judged, for somebody who has seen neither."""

from collections.abc import Iterable, Mapping

from labtui.compare import notation
from labtui.compare.cells import Cell
from labtui.compare.report.document import Block, Bullets, Cells, Grid, Heading, Words, lead
from labtui.compare.rows import Row, Table
from labtui.compare.spec_diff import changes
from labtui.spec import RunSpec

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
        lead("Selection.", f"{notation.sentence(table.metric.selection)}"),
        lead("Judging.", _judging(table)),
    ]
    return [Heading(2, "Protocol"), Bullets(tuple(items)), *_experiments(table, cells)]


def _training(specs: list[RunSpec]) -> str:
    epochs = _several(str(spec.training.epochs) for spec in specs)
    batches = _several(str(spec.training.batch_size) for spec in specs)
    models = _several(str(type(spec.model).__struct_config__.tag) for spec in specs)
    sets = _several(notation.value(spec.data.name) for spec in specs)
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
        f"{one.key} {notation.value(one.there, _LONGEST)} → {notation.value(one.here, _LONGEST)}"
        for one in changes(cell.spec, base.spec)
    ]
    return "; ".join(told) or "nothing"


def _several(words: Iterable[str]) -> str:
    return " or ".join(sorted(set(words)))
