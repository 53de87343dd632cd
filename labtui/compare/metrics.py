"""What a metric measures, as tables show it: its unit, its direction, and from which point it is taken."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from labtui import spec
from labtui.errors import UsageError
from labtui.spec import Better
from labtui.store import tags

if TYPE_CHECKING:
    from labtui.spec import RunSpec

NOT_DECLARED = "direction not declared"
UNIT_UNCLEAR = "unit not clear"

DECLARE = "Specify it with --better higher or --better lower, or in the catalog."
_MIXED = "unit not clear: some values lie within 0..1, others above. Specify it with --percent or --unit"

OWN_LOSSES = (tags.MINIBATCH_LOSS, tags.TRAIN_LOSS, tags.VAL_LOSS, tags.TEST_LOSS)
"""Losses that labtui's engine writes as cross-entropy per image."""

REPORT_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.REPORT_TEST_LOSS)
"""Losses on the report's scale: the root of (sum of the batch means / number of samples)."""

TRAIN_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.MINIBATCH_LOSS, tags.TRAIN_LOSS)
"""Losses that include the penalty, if there is one; losses on test images never do."""

TRAIN_TAGS = (*TRAIN_LOSSES, tags.REPORT_TRAIN_ACCURACY, tags.MINIBATCH_ACCURACY, tags.TRAIN_ACCURACY)

REPORT_TEST = (tags.REPORT_TEST_LOSS, tags.REPORT_TEST_ACCURACY)
"""Measured by the report protocol on its own test set, in training mode."""

PLAIN_TEST = (tags.TEST_LOSS, tags.TEST_ACCURACY)
"""Measured once, at the end, in evaluation mode, on the plain test images."""


class TableMetric(Struct, frozen=True, kw_only=True):
    """A metric as a table shows and compares it: its tag, the units of values and differences, its direction."""

    tag: str
    unit: str
    """Of a value: `%` for accuracies."""
    delta_unit: str
    """Of a difference: `points` for accuracies."""
    digits: int
    higher_is_better: bool | None
    """None where the direction is not known: then no value is the best, and nothing is claimed."""
    selection: str
    """Which point the value is taken from, whether anything was chosen by it, and what is not known about it."""
    better: Better | None
    take: str
    """Which point of a run's curve is its value: `last`, `best` or `at:STEP`."""
    percent: bool
    """Whether values were logged as 0..1: they are shown in percent."""
    own: bool = True
    """Whether labtui's engine measured it: the tags of a program mean what that program means."""
    why_not_judged: str = ""
    """Why nothing is claimed by this metric; empty if it can be."""

    @property
    def is_accuracy(self) -> bool:
        """Whether the values are percentages of images."""
        return self.unit == "%" and tags.is_accuracy(self.tag)

    @property
    def is_plain_test(self) -> bool:
        """Whether it is measured on the plain test images: the same ones for every run on a data set."""
        return self.own and self.tag in PLAIN_TEST

    @property
    def is_report_test(self) -> bool:
        """Whether it is measured on the report's test set, which some experiments enlarge by augmented images."""
        return self.own and self.tag in REPORT_TEST

    @property
    def is_train(self) -> bool:
        """Whether it is measured on training images while the network learns."""
        return self.own and self.tag in TRAIN_TAGS


def metric(declared: spec.Metric | str, values: Iterable[float] = (), *, own: bool = True) -> TableMetric:
    """The metric as tables show it; of a tag alone, what its name implies.

    `own` says whether labtui's engine measured it. `values` are those that runs logged. An accuracy of another program
    whose values all lie within 0..1 is taken for a fraction. Raises UsageError for the best point of a metric without
    a direction.
    """
    if isinstance(declared, str):
        declared = by_name(declared)
    tag, better, unit = declared.tag, declared.better, declared.unit
    if declared.take == "best" and better is None:
        raise UsageError(f"The best {tag} is not known: which values are better?", advice=DECLARE)
    why = "" if better else NOT_DECLARED
    known = own and tag in tags.STEP_UNITS
    logged = _logged(tag, values) if declared.percent is None and not unit and not known else ""
    percent = bool(declared.percent) or logged == "fractions"
    if logged == "mixed":
        better, why = None, UNIT_UNCLEAR
    unit = unit or ("%" if percent or (tags.is_accuracy(tag) and logged != "mixed") else _unit(tag) if own else "")
    remarks = [_selection(tag, declared.take, own=own)]
    remarks += ["logged as fractions (0..1), shown in percent"] * percent
    if why:
        remarks.append(f"{NOT_DECLARED}: no verdict. {DECLARE}" if why == NOT_DECLARED else _MIXED)
    return TableMetric(
        tag=tag,
        unit=unit,
        delta_unit="points" if unit == "%" else unit,
        digits=2 if unit == "%" else 4,
        higher_is_better=None if better is None else better == "higher",
        selection="; ".join(remarks),
        better=better,
        take=declared.take,
        percent=percent,
        own=own,
        why_not_judged=why,
    )


def smallest_effect(variant: spec.Variant, found: TableMetric) -> float | None:
    """The smallest difference of a metric that matters for an experiment: it is declared in points of accuracy, or in
    the unit of the metric that a program is judged by; other metrics have none."""
    own = variant.spec.metric if isinstance(variant.spec, spec.ProgramSpec) else None
    declared = found.is_accuracy if own is None else own.tag == found.tag
    return variant.smallest_effect or None if declared else None


def by_name(tag: str) -> spec.Metric:
    """What the name of a tag implies about it, where nothing is declared."""
    return spec.Metric(tag=tag, better=tags.better_by_name(tag))


def require_direction(found: TableMetric) -> None:
    """Raise UsageError for a metric by which nothing can be claimed."""
    if found.why_not_judged == NOT_DECLARED:
        message = f"Nothing is known about {found.tag!r}: is a higher or a lower value better?"
        raise UsageError(message, advice=DECLARE)
    if found.why_not_judged:
        raise UsageError(
            f"Some values of {found.tag!r} lie within 0..1 and others above: they have no common unit.",
            advice="Specify their unit: --percent if they were logged as 0..1, --unit % if as percent.",
        )


def _logged(tag: str, values: Iterable[float]) -> str:
    """How another program logged an accuracy: as `fractions`, as `percent`, or both (`mixed`); empty if unknown."""
    if not tags.is_accuracy(tag):
        return ""
    known = [value for value in values if abs(value) < float("inf")]
    small = sum(0 <= value <= 1 for value in known)
    if not known:
        return ""
    return "fractions" if small == len(known) else "mixed" if small else "percent"


def _unit(tag: str) -> str:
    return "report's scale" if tag in REPORT_LOSSES else "cross-entropy per image" if tag in OWN_LOSSES else ""


def _selection(tag: str, take: str, *, own: bool) -> str:
    if take == "best":
        return "best of all recorded points; chosen by the values that are compared, which favours noisy curves"
    if take.startswith("at:"):
        unit = tags.step_unit(tag) if own else "step"
        return f"at {unit} {int(take[3:]):,}; no choice was based on it"
    if not own:
        return "last recorded point; what it was measured on, the program alone knows"
    if tag in PLAIN_TEST:
        return "last epoch; the plain test images were read once, at the end"
    if tag in REPORT_TEST:
        return "last epoch; the test set was read after every epoch, no choice was based on it"
    if tag in (tags.VAL_LOSS, tags.VAL_ACCURACY):
        return "last epoch; on images held out of the training set"
    return "last recorded point; no choice was based on it"


def cross_entropy(tag: str, shown: float, samples: int, spec: "RunSpec") -> float:
    """Convert a loss on the report's scale to mean cross-entropy per image.

    The report printed sqrt(sum over batches of the batch mean / samples), so value² * samples / batches is the mean
    over batches (the last, smaller one weighing as much as a full one).
    """
    size = spec.training.batch_size if tag == tags.REPORT_TRAIN_LOSS else spec.training.test_batch_size
    return shown * shown * samples / -(-samples // size)
