"""The names of the metrics, and the unit of each metric's step."""

from enum import StrEnum


class StepUnit(StrEnum):
    """What a step of a curve counts. Curves with different units are never drawn over one x axis of steps."""

    POINT = "minibatch point"
    EPOCH = "epoch"
    STEP = "optimizer step"


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

LIVE_ACCURACY = (VAL_ACCURACY, REPORT_TEST_ACCURACY, TEST_ACCURACY)
"""What a list of running runs shows as accuracy: the first of these that a run has."""


def step_unit(tag: str) -> StepUnit:
    """The unit of a tag's step."""
    return STEP_UNITS.get(tag, StepUnit.STEP)


def is_accuracy(tag: str) -> bool:
    """Whether the tag's values are percentages of which higher is better."""
    return "acc" in tag.lower()
