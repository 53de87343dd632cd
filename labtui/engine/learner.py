"""A network with its objective, optimizer and schedule: one training step, and the state that a resumed run needs."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.engine.cuda_graph import CudaGraphDevice, GraphDevice, GraphedStep
from labtui.engine.device import autocast, generator_states, restore_generators
from labtui.engine.models import build_model
from labtui.engine.optim import make_optimizer, make_schedule
from labtui.errors import UsageError
from labtui.spec import Normalize, Penalty, RunSpec

State = dict[str, Any]

Objective = Callable[[Tensor, Tensor], Tensor]
"""(logits (n, classes), labels (n,)) to a scalar loss."""


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
        graph_device: GraphDevice | None = None,
    ) -> None:
        """Initialize the network from the run's seed.

        `graph_device` captures the training step as a graph; on a CUDA device the default is CUDA graphs. Raises what
        `build_model`, `make_input_transform` and `make_objective` raise.
        """
        self.device = device
        network = build_model(spec.model, shape=shape, classes=classes, seed=spec.seed)
        # With channels last, convolutions and pooling need 1.4 times less time on a CPU; the results are the same.
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.transform = make_input_transform(spec.data.normalize, device, channels=shape[0])
        self.precision = autocast(device, spec.training.precision)
        self.learning_rate = make_schedule(
            spec.scheduler, spec.optimizer.lr, steps_per_epoch, steps_per_epoch * spec.training.epochs
        )
        self._objective = make_objective(self.network, spec.penalty)
        self._optimizer = make_optimizer(self.network, spec.optimizer)
        self._graphed_step: GraphedStep | None = None
        self._last_rate, self._rate_tensor = 0.0, torch.zeros((), device=device)
        if graph_device is None and device.type == "cuda":
            graph_device = CudaGraphDevice()
        if graph_device is not None:
            self._graphed_step = GraphedStep(self._train_step, spec.training.batch_size, graph_device, say)

    def train_step(self, images: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Train on one batch of bytes as optimizer step `step` (from 0).

        Returns the loss and the number of correct predictions, both from before the update, as scalars on the device.
        """
        rate = self.learning_rate(step)
        if self._graphed_step is None:
            return self._train_step(images, labels, rate)
        if rate != self._last_rate:
            self._last_rate, self._rate_tensor = rate, torch.tensor(rate, device=self.device)
        return self._graphed_step(images, labels, self._rate_tensor)

    def _train_step(self, images: Tensor, labels: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]:
        with self.precision():
            logits = self.network(self.transform(images))
        logits = logits.float()
        loss = self._objective(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type here
        self._optimizer.step(rate)
        return loss.detach(), (logits.detach().argmax(dim=1) == labels).sum()

    def state(self) -> State:
        """Network, optimizer and random generators: live tensors, to be saved immediately."""
        return {
            "network": dict(self.network.state_dict()),
            "optimizer": self._optimizer.state(),
            "generators": generator_states(self.device),
        }

    def load(self, state: State) -> None:
        """Restore such a state. Raises if it belongs to another network, optimizer or kind of device."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load(state["optimizer"])
        restore_generators(self.device, state["generators"])


def make_input_transform(
    normalize: Normalize | str | None, device: torch.device, channels: int = 3
) -> Callable[[Tensor], Tensor]:
    """A function from bytes to floats in 0..1, as ToTensor gives them, normalized if `normalize` is given.

    Raises UsageError if the mean and standard deviation are not known (a run's spec has them) or are those of images
    with another number of channels.
    """
    if normalize is None:
        return lambda images: images.float().div_(255)
    if isinstance(normalize, str):
        raise UsageError(f"data.normalize: {normalize!r} was not replaced by mean and standard deviation in this spec.")
    if not len(normalize.mean) == len(normalize.std) == channels:
        raise UsageError(
            f"data.normalize: these images have {channels} channels, so mean and std need as many values each."
        )
    mean = torch.tensor(normalize.mean, device=device).view(-1, 1, 1)
    std = torch.tensor(normalize.std, device=device).view(-1, 1, 1)
    return lambda images: images.float().div_(255).sub_(mean).div_(std)


def make_objective(network: nn.Module, penalty: Penalty | None) -> Objective:
    """The loss to minimize: the mean cross-entropy of a batch, plus the penalty on the weights if there is one.

    Raises UsageError for a module that the network does not have.
    """
    if penalty is None or penalty.weight == 0:
        return F.cross_entropy
    parameters, weight = penalized_parameters(network, penalty.module_names), penalty.weight
    norm = _l1 if penalty.norm == "l1" else _l2

    def penalized_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels) + weight * norm(parameters)

    return penalized_cross_entropy


def penalized_parameters(network: nn.Module, names: tuple[str, ...]) -> list[nn.Parameter]:
    """All parameters, weights and biases, of the named modules, each once; `all` means the whole network."""
    if "all" in names:
        return list(network.parameters())
    modules = dict(network.named_children())
    for name in names:
        if name not in modules:
            raise UsageError(f"penalty.modules: this model has no module {name!r}; it has {', '.join(modules)}.")
    unique = {id(parameter): parameter for name in names for parameter in modules[name].parameters()}
    return list(unique.values())


def _l1(parameters: list[nn.Parameter]) -> Tensor:
    return torch.stack([parameter.abs().sum() for parameter in parameters]).sum()


def _l2(parameters: list[nn.Parameter]) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(parameter) for parameter in parameters])
    )
    return norm
