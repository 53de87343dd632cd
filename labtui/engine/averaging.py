"""An exponential moving average of a network's weights, like torch.optim.swa_utils.AveragedModel with its EMA."""

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """A copy of a network whose parameters are averages; buffers, such as batch statistics, are the network's own."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network)
        self.network.requires_grad_(requires_grad=False)
        self.updates = 0
        self._decay = decay
        self._parameters = (list[Tensor](self.network.parameters()), list[Tensor](network.parameters()))
        self._buffers = (list(self.network.buffers()), list(network.buffers()))

    @torch.no_grad()
    def update(self) -> None:
        """Take the network's weights after a step into the average; the first ones are taken as they are."""
        averages, current = self._parameters
        if self.updates:
            torch._foreach_lerp_(averages, current, 1 - self._decay)
        else:
            torch._foreach_copy_(averages, current)
        own, source = self._buffers
        if own:
            torch._foreach_copy_(own, source)
        self.updates += 1

    def state(self) -> dict[str, object]:
        """What a resumed run needs: live tensors."""
        return {"network": dict(self.network.state_dict()), "updates": self.updates}

    def load(self, state: dict[str, object]) -> None:
        """Restore such a state. Raises if it belongs to another network."""
        weights, updates = state["network"], state["updates"]
        if not isinstance(weights, dict) or not isinstance(updates, int):
            raise TypeError("its average of the weights is damaged")
        self.network.load_state_dict(weights)
        self.updates = updates
