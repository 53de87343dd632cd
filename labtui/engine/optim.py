"""The optimizers and schedules that a catalog can name.

These are thin holders of state over torch's own functional optimizers, fused where the device has that. torch's
optimizer classes do the same sums but import the compiler when the first one is made, which takes longer than a run on
a small data set.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from labtui.spec import Adam, AdamW, Cosine, Scheduler, Sgd
from labtui.spec import Optimizer as Choice

FUSED = ("cpu", "cuda", "mps")
"""The devices on which torch updates all parameters in one kernel."""

State = dict[str, Any]


class Optimizer(Protocol):
    """Updates a network's parameters from their gradients."""

    def step(self, lr: float | Tensor) -> None:
        """One update with learning rate `lr`, a scalar; the gradients are gone afterwards."""
        ...

    def state(self) -> State:
        """What a resumed run needs: tensors and lists of them."""
        ...

    def load(self, state: State) -> None:
        """Go on from such a state. Raises KeyError, ValueError or RuntimeError where it is another optimizer's."""
        ...


class _AdamFamily:
    """torch.optim.Adam or AdamW, without amsgrad."""

    def __init__(self, parameters: Iterable[nn.Parameter], choice: Adam | AdamW) -> None:
        self.parameters = list(parameters)
        self.choice = choice
        self.update: Callable[..., None] = adamw if isinstance(choice, AdamW) else adam
        device = self.parameters[0].device
        self.fused = device.type in FUSED
        # A fused kernel reads the step where the parameters are; the other one on the host.
        steps_on = device if self.fused else torch.device("cpu")
        self.averages = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=steps_on) for _ in self.parameters]

    @torch.no_grad()
    def step(self, lr: float | Tensor) -> None:
        beta1, beta2 = self.choice.betas
        self.update(
            self.parameters,
            _take_gradients(self.parameters),
            self.averages,
            self.squares,
            [],
            self.steps,
            fused=self.fused,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=lr,
            weight_decay=self.choice.weight_decay,
            eps=self.choice.eps,
            maximize=False,
        )

    def state(self) -> State:
        return {"averages": self.averages, "squares": self.squares, "steps": self.steps}

    def load(self, state: State) -> None:
        _copy_all(self.state(), state)


class _Sgd:
    """torch.optim.SGD."""

    def __init__(self, parameters: Iterable[nn.Parameter], choice: Sgd) -> None:
        self.parameters = list(parameters)
        self.choice = choice
        self.fused = self.parameters[0].device.type in FUSED
        # With momentum, torch starts each buffer from the first gradient; None says that there was none yet.
        self.momenta: list[Tensor | None] = [None] * len(self.parameters)

    @torch.no_grad()
    def step(self, lr: float | Tensor) -> None:
        sgd(
            list[Tensor](self.parameters),
            _take_gradients(self.parameters),
            self.momenta,
            fused=self.fused,
            weight_decay=self.choice.weight_decay,
            momentum=self.choice.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=self.choice.nesterov,
            maximize=False,
        )

    def state(self) -> State:
        return {"momenta": [momentum for momentum in self.momenta if momentum is not None]}

    def load(self, state: State) -> None:
        if state["momenta"]:
            self.momenta = [torch.empty_like(parameter) for parameter in self.parameters]
            _copy_all({"momenta": self.momenta}, state)


def make_optimizer(network: nn.Module, choice: Choice) -> Optimizer:
    """The chosen optimizer for all parameters of a network."""
    if isinstance(choice, Sgd):
        return _Sgd(network.parameters(), choice)
    return _AdamFamily(network.parameters(), choice)


def make_schedule(scheduler: Scheduler, lr: float, steps_per_epoch: int, steps: int) -> Callable[[int], float]:
    """The learning rate of optimizer step 0, 1, … of `steps`: of the step alone, so there is nothing to save."""
    if not isinstance(scheduler, Cosine):
        return lambda _: lr
    warm_up, final = round(scheduler.warmup_epochs * steps_per_epoch), scheduler.final
    fall = max(1, steps - warm_up)

    def cosine(step: int) -> float:
        if step < warm_up:
            return lr * (step + 1) / warm_up
        share = min(1.0, (step - warm_up) / fall)
        return lr * (final + (1 - final) * (1 + math.cos(math.pi * share)) / 2)

    return cosine


def _take_gradients(parameters: list[nn.Parameter]) -> list[Tensor]:
    """The gradients; the next backward pass makes new ones, which costs less than clearing these."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            raise RuntimeError("a parameter took no part in the loss")
        gradients.append(parameter.grad)
        parameter.grad = None
    return gradients


def _copy_all(into: State, source: State) -> None:
    """Copy every tensor of `source` over its counterpart, whose memory layout stays."""
    for name, targets in into.items():
        values = source[name]
        if len(values) != len(targets) or any(a.shape != b.shape for a, b in zip(targets, values, strict=True)):
            raise ValueError(f"the optimizer's {name} are those of another network")
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)
