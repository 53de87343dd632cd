"""The names of the metrics, the unit of each metric's step, and what a name says about its direction."""

import re
from enum import StrEnum
from functools import cache

from labtui.spec import Better


class StepUnit(StrEnum):
    """What a step of a curve counts. Curves with different units are never drawn over one x axis of steps."""

    POINT = "minibatch point"
    EPOCH = "epoch"
    STEP = "optimizer step"
    LOGGED = "step"
    """What another tool counted; how it relates to the other units is not known, and its tags mean nothing of ours."""


MINIBATCH_LOSS = "Loss on Minibatches"
MINIBATCH_ACCURACY = "Accuracy on minibatches"
REPORT_TRAIN_LOSS = "Train Loss"
REPORT_TEST_LOSS = "Test Loss"
REPORT_TRAIN_ACCURACY = "Train accuracy"
REPORT_TEST_ACCURACY = "Test accuracy"

TRAIN_LOSS = "train/loss"
TRAIN_ACCURACY = "train/accuracy"
LEARNING_RATE = "lr"
VAL_LOSS = "val/loss"
VAL_ACCURACY = "val/accuracy"
TEST_LOSS = "test/loss"
TEST_ACCURACY = "test/accuracy"

STEP_UNITS: dict[str, StepUnit] = {
    MINIBATCH_LOSS: StepUnit.POINT,
    MINIBATCH_ACCURACY: StepUnit.POINT,
    REPORT_TRAIN_LOSS: StepUnit.EPOCH,
    REPORT_TEST_LOSS: StepUnit.EPOCH,
    REPORT_TRAIN_ACCURACY: StepUnit.EPOCH,
    REPORT_TEST_ACCURACY: StepUnit.EPOCH,
    TRAIN_LOSS: StepUnit.STEP,
    TRAIN_ACCURACY: StepUnit.STEP,
    LEARNING_RATE: StepUnit.STEP,
    VAL_LOSS: StepUnit.EPOCH,
    VAL_ACCURACY: StepUnit.EPOCH,
    TEST_LOSS: StepUnit.EPOCH,
    TEST_ACCURACY: StepUnit.EPOCH,
}
"""Units of the tags that the engine writes. The step of any other tag is taken for an optimizer step."""

DEFAULT_METRIC = TEST_ACCURACY
"""What runs are compared by where nothing else is asked for or declared."""

LIVE_ACCURACY = (VAL_ACCURACY, REPORT_TEST_ACCURACY, TEST_ACCURACY)
"""What a list of running runs shows as accuracy: the first of these that a run has."""


def step_unit(tag: str) -> StepUnit:
    """The unit of a tag's step."""
    return STEP_UNITS.get(tag, StepUnit.STEP)


_ACCURACIES = frozenset({"accuracy", "accuracies", "acc"})
_HIGHER = _ACCURACIES.union(
    "f1 auc auroc auprc precision recall map bleu rouge iou miou dice reward rewards return psnr ssim ndcg mrr".split()  # noqa: SIM905
)
_LOWER = frozenset(
    "loss losses error errors err entropy crossentropy logloss perplexity ppl rmse mse mae mape nll wer cer ece fid "  # noqa: SIM905
    "latency brier lpips bpb bpc".split()
)
_LOSSES = frozenset({"loss", "losses", "error", "errors", "err"})
_MODIFIERS = frozenset(
    "neg negative inverse inv minus gap drop delta diff difference change std stddev sd var variance threshold "  # noqa: SIM905
    "weight weights coef coefficient scale size count num time lr".split()
)
"""Words that make a known name mean something else: `neg_loss`, `accuracy_gap`, `loss_scale`, `1-accuracy`."""

_WORDS = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z]+[0-9]*|[0-9]+")


@cache
def better_by_name(tag: str) -> Better | None:
    """The direction that a tag's name implies; None if it has no known word, or words that contradict each other.

    Only whole words count: `val_loss` and `ValLoss` are losses, `lossless` is not. The name of a loss made of another
    metric (`dice_loss`) implies "lower"; a name that changes the meaning of a known word (`neg_loss`) implies nothing.
    """
    words = _words(tag)
    if _MODIFIERS & set(words) or words[:1] in (("1",), ("one",)):
        return None
    higher, lower = bool(_HIGHER & set(words)), bool(_LOWER & set(words))
    if higher and lower:
        return "lower" if words[-1] in _LOSSES else None
    return "higher" if higher else "lower" if lower else None


def is_accuracy(tag: str) -> bool:
    """Whether the tag's name says that its values are a share of right answers, of which higher is better."""
    return better_by_name(tag) == "higher" and not _ACCURACIES.isdisjoint(_words(tag))


@cache
def _words(tag: str) -> tuple[str, ...]:
    """The words of a tag in lower case, with and without the number at their end: `mAP50` gives map50 and map."""
    words: list[str] = []
    for part in re.split(r"[^A-Za-z0-9]+", tag):
        for word in dict.fromkeys([part, *_WORDS.findall(part)]):
            words += dict.fromkeys([word.lower(), word.lower().rstrip("0123456789")])
    return tuple(word for word in words if word)
