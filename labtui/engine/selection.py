"""Early stopping: the best epoch so far by a metric on the images held out, and when to stop waiting for a better."""

import torch
from torch import Tensor, nn

from labtui.spec import EarlyStopping

State = dict[str, object]


class Selection:
    """The best epoch of a training, with the weights that it had."""

    def __init__(self, spec: EarlyStopping) -> None:
        self.spec = spec
        self.epoch = 0
        """The best epoch; 0 before the first."""
        self.value = 0.0
        self.waited = 0
        """Epochs since the best one."""
        self._weights: dict[str, Tensor] = {}

    @property
    def ended(self) -> bool:
        """Whether no epoch has been better for `patience` epochs."""
        return self.waited >= self.spec.patience

    def after_epoch(self, epoch: int, value: float, network: nn.Module) -> None:
        """Consider an epoch with this value of the metric, whose weights are those of `network`."""
        if self.epoch and not self._is_better(value):
            self.waited += 1
            return
        self.epoch, self.value, self.waited = epoch, value, 0
        self._weights = {key: tensor.clone() for key, tensor in network.state_dict().items()}

    def _is_better(self, value: float) -> bool:
        gain = value - self.value if self.spec.metric == "val/accuracy" else self.value - value
        return gain > self.spec.min_delta

    def restore_weights(self, network: nn.Module) -> None:
        """Give a network the weights of the best epoch."""
        network.load_state_dict(self._weights)

    @property
    def text(self) -> str:
        """How the tested epoch was chosen, for the log."""
        unit = " %" if self.spec.metric == "val/accuracy" else ""
        return f"epoch {self.epoch}, chosen by its {self.spec.metric} of {self.value:.4f}{unit}"

    def state(self) -> State:
        """What a resumed run needs."""
        return {"epoch": self.epoch, "value": self.value, "waited": self.waited, "weights": self._weights}

    def load(self, state: State) -> None:
        """Restore such a state. Raises KeyError or TypeError if it is none."""
        epoch, value, waited, weights = (state[key] for key in ("epoch", "value", "waited", "weights"))
        if not isinstance(epoch, int) or not isinstance(value, float) or not isinstance(waited, int):
            raise TypeError("its best epoch is damaged")
        if not isinstance(weights, dict) or not all(isinstance(one, torch.Tensor) for one in weights.values()):
            raise TypeError("the weights of its best epoch are damaged")
        self.epoch, self.value, self.waited, self._weights = epoch, value, waited, weights
