"""Losses on one scale, mean cross-entropy per image, and findings about them."""

import math
from typing import TYPE_CHECKING

from labtui.compare.cells import mean_of, report_test_images, run_requests, train_samples
from labtui.compare.metrics import cross_entropy
from labtui.compare.model import Finding, Losses, Remedy, Severity
from labtui.spec import Penalty, Training
from labtui.store import tags
from labtui.text import numbers

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.compare.run_data import RunData
    from labtui.store.records import Result

_OUTWEIGHED = 10.0
"""A loss that starts at ten times the loss of guessing is mostly penalty."""

_SAME = 0.005
"""Relative distance from the loss of guessing within which a loss counts as guessing."""


def losses(cell: "Cell") -> Losses | None:
    """Train and test loss of a cell's report figures as cross-entropy; None if the runs recorded none."""
    if cell.engine_spec is None:
        return None
    train, test = (_entropy(cell, tag, mean_of(cell, tag)) for tag in (tags.REPORT_TRAIN_LOSS, tags.REPORT_TEST_LOSS))
    return _losses(cell, train, test)


def published_losses(cell: "Cell", figures: dict[str, float]) -> Losses | None:
    """The same for published figures. The cell provides the numbers of samples and batches."""
    train, test = (_entropy(cell, tag, figures.get(tag)) for tag in (tags.REPORT_TRAIN_LOSS, tags.REPORT_TEST_LOSS))
    return _losses(cell, train, test)


def loss_findings(cell: "Cell", run_data: "RunData") -> tuple[Finding, ...]:
    """Findings about the losses of a cell that was trained with a penalty."""
    cell_losses = losses(cell)
    return (*_one_sided(cell, cell_losses), *_outweighed(cell, cell_losses, run_data))


def _one_sided(cell: "Cell", entropies: Losses | None) -> list[Finding]:
    train, test = mean_of(cell, tags.REPORT_TRAIN_LOSS), mean_of(cell, tags.REPORT_TEST_LOSS)
    text = scale_text(cell, entropies, train, test)
    return [Finding(severity=Severity.NOTE, code="loss-scale", text=text)] if text and _penalty(cell) else []


def scale_text(cell: "Cell", entropies: Losses | None, train: float | None, test: float | None) -> str:
    """Why two figures on the report's scale are not comparable, and their cross-entropy; empty if they are.

    `entropies` are the figures `train` and `test` as cross-entropy.
    """
    if entropies is None or entropies.train is None or entropies.test is None or train is None or test is None:
        return ""
    pair = f"Train Loss {numbers.decimal(train, 4)} and Test Loss {numbers.decimal(test, 4)}"
    converted = f"{numbers.decimal(entropies.train, 3)} and {numbers.decimal(entropies.test, 3)}"
    if entropies.penalty:
        return f"{pair}: the train figure includes the penalty, the test figure does not: in cross-entropy {converted}"
    training = cell.engine_spec.training if cell.engine_spec else Training()
    sizes = training.batch_size, training.test_batch_size
    if sizes[0] == sizes[1]:
        return ""
    factor = numbers.decimal(math.sqrt(sizes[0] / sizes[1]))
    scale = f"are on two scales, a factor of {factor} (batches of {sizes[0]} and {sizes[1]})"
    guess = math.log(cell.classes) if cell.classes else math.nan
    if max(abs(entropies.train / guess - 1), abs(entropies.test / guess - 1)) < _SAME:
        return f"{pair} {scale}: both mean {numbers.decimal(guess, 3)}, the loss of guessing"
    return f"{pair} {scale}: in cross-entropy {converted}, {_gap(entropies, test / train - 1)}"


def _gap(entropies: Losses, apparent: float) -> str:
    gap = entropies.gap or 0.0
    return f"a gap of {numbers.decimal(100 * gap, 1)}%, not {numbers.decimal(100 * apparent, 1)}%"


def _losses(cell: "Cell", train: float | None, test: float | None) -> Losses | None:
    if train is None and test is None:
        return None
    names = tags.REPORT_TRAIN_LOSS, tags.REPORT_TEST_LOSS
    return Losses(train=train, test=test, train_tag=names[0], test_tag=names[1], penalty=_penalty(cell) is not None)


def _entropy(cell: "Cell", tag: str, figure: float | None) -> float | None:
    samples = train_samples(cell) if tag == tags.REPORT_TRAIN_LOSS else report_test_images(cell)
    spec = cell.engine_spec
    if figure is None or not samples or spec is None or spec.protocol != "report":
        return None
    return cross_entropy(tag, figure, samples, spec)


def _penalty(cell: "Cell") -> Penalty | None:
    return cell.engine_spec.penalty if cell.engine_spec else None


def _outweighed(cell: "Cell", entropies: Losses | None, run_data: "RunData") -> list[Finding]:
    penalty = _penalty(cell)
    if penalty is None or not cell.runs or not cell.classes:
        return []
    guess = math.log(cell.classes)
    curves = run_data.curves(cell.runs[0])
    starts = [float(curve.values[0]) for tag in _WITH_PENALTY if (curve := curves.get(tag)) is not None and len(curve)]
    start, end = max(starts, default=math.nan), entropies.train if entropies else None
    if not (start > _OUTWEIGHED * guess or (end is not None and end > guess * (1 + _SAME))):
        return []
    penalty_name = f"the {penalty.norm} penalty of weight {penalty.weight:g}{_on(cell)}"
    course = [f"starts at {_amount(start)}"] if math.isfinite(start) else []
    course += [f"ends at {_amount(end)}"] if end is not None else []
    text = f"{penalty_name} dominates the loss: it {' and '.join(course)}; guessing gives {numbers.decimal(guess)}"
    runs = run_requests([cell], cell.seeds, {"penalty.weight": penalty.weight / 100})
    remedy = Remedy(text="try a smaller weight", runs=runs)
    return [Finding(severity=Severity.WARNING, code="penalty", text=text, key="penalty.weight", remedy=remedy)]


_WITH_PENALTY = (tags.MINIBATCH_LOSS, tags.TRAIN_LOSS)


def _on(cell: "Cell") -> str:
    """` on the 146,070 parameters of fc1`."""
    result: Result | None = cell.runs[-1].result
    penalty = _penalty(cell)
    names = penalty.module_names if penalty else ()
    layers = result.model.layers if result and result.model else ()
    weights = sum(size for name, _, size in layers if "all" in names or name.partition(".")[0] in names)
    whose = "the model" if "all" in names else ", ".join(names)
    return f" on the {weights:,} parameters of {whose}" if weights else f" on {whose}"


def _amount(value: float) -> str:
    return numbers.count(value) if value >= 100 else numbers.decimal(value)
