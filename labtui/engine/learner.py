"""A network with all that changes it: one step of training, and the state that a resumed run goes on from."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labtui.engine import cuda_graph
from labtui.engine.cuda_graph import Cuda, Replayed
from labtui.engine.device import autocast, generator_states, restore_generators
from labtui.engine.models import build
from labtui.engine.objective import make_objective
from labtui.engine.optim import make_optimizer, make_schedule
from labtui.errors import UsageError
from labtui.spec import Normalize, RunSpec

State = dict[str, Any]


def floats(normalize: Normalize | str | None, device: torch.device, channels: int = 3) -> Callable[[Tensor], Tensor]:
    """Makes what a network reads of bytes: floats in 0..1 as ToTensor gives them, normalised where that is wanted.

    Raises UsageError for figures that are not there (a run's spec has them) or are those of other images.
    """
    if normalize is None:
        return lambda images: images.float().div_(255)
    if isinstance(normalize, str):
        raise UsageError(f"data.normalize: {normalize!r} stands for figures that this run's spec does not have.")
    if not len(normalize.mean) == len(normalize.std) == channels:
        raise UsageError(
            f"data.normalize: these images have {channels} channels, so mean and std have as many figures."
        )
    mean = torch.tensor(normalize.mean, device=device).view(-1, 1, 1)
    std = torch.tensor(normalize.std, device=device).view(-1, 1, 1)
    return lambda images: images.float().div_(255).sub_(mean).div_(std)


class Learner:
    """The network of a run on its device, with its objective, optimizer and learning-rate schedule."""

    def __init__(
        self,
        spec: RunSpec,
        device: torch.device,
        *,
        shape: tuple[int, int, int],
        classes: int,
        steps_per_epoch: int,
        say: Callable[[str], None] = lambda _: None,
        graph: cuda_graph.Device | None = None,
    ) -> None:
        """Initialise the network from the run's seed; raises what `build`, `floats` and `make_objective` raise.

        `graph` records and replays the steps; by default CUDA graphs on a GPU, and nothing elsewhere.
        """
        self.device = device
        network = build(spec.model, shape=shape, classes=classes, seed=spec.seed)
        # Channels last, convolutions and pooling need 1.4 times less time on a CPU; the numbers stay the same.
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.prepare = floats(spec.data.normalize, device, channels=shape[0])
        self.precision = autocast(device, spec.training.precision)
        self.rate = make_schedule(
            spec.scheduler, spec.optimizer.lr, steps_per_epoch, steps_per_epoch * spec.training.epochs
        )
        self._objective = make_objective(self.network, spec.penalty)
        self._optimizer = make_optimizer(self.network, spec.optimizer)
        self._known_rate, self._rate = 0.0, torch.zeros((), device=device)
        graph = graph or (Cuda() if device.type == "cuda" else None)
        self._replayed = Replayed(self._learn, spec.training.batch_size, graph, say) if graph is not None else None

    def learn(self, images: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Train on one batch of bytes as optimizer step `step` (from 0).

        Returns the loss and the number of right answers, both from before the update, as scalars on the device.
        """
        rate = self.rate(step)
        if self._replayed is None:
            return self._learn(images, labels, rate)
        if rate != self._known_rate:
            self._known_rate, self._rate = rate, torch.tensor(rate, device=self.device)
        return self._replayed(images, labels, self._rate)

    def _learn(self, images: Tensor, labels: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]:
        with self.precision():
            logits = self.network(self.prepare(images))
        logits = logits.float()
        loss = self._objective(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type here
        self._optimizer.step(rate)
        return loss.detach(), (logits.detach().argmax(dim=1) == labels).sum()

    def state(self) -> State:
        """Network, optimizer and generators: live tensors, to be saved at once."""
        return {
            "network": dict(self.network.state_dict()),
            "optimizer": self._optimizer.state(),
            "generators": generator_states(self.device),
        }

    def load(self, state: State) -> None:
        """Go on from such a state; raises where it is another network's, optimizer's or device's."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load(state["optimizer"])
        restore_generators(self.device, state["generators"])
