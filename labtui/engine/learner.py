"""A network with its objective, optimizer and schedule: one training step, and the state that a resumed run needs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.engine.averaging import WeightAverage
from labtui.engine.cuda_graph import CudaGraphDevice, GraphDevice, GraphedStep
from labtui.engine.device import autocast, generator_states, restore_generators
from labtui.engine.mixing import draw_mixture, mix_images
from labtui.engine.models import build_model, check_output
from labtui.engine.optim import make_optimizer, require_gradients
from labtui.engine.schedules import make_schedule
from labtui.errors import UsageError
from labtui.spec import LabModel, LibraryModel, Normalize, Penalty, RunSpec

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
        folder: Path = Path(),
    ) -> None:
        """Initialize the network from the run's seed.

        `folder` is the catalog's. `graph_device` captures the training step as a graph; on a CUDA device the default is
        CUDA graphs. Raises what `build_model`, `make_input_transform` and `make_objective` raise.
        """
        self.device = device
        network = build_model(spec.model, shape=shape, classes=classes, seed=spec.seed, folder=folder, say=say)
        if isinstance(spec.model, LabModel | LibraryModel):
            check_output(network, shape, classes, spec.model.use, folder)
        # With channels last, convolutions and pooling need 1.4 times less time on a CPU; the results are the same.
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.transform = make_input_transform(spec.data.normalize, device, channels=shape[0])
        self.precision = autocast(device, spec.training.precision)
        self.learning_rate = make_schedule(
            spec.scheduler, spec.optimizer.lr, steps_per_epoch, steps_per_epoch * spec.training.epochs
        )
        self.average = WeightAverage(self.network, spec.training.ema) if spec.training.ema is not None else None
        self._objective = make_objective(self.network, spec.penalty, spec.training.label_smoothing)
        self._clip_norm = spec.training.clip_norm
        self._parameters = list(self.network.parameters())
        self._mix, self._seed = spec.training.mix, spec.seed
        self._optimizer = make_optimizer(self.network, spec.optimizer)
        self._graphed_step: GraphedStep | None = None
        self._checked = False
        """Whether a step has shown that every trained parameter gets a gradient."""
        self._last_numbers: tuple[float, ...] = (0.0,)
        self._numbers = torch.zeros((), device=device)
        if graph_device is None and device.type == "cuda":
            graph_device = CudaGraphDevice()
        if graph_device is not None:
            self._graphed_step = GraphedStep(self._train_step, spec.training.batch_size, graph_device, say)

    def train_step(self, images: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Train on one batch of bytes as optimizer step `step` (from 0).

        Returns the loss and the number of correct predictions, both from before the update, as scalars on the device.
        """
        results = self._update(images, labels, step)
        if self.average is not None:
            self.average.update()
        return results

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated: the average of the weights, if the run keeps one."""
        return self.network if self.average is None else self.average.network

    def _update(self, images: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        rate = self.learning_rate(step)
        if self._graphed_step is None and self._mix is None:
            return self._optimize(images, labels, rate, None)
        numbers: tuple[float, ...] = (rate,)
        if self._mix is not None:
            numbers += draw_mixture(self._mix, self._seed, step, *images.shape[2:])
        if numbers != self._last_numbers:
            self._last_numbers = numbers
            self._numbers = torch.tensor(numbers if self._mix else rate, device=self.device, dtype=torch.float32)
        if self._graphed_step is None:
            return self._optimize(images, labels, rate, self._numbers[1:])
        return self._graphed_step(images, labels, self._numbers)

    def _train_step(self, images: Tensor, labels: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """A step that reads its numbers from a tensor: the learning rate, and the mixture if there is one."""
        if self._mix is None:
            return self._optimize(images, labels, numbers, None)
        return self._optimize(images, labels, numbers[0], numbers[1:])

    def _optimize(
        self, images: Tensor, labels: Tensor, rate: float | Tensor, mixture: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        inputs = self.transform(images)
        if mixture is not None:
            inputs = mix_images(inputs, mixture)
        with self.precision():
            logits = self.network(inputs)
        logits = logits.float()
        if mixture is None:
            loss = self._objective(logits, labels)
        else:
            loss = mixture[0] * self._objective(logits, labels)
            loss = loss + (1 - mixture[0]) * self._objective(logits, labels.roll(1, 0))
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type here
        if not self._checked:
            require_gradients(self.network)
            self._checked = True
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._optimizer.step(rate)
        return loss.detach(), (logits.detach().argmax(dim=1) == labels).sum()

    def state(self) -> State:
        """Network, optimizer and random generators: live tensors, to be saved immediately."""
        average = {} if self.average is None else {"average": self.average.state()}
        return {
            "network": dict(self.network.state_dict()),
            "optimizer": self._optimizer.state(),
            "generators": generator_states(self.device),
            **average,
        }

    def load(self, state: State) -> None:
        """Restore such a state. Raises if it belongs to another network, optimizer or kind of device."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load(state["optimizer"])
        if self.average is not None:
            self.average.load(state["average"])
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


def make_objective(network: nn.Module, penalty: Penalty | None, label_smoothing: float = 0.0) -> Objective:
    """The loss to minimize: the mean cross-entropy of a batch, plus the penalty on the weights if there is one.

    Labels are smoothed as in torch.nn.CrossEntropyLoss.

    Raises UsageError for a module that the network does not have.
    """
    cross_entropy: Objective = F.cross_entropy
    if label_smoothing:
        cross_entropy = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
    if penalty is None or penalty.weight == 0:
        return cross_entropy
    parameters, weight = penalized_parameters(network, penalty.module_names), penalty.weight
    norm = _l1 if penalty.norm == "l1" else _l2

    def penalized_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(logits, labels) + weight * norm(parameters)

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
