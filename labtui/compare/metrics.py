"""What a metric measures: its unit, which direction is better, and from which epoch it is taken."""

from typing import TYPE_CHECKING

from msgspec import Struct

from labtui.store import tags

if TYPE_CHECKING:
    from labtui.spec import RunSpec

REPORT_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.REPORT_TEST_LOSS)
"""Losses on the report's scale: the root of (sum of the batch means / number of samples)."""

TRAIN_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.MINIBATCH_LOSS, tags.TRAIN_LOSS)
"""Losses that include the penalty, if there is one; losses on test images never do."""

TRAIN_TAGS = (*TRAIN_LOSSES, tags.REPORT_TRAIN_ACCURACY, tags.MINIBATCH_ACCURACY, tags.TRAIN_ACCURACY)

REPORT_TEST = (tags.REPORT_TEST_LOSS, tags.REPORT_TEST_ACCURACY)
"""Measured by the report protocol on its own test set, in training mode."""

PLAIN_TEST = (tags.TEST_LOSS, tags.TEST_ACCURACY)
"""Measured once, at the end, in evaluation mode, on the plain test images."""


class Metric(Struct, frozen=True, kw_only=True):
    """One metric: its tag, its units and its direction."""

    tag: str
    unit: str
    """Of a value: `%` for accuracies."""
    delta_unit: str
    """Of a difference: `points` for accuracies."""
    digits: int
    higher_is_better: bool
    selection: str
    """Which epoch the value is taken from, and whether anything was chosen by it."""

    @property
    def is_accuracy(self) -> bool:
        """Whether the values are percentages of images."""
        return self.unit == "%"

    @property
    def is_plain_test(self) -> bool:
        """Whether it is measured on the plain test images: the same ones for every run on a data set."""
        return self.tag in PLAIN_TEST

    @property
    def is_report_test(self) -> bool:
        """Whether it is measured on the report's test set, which some experiments enlarge by augmented images."""
        return self.tag in REPORT_TEST

    @property
    def is_train(self) -> bool:
        """Whether it is measured on training images while the network learns."""
        return self.tag in TRAIN_TAGS


def metric(tag: str) -> Metric:
    """The metric of a tag. For a tag that labtui does not write, unit and direction come from its name."""
    if tags.is_accuracy(tag):
        return Metric(
            tag=tag, unit="%", delta_unit="points", digits=2, higher_is_better=True, selection=_selection(tag)
        )
    unit = "report's scale" if tag in REPORT_LOSSES else "cross-entropy per image" if "loss" in tag.lower() else ""
    higher = not any(word in tag.lower() for word in ("loss", "error", "entropy"))
    return Metric(tag=tag, unit=unit, delta_unit=unit, digits=4, higher_is_better=higher, selection=_selection(tag))


def _selection(tag: str) -> str:
    if tag in PLAIN_TEST:
        return "last epoch; the plain test images were read once, at the end"
    if tag in REPORT_TEST:
        return "last epoch; the test set was read after every epoch, nothing was chosen by it"
    if tag in (tags.VAL_LOSS, tags.VAL_ACCURACY):
        return "last epoch; on images held out of the training set"
    return "last recorded point; nothing was chosen by it"


def cross_entropy(tag: str, shown: float, samples: int, spec: "RunSpec") -> float:
    """Convert a loss on the report's scale to mean cross-entropy per image.

    The report printed sqrt(sum over batches of the batch mean / samples), so value² * samples / batches is the mean
    over batches (the last, smaller one weighing as much as a full one).
    """
    size = spec.training.batch_size if tag == tags.REPORT_TRAIN_LOSS else spec.training.test_batch_size
    return shown * shown * samples / -(-samples // size)
