"""The optimizers that a catalog can name.

Each one only holds the state for torch's own functional optimizer, fused if the device supports it. torch's optimizer
classes compute the same but import the compiler when the first one is created, which takes longer than a run on a small
data set.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from labtui.errors import UsageError
from labtui.spec import Adam, AdamW, Sgd
from labtui.spec import Optimizer as OptimizerSpec

FUSED = ("cpu", "cuda", "mps")
"""The devices on which torch updates all parameters in one kernel."""

State = dict[str, Any]


class Optimizer(Protocol):
    """Updates a network's parameters from their gradients."""

    def step(self, lr: float | Tensor) -> None:
        """Update the parameters with learning rate `lr`, a scalar, and clear the gradients."""
        ...

    def state(self) -> State:
        """The state that a resumed run needs: lists of tensors."""
        ...

    def load(self, state: State) -> None:
        """Restore such a state. Raises KeyError, ValueError or RuntimeError if it belongs to another optimizer."""
        ...


class _AdamFamily:
    """torch.optim.Adam or AdamW, without amsgrad."""

    def __init__(self, parameters: Iterable[nn.Parameter], spec: Adam | AdamW) -> None:
        self.parameters = list(parameters)
        self.spec = spec
        self.update: Callable[..., None] = adamw if isinstance(spec, AdamW) else adam
        device = self.parameters[0].device
        self.fused = device.type in FUSED
        # The fused kernel reads the step counter on the device of the parameters, the other one on the host.
        steps_on = device if self.fused else torch.device("cpu")
        self.averages = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=steps_on) for _ in self.parameters]

    @torch.no_grad()
    def step(self, lr: float | Tensor) -> None:
        beta1, beta2 = self.spec.betas
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
            weight_decay=self.spec.weight_decay,
            eps=self.spec.eps,
            maximize=False,
        )

    def state(self) -> State:
        return {"averages": self.averages, "squares": self.squares, "steps": self.steps}

    def load(self, state: State) -> None:
        _copy_all(self.state(), state)


class _Sgd:
    """torch.optim.SGD."""

    def __init__(self, parameters: Iterable[nn.Parameter], spec: Sgd) -> None:
        self.parameters = list(parameters)
        self.spec = spec
        self.fused = self.parameters[0].device.type in FUSED
        # With momentum, torch initializes each buffer with the first gradient; None means there was none yet.
        self.momenta: list[Tensor | None] = [None] * len(self.parameters)

    @torch.no_grad()
    def step(self, lr: float | Tensor) -> None:
        sgd(
            list[Tensor](self.parameters),
            _take_gradients(self.parameters),
            self.momenta,
            fused=self.fused,
            weight_decay=self.spec.weight_decay,
            momentum=self.spec.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=self.spec.nesterov,
            maximize=False,
        )

    def state(self) -> State:
        return {"momenta": [momentum for momentum in self.momenta if momentum is not None]}

    def load(self, state: State) -> None:
        if state["momenta"]:
            self.momenta = [torch.empty_like(parameter) for parameter in self.parameters]
            _copy_all({"momenta": self.momenta}, state)


def make_optimizer(network: nn.Module, spec: OptimizerSpec) -> Optimizer:
    """The optimizer of a spec for all parameters of a network that are trained. Raises UsageError if none is."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not trained:
        raise UsageError("The model has no parameter that is trained: all have requires_grad = False.")
    return _Sgd(trained, spec) if isinstance(spec, Sgd) else _AdamFamily(trained, spec)


def require_gradients(network: nn.Module) -> None:
    """Raise UsageError if a backward pass left a trained parameter without a gradient."""
    unused = [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
    if unused:
        more = f" and {len(unused) - 1} more" if len(unused) > 1 else ""
        raise UsageError(
            f"The model's parameter {unused[0]}{more} does not contribute to the loss: it gets no gradient.",
            advice="Use it in forward(), or freeze it with requires_grad_(False).",
        )


def _take_gradients(parameters: list[nn.Parameter]) -> list[Tensor]:
    """Remove and return the gradients: allocating new ones in the next backward pass is faster than zeroing these."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            raise RuntimeError("a parameter has no gradient: it does not contribute to the loss")
        gradients.append(parameter.grad)
        parameter.grad = None
    return gradients


def _copy_all(into: State, source: State) -> None:
    """Copy every tensor of `source` into its counterpart, keeping the memory layout of the latter."""
    for name, targets in into.items():
        values = source[name]
        if len(values) != len(targets) or any(a.shape != b.shape for a, b in zip(targets, values, strict=True)):
            raise ValueError(f"the optimizer's {name} belong to another network")
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)
