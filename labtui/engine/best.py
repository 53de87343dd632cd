"""The best epoch so far by a metric on the images held out, in a run that keeps its checkpoint.

What is trained and tested does not depend on it.
"""

import math
from dataclasses import dataclass

from labtui.engine.evaluate import Evaluation
from labtui.store.tags import VAL_ACCURACY, VAL_LOSS
from labtui.text.numbers import accuracy, loss

State = dict[str, float | int]

TAGS = (VAL_LOSS, VAL_ACCURACY)
"""What an epoch can be the best by."""


@dataclass(slots=True)
class BestEpoch:
    """The epoch with the best value of `tag` so far; the first of equal ones."""

    tag: str
    epoch: int = 0
    """0 before the first."""
    value: float = math.nan

    def improves(self, epoch: int, evaluation: Evaluation) -> bool:
        """Consider an epoch, and return whether it is the best so far."""
        value = evaluation.accuracy if self.tag == VAL_ACCURACY else evaluation.mean_loss
        better = value > self.value if self.tag == VAL_ACCURACY else value < self.value
        if self.epoch and not better:
            return False
        self.epoch, self.value = epoch, value
        return True

    @property
    def text(self) -> str:
        """`epoch 7 (val/accuracy 61.20)`."""
        return f"epoch {self.epoch} ({self.tag} {self.shown})"

    @property
    def shown(self) -> str:
        """The value, as tables show it."""
        return accuracy(self.value) if self.tag == VAL_ACCURACY else loss(self.value)

    def state(self) -> State:
        """What a resumed run needs."""
        return {"epoch": self.epoch, "value": self.value}

    def load(self, state: State) -> None:
        """Restore such a state."""
        self.epoch, self.value = int(state["epoch"]), float(state["value"])
