"""Which curves a training writes, and when: the report's six, and those that every run has."""

import math
from collections.abc import Callable, Mapping

from labtui.engine.epoch_totals import EpochTotals
from labtui.engine.evaluate import Evaluation, report_loss
from labtui.spec import RunSpec
from labtui.store import tags
from labtui.store.recorder import Recorder


class Diverged(Exception):
    """A loss is NaN or infinite."""

    def __init__(self, step: int, loss: float) -> None:
        """`step` is the optimizer step, from 1, at which it happened."""
        super().__init__(f"the loss is {'NaN' if math.isnan(loss) else 'infinite'} at step {step:,}")
        self.step = step


class MetricWriter:
    """Writes the curves of one run. Methods that end an epoch return its values as text for the log."""

    def __init__(
        self, spec: RunSpec, steps_per_epoch: int, recorder: Recorder, on_points_lost: Callable[[int], None]
    ) -> None:
        """`on_points_lost` is called after every write with the number of points that are not in the file."""
        self.recorder = recorder
        self._spec = spec
        self._steps_per_epoch = steps_per_epoch
        self._on_points_lost = on_points_lost

    def write_points(self, epoch: int, totals: EpochTotals) -> None:
        """Read the unread steps from the device and write their minibatch points.

        There is one point every `log_every` batches of an epoch, counted over all epochs. Raises Diverged at the first
        loss that is not finite.
        """
        every = self._spec.training.log_every
        for index in totals.read():
            loss, batch = totals.losses[index], index + 1
            if not math.isfinite(loss):
                step = (epoch - 1) * self._steps_per_epoch + batch
                self._write(step, {tags.TRAIN_LOSS: loss})
                raise Diverged(step, loss)
            if self._spec.protocol == "report" and batch % every == 0:
                point = (epoch - 1) * (self._steps_per_epoch // every) + batch // every
                values = {tags.MINIBATCH_LOSS: loss, tags.MINIBATCH_ACCURACY: totals.batch_accuracy(index)}
                self._write(point, values)

    def write_last_step(self, step: int, totals: EpochTotals, learning_rate: float) -> None:
        """Write the last step that was read: its loss with the penalty, its accuracy and its learning rate."""
        index = len(totals.losses) - 1
        values = {
            tags.TRAIN_LOSS: totals.losses[index],
            tags.TRAIN_ACCURACY: totals.batch_accuracy(index),
            tags.LEARNING_RATE: learning_rate,
        }
        self._write(step, values)

    def write_report_epoch(self, epoch: int, totals: EpochTotals, test: Evaluation) -> str:
        """Write the report's four epoch scalars; `test` is in the shuffled order of its test batches."""
        train_loss = totals.report_loss
        test_loss = report_loss(test.losses, self._spec.training.test_batch_size)
        values = {
            tags.REPORT_TRAIN_LOSS: train_loss,
            tags.REPORT_TEST_LOSS: test_loss,
            tags.REPORT_TRAIN_ACCURACY: totals.accuracy,
            tags.REPORT_TEST_ACCURACY: test.accuracy,
        }
        self._write(epoch, values)
        losses = f"train loss {train_loss:.4f}  test loss {test_loss:.4f}"
        return f"{losses}  train accuracy {totals.accuracy:.2f} %  test accuracy {test.accuracy:.2f} %"

    def write_standard_epoch(self, epoch: int, totals: EpochTotals, validation: Evaluation) -> str:
        """Write loss and accuracy on the images held out."""
        self._write(epoch, {tags.VAL_LOSS: validation.mean_loss, tags.VAL_ACCURACY: validation.accuracy})
        val = f"val loss {validation.mean_loss:.4f}  val accuracy {validation.accuracy:.2f} %"
        return f"train accuracy {totals.accuracy:.2f} %  {val}"

    def write_test(self, epochs: int, test: Evaluation) -> str:
        """Write loss and accuracy on the plain test images, after the last epoch."""
        self._write(epochs, {tags.TEST_LOSS: test.mean_loss, tags.TEST_ACCURACY: test.accuracy})
        return f"test  loss {test.mean_loss:.4f}  accuracy {test.accuracy:.2f} %"

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        self.recorder.record(step, values)
        self._on_points_lost(self.recorder.points_lost)
