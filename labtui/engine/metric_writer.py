"""Which curves a training writes, and when: the report's six, and those that every run has."""

import math
from collections.abc import Callable, Mapping

from labtui.engine.epoch_totals import Tally
from labtui.engine.evaluate import Answers, report_loss
from labtui.engine.recorder import Recorder
from labtui.spec import RunSpec
from labtui.store import tags


class Diverged(Exception):
    """A loss is NaN or infinite."""

    def __init__(self, step: int, loss: float) -> None:
        """`step`: the optimizer step, from 1, at which it was found."""
        super().__init__(f"the loss is {'NaN' if math.isnan(loss) else 'infinite'} at step {step:,}")
        self.step = step


class Journal:
    """The curves of one run. Values that are said to people come back as text."""

    def __init__(self, spec: RunSpec, steps_per_epoch: int, recorder: Recorder, lost: Callable[[int], None]) -> None:
        """`lost` is told after every write how many points are not in the file."""
        self.recorder = recorder
        self._spec = spec
        self._steps_per_epoch = steps_per_epoch
        self._lost = lost

    def steps(self, epoch: int, tally: Tally) -> None:
        """Read the steps that wait on the device and write their minibatch points: of batches `log_every`, twice that,
        … of each epoch, counted over all epochs. Raises Diverged at the first loss that is not finite.
        """
        every = self._spec.training.log_every
        for place in tally.read():
            loss, batch = tally.losses[place], place + 1
            if not math.isfinite(loss):
                step = (epoch - 1) * self._steps_per_epoch + batch
                self._write(step, {tags.TRAIN_LOSS: loss})
                raise Diverged(step, loss)
            if self._spec.protocol == "report" and batch % every == 0:
                point = (epoch - 1) * (self._steps_per_epoch // every) + batch // every
                values = {tags.MINIBATCH_LOSS: loss, tags.MINIBATCH_ACCURACY: tally.batch_accuracy(place)}
                self._write(point, values)

    def step(self, step: int, tally: Tally, rate: float) -> None:
        """The last step that was read, as it was: its loss with the penalty, its accuracy and learning rate."""
        place = len(tally.losses) - 1
        values = {
            tags.TRAIN_LOSS: tally.losses[place],
            tags.TRAIN_ACCURACY: tally.batch_accuracy(place),
            tags.LEARNING_RATE: rate,
        }
        self._write(step, values)

    def report_epoch(self, epoch: int, tally: Tally, answers: Answers) -> str:
        """The report's four epoch scalars; the answers are in the shuffled order of its test batches."""
        train, test = tally.report_loss, report_loss(answers.losses, self._spec.training.test_batch_size)
        values = {
            tags.REPORT_TRAIN_LOSS: train,
            tags.REPORT_TEST_LOSS: test,
            tags.REPORT_TRAIN_ACCURACY: tally.accuracy,
            tags.REPORT_TEST_ACCURACY: answers.accuracy,
        }
        self._write(epoch, values)
        losses = f"train loss {train:.4f}  test loss {test:.4f}"
        return f"{losses}  train accuracy {tally.accuracy:.2f} %  test accuracy {answers.accuracy:.2f} %"

    def standard_epoch(self, epoch: int, tally: Tally, answers: Answers) -> str:
        """Loss and accuracy of the images held out."""
        self._write(epoch, {tags.VAL_LOSS: answers.mean_loss, tags.VAL_ACCURACY: answers.accuracy})
        val = f"val loss {answers.mean_loss:.4f}  val accuracy {answers.accuracy:.2f} %"
        return f"train accuracy {tally.accuracy:.2f} %  {val}"

    def final(self, epochs: int, answers: Answers) -> str:
        """Loss and accuracy of the plain test images, after the last epoch."""
        self._write(epochs, {tags.TEST_LOSS: answers.mean_loss, tags.TEST_ACCURACY: answers.accuracy})
        return f"test  loss {answers.mean_loss:.4f}  accuracy {answers.accuracy:.2f} %"

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        self.recorder.record(step, values)
        self._lost(self.recorder.points_lost)
