"""What training minimises: the mean cross-entropy of a batch, and a penalty on the weights where there is one."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.errors import UsageError
from labtui.spec import Penalty

Objective = Callable[[Tensor, Tensor], Tensor]
"""(logits (n, classes), labels (n,)) to a scalar."""


def make_objective(network: nn.Module, penalty: Penalty | None) -> Objective:
    """The objective of a network. Raises UsageError for a module that the network does not have."""
    if penalty is None or penalty.weight == 0:
        return F.cross_entropy
    parameters, weight = penalised(network, penalty.module_names), penalty.weight
    norm = _l1 if penalty.norm == "l1" else _l2

    def penalised_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels) + weight * norm(parameters)

    return penalised_cross_entropy


def penalised(network: nn.Module, names: tuple[str, ...]) -> list[nn.Parameter]:
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
