"""Data and recipe in full: images, split and classes, every key of every recipe, every run and what all of it cost."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from labtui.compare.cells import Cell, plain_test_images, plain_train_images
from labtui.compare.findings.confounds import data_fingerprints, image_set_text
from labtui.compare.model import ComparisonRow, ComparisonTable
from labtui.compare.report.document import Block, Heading, Paragraph, TableBlock, TableLine, plain
from labtui.compare.spec_diff import changes
from labtui.spec import HELD_OUT, RunSpec
from labtui.store.run import Run
from labtui.text import numbers
from labtui.text.clean import clean_line
from labtui.text.durations import duration
from labtui.text.words import plural

_LONGEST = 400
"""Characters of a value in a recipe."""


def data_and_recipe(table: ComparisonTable, cells: Mapping[str, Cell]) -> list[Block]:
    """What someone needs who wants to do it again without this tool."""
    rows = [(row, cells[row.key]) for row in table.rows if row.key in cells]
    if not rows:
        return []
    blocks: list[Block] = [Heading(2, "Data and recipe"), *_data(rows)]
    blocks += _recipes(table, cells)
    return [*blocks, *_runs(rows)]


# --- Data ---------------------------------------------------------------------------------------------------------


def _data(rows: Sequence[tuple[ComparisonRow, Cell]]) -> list[Block]:
    sets: dict[tuple[str, ...], list[str]] = {}
    for row, cell in rows:
        if cell.engine_spec:
            sets.setdefault(_data_line(cell, cell.engine_spec), []).append(row.title)
    if not sets:
        return []
    lines = tuple(TableLine((", ".join(titles), *texts)) for texts, titles in sets.items())
    head = ("", "data set", "training samples of an epoch", "held out", "test images", "fingerprint")
    caption = (
        "The images. The training images are the first of the data set's own training part, in its order; the test "
        "images are its own test part."
    )
    blocks: list[Block] = [TableBlock(caption=caption, head=head, left=frozenset(head), lines=lines)]
    classes = {row.data: row.classes for row, _ in rows if row.classes}
    for data, names in classes.items():
        blocks.append(Paragraph(plain(f"{plural(len(names), 'class', 'classes')} of {data}: {', '.join(names)}.")))
    return blocks


def _data_line(cell: Cell, spec: RunSpec) -> tuple[str, ...]:
    plain_images, fraction = plain_train_images(cell), spec.data.train_fraction
    share = f", the first {fraction:.0%}" if fraction < 1 else ""
    train = f"{image_set_text(cell, 'train')}{share}" if plain_images else numbers.DASH
    test = numbers.count(plain_test_images(cell))
    own = image_set_text(cell, "test")
    if "random" in own:
        test += f"; for the report's Test Loss and Test accuracy {own}"
    held = "none" if spec.protocol == "report" else f"{HELD_OUT:,}, or a tenth of a small set; a fixed choice"
    prints = ", ".join(sorted(data_fingerprints(cell)))
    return spec.dataset, train, held, test, prints or numbers.DASH


# --- Recipes ------------------------------------------------------------------------------------------------------


def _recipes(table: ComparisonTable, cells: Mapping[str, Cell]) -> list[Block]:
    """In full for what others are compared with, as differences for the others."""
    alone = [row for row in table.rows if row.key in cells and _base(row, cells) is None]
    blocks = [block for row in alone for block in _in_full(row, cells[row.key])]
    head = ("", "description", "declared factor", "against", "difference of the recipe")
    lines = tuple(
        TableLine((row.title, row.description, ", ".join(row.factor), row.declared.against, _changed(row, cells)))
        for row in table.rows
        if row.declared and _base(row, cells)
    )
    if lines:
        caption = "The other recipes, each by what differs from its declared baseline; all other keys are equal."
        blocks.append(TableBlock(caption=caption, head=head, left=frozenset(head), lines=lines))
    return blocks


def _base(row: ComparisonRow, cells: Mapping[str, Cell]) -> Cell | None:
    return cells.get(row.declared.against_key) if row.declared else None


def _in_full(row: ComparisonRow, cell: Cell) -> list[Block]:
    head = ("key", "value")
    lines = tuple(TableLine((clean_line(key, 80), recipe_value(value))) for key, value in cell.flat.items())
    text = f"The recipe of {row.title} in full"
    caption = f"{text}. {row.description}" if row.description else f"{text}."
    return [TableBlock(caption=caption, head=head, left=frozenset(head), lines=lines), *_layers(row, cell)]


def _layers(row: ComparisonRow, cell: Cell) -> list[Block]:
    """The network, layer by layer, as the engine built it."""
    model = next((run.result.model for run in reversed(cell.runs) if run.result and run.result.model), None)
    if model is None or not model.layers:
        return []
    lines = tuple(
        TableLine((clean_line(name, 60), clean_line(kind, 120), numbers.count(parameters)))
        for name, kind, parameters in model.layers
    )
    head = ("layer", "", "parameters")
    total = numbers.count(model.parameters)
    caption = f"The network of {row.title}: {total} parameters, cross-entropy loss, PyTorch's default initialisation."
    return [TableBlock(caption=caption, head=head, left=frozenset({"layer", ""}), lines=lines)]


def _changed(row: ComparisonRow, cells: Mapping[str, Cell]) -> str:
    cell, base = cells.get(row.key), _base(row, cells)
    if cell is None or base is None:
        return ""
    listed = [
        f"{change.key} {recipe_value(change.there)} → {recipe_value(change.here)}"
        for change in changes(cell.spec, base.spec)
    ]
    return "; ".join(listed) or "nothing"


def recipe_value(value: Any) -> str:
    """A value of a recipe with everything in it: `0.001`, `none`, `rotation(degrees 10), horizontal_flip(p 0.5)`."""
    return clean_line(_in_words(value), _LONGEST)


def _in_words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        rest = ", ".join(f"{key} {_in_words(item)}" for key, item in value.items() if key != "name")
        return f"{value['name']}({rest})" if "name" in value else rest
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value))
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# --- Runs ---------------------------------------------------------------------------------------------------------


def _runs(rows: Sequence[tuple[ComparisonRow, Cell]]) -> list[Block]:
    lines: list[TableLine] = []
    for row, cell in rows:
        values = {value.run: value.value for value in row.values}
        failures = {failure.run: failure.failure for failure in row.failures}
        for index, run in enumerate(_of_seeds(cell, {*values, *failures})):
            value = numbers.decimal(values[run.id]) if run.id in values else failures[run.id]
            lines.append(TableLine(("" if index else row.title, str(run.seed), run.id, value, *_cost(run))))
    head = ("", "seed", "run", "value", "epochs", "images seen", "training time", "made (UTC)")
    left = frozenset({"", "run", "value", "made (UTC)"})
    caption = f"Every run of the table, by the name of its folder. {total_cost(cell for _, cell in rows)}"
    return [TableBlock(caption=caption, head=head, left=left, lines=tuple(lines))]


def _of_seeds(cell: Cell, ids: set[str]) -> list[Run]:
    """The runs that decide the seeds of a cell, by seed."""
    runs = {run.id: run for run in all_runs(cell) if run.id in ids}
    return sorted(runs.values(), key=lambda run: (run.seed or 0, run.id))


def all_runs(cell: Cell) -> tuple[Run, ...]:
    """Every run of a cell, whatever became of it."""
    unique = {run.id: run for run in (*cell.runs, *cell.superseded, *cell.unfinished, *cell.other_tries)}
    return tuple(unique.values())


def _cost(run: Run) -> tuple[str, str, str, str]:
    made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(run.created))
    if run.result is None:
        return "", "", "", made
    seconds = run.result.train_seconds or run.result.seconds
    epochs, seen = numbers.count(run.result.epochs or None), numbers.count(run.result.images_seen or None)
    return epochs, seen, duration(seconds), made


def total_cost(cells: Iterable[Cell]) -> str:
    """What all runs of these cells cost that said so: those of no row and those that failed included."""
    runs = {run.id: run for cell in cells for run in all_runs(cell)}
    results = [run.result for run in runs.values() if run.result]
    seconds = sum(result.train_seconds or result.seconds for result in results)
    seen = sum(result.images_seen for result in results)
    images = f" {numbers.count(seen)} images seen," if seen else ""
    silent = len(runs) - len(results)
    unknown = f"; what {plural(silent, 'more run')} cost is not known" if silent else ""
    return f"In total {plural(len(results), 'run')},{images} {duration(seconds)} of training{unknown}."
