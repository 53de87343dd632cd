"""On which images and in which mode a number was measured: numbers of different images are not compared."""

from collections.abc import Iterable
from typing import Literal

from labtui.compare.cells import Cell
from labtui.compare.facts import report_test_images, train_samples
from labtui.compare.metrics import Metric
from labtui.compare.rows import Finding, Grade
from labtui.spec import Cnn

Part = Literal["train", "test"]


def unlike(here: Cell, there: Cell, metric: Metric) -> Iterable[Finding]:
    """What makes two numbers of one metric differ in kind: other images, or dropout active on one side only.

    Not for the plain test images, which are the same ones for every run on a data set.
    """
    part: Part | None = "test" if metric.is_report_test else "train" if metric.is_train else None
    if part is None:
        return
    if _kind(here, part) != _kind(there, part):
        ours, theirs = images_told(here, part), images_told(there, part)
        text = f"{metric.tag} is not of the same images: {theirs} in {there.title}, {ours} here"
        mend = "compare by test/accuracy: the plain test images, the same for every row"
        yield _unlike(f"{part}-set", text, "data.augment", mend, ours, theirs)
    if drops(here, part) != drops(there, part):
        which = "here" if drops(here, part) else f"in {there.title}"
        why = ": the report never calls model.eval()" if part == "test" else ""
        text = f"{metric.tag} is measured with dropout active {which} only{why}"
        mend = "compare by test/accuracy: it is measured in evaluation mode"
        yield _unlike("eval-mode", text, "model.dropout", mend)


def same_test_images(here: Cell, there: Cell) -> bool:
    """Whether the report's test figures of two cells are of the same images."""
    return _kind(here, "test") == _kind(there, "test")


def images_told(cell: Cell, part: Part) -> str:
    """`10,000 plain`, `20,000, half of them with random transforms`; without numbers where no run has told them."""
    images = report_test_images(cell) if part == "test" else train_samples(cell)
    share = {"append": "half", "replace": "all"}.get(_mode(cell, part))
    if share:
        return f"{images:,}, {share} of them with random transforms" if images else f"{share} with random transforms"
    return f"{images:,} plain" if images else "plain"


def drops(cell: Cell, part: Part) -> bool:
    """Whether dropout is active while a cell's numbers are measured: always in training, by the report in the test."""
    active = isinstance(cell.spec.model, Cnn) and any(cell.spec.model.dropout)
    return active and (part == "train" or cell.spec.protocol == "report")


def _kind(cell: Cell, part: Part) -> tuple[object, ...]:
    data = cell.spec.data
    augment = data.augment.transforms if data.augment and _mode(cell, part) else ()
    return _mode(cell, part), augment, data.train_fraction if part == "train" else 1.0


def _mode(cell: Cell, part: Part) -> str:
    """How augmented images take part in the training or in the report's test: `append`, `replace`, or not at all."""
    augment = cell.spec.data.augment
    if augment is None or (part == "test" and not (augment.test and cell.spec.protocol == "report")):
        return ""
    return augment.mode


def _unlike(code: str, text: str, key: str, mend: str, here: str = "", there: str = "") -> Finding:
    return Finding(grade=Grade.CONFOUND, code=code, text=text, key=key, here=here, there=there, mend=mend)
