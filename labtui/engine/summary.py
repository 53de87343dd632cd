"""What a model weighs: its parameters, and the arithmetic of one image, counted by sending one through."""

from typing import Any

import torch
from torch import Tensor, nn

from labtui.store.records import ModelSummary

_COUNTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def summarize(network: nn.Module, shape: tuple[int, int, int]) -> ModelSummary:
    """Parameters per layer, and floating-point operations of a forward pass of one image of `shape` (channels, h, w).

    Counted are the multiply-adds of convolutions and dense layers, two operations each, biases left out. The network
    is left in the mode in which it was.
    """
    flops: dict[nn.Module, int] = {}

    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        flops[module] = flops.get(module, 0) + 2 * weight[0].numel() * output.numel()

    hooks = [module.register_forward_hook(count) for module in network.modules() if isinstance(module, _COUNTED)]
    was_training = network.training
    device = next(network.parameters()).device
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, *shape, device=device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    layers = tuple(
        (name, f"{type(module).__name__}({module.extra_repr()})", _parameters(module))
        for name, module in network.named_modules()
        if name and next(module.parameters(recurse=False), None) is not None
    )
    return ModelSummary(
        parameters=_parameters(network, recurse=True), flops_per_image=sum(flops.values()), layers=layers
    )


def _parameters(module: nn.Module, *, recurse: bool = False) -> int:
    return sum(parameter.numel() for parameter in module.parameters(recurse=recurse))
