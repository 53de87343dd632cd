"""The networks that a catalog can name, and their size."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.engine.lab_import import call, definition, guarded
from labtui.engine.library_models import build_library_model
from labtui.errors import MachineError, UsageError
from labtui.lab_code import FOLDER
from labtui.spec import AnyModel, Cnn, LabModel, LibraryModel, ResNet18
from labtui.store.records import ModelSummary

_COUNTED_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class ConvNet(nn.Module):
    """The report's network: three 5x5 convolutions (10, 30, 60 channels) and three dense layers (270, 130, classes).

    Max-pooling comes before the ReLU, while the report has it after: the two commute exactly, also in the gradients,
    and only a quarter of the values is left to clip. `dropout` acts after fc1's and after fc2's ReLU.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, dropout: tuple[float, float]) -> None:
        super().__init__()
        channels, height, width = shape
        # The layers draw their initial weights in this order, like the report's module.
        self.conv1 = nn.Conv2d(channels, 10, 5)
        self.conv2 = nn.Conv2d(10, 30, 5)
        self.conv3 = nn.Conv2d(30, 60, 5)
        self.fc1 = nn.Linear(60 * _pooled_side(height) * _pooled_side(width), 270)
        self.fc2 = nn.Linear(270, 130)
        self.fc3 = nn.Linear(130, classes)
        self.dropout1 = _dropout(dropout[0])
        self.dropout2 = _dropout(dropout[1])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images (n, channels, h, w)."""
        maps = F.relu(F.max_pool2d(self.conv1(images), 2))
        maps = F.relu(self.conv2(maps))
        maps = F.relu(F.max_pool2d(self.conv3(maps), 2))
        features = self.dropout1(F.relu(self.fc1(maps.flatten(1))))
        features = self.dropout2(F.relu(self.fc2(features)))
        logits: Tensor = self.fc3(features)
        return logits


def build_model(
    model: AnyModel,
    *,
    shape: tuple[int, int, int],
    classes: int,
    seed: int,
    folder: Path = Path(),
    say: Callable[[str], None] = lambda _: None,
) -> nn.Module:
    """A network for images of `shape` (channels, h, w), with PyTorch's default initialization from `seed`.

    `folder` is the catalog's, where the user's own code and weights are. Seeds torch's global CPU generator, so that
    every device starts from the same weights. Raises UsageError for images that do not fit the network, MachineError if
    it needs a library or a file that is not available, and LabCodeError for an error in the user's own code.
    """
    torch.manual_seed(seed)
    match model:
        case Cnn(dropout=dropout):
            if min(_pooled_side(side) for side in shape[1:]) < 1:
                raise UsageError(f"model.name = cnn needs images of at least 24x24 pixels, not {shape[1]}x{shape[2]}.")
            return ConvNet(shape, classes, dropout)
        case ResNet18():
            return _resnet18(shape[0], classes)
        case LibraryModel():
            return build_library_model(model, channels=shape[0], classes=classes, folder=folder, say=say)
        case LabModel():
            return _lab_model(model, shape, classes, folder)


def _lab_model(model: LabModel, shape: tuple[int, int, int], classes: int, folder: Path) -> nn.Module:
    function = definition(folder, "models", model.use, model.source)
    given = {
        "classes": classes,
        "num_classes": classes,
        "shape": shape,
        "channels": shape[0],
        "in_channels": shape[0],
        "folder": folder,
    }
    network = call(folder, function, model.arguments, given)
    if not isinstance(network, nn.Module) or next(network.parameters(), None) is None:
        what = type(network).__name__
        raise UsageError(f"lab/models.py: {model.use} gives a {what}, not a torch.nn.Module with parameters.")
    return network


def check_output(network: nn.Module, shape: tuple[int, int, int], classes: int, name: str, folder: Path) -> None:
    """Run the network once on a black image in evaluation mode: its output must be one logit for each class.

    Raises UsageError if it is not, and LabCodeError if the user's own network fails.
    """
    was_training = network.training
    device = next(network.parameters()).device
    try:
        with torch.no_grad():  # not inference mode: lazy layers make their weights here, which are then trained
            output = guarded(folder / FOLDER, lambda: network.eval()(torch.zeros(2, *shape, device=device)))
    finally:
        network.train(was_training)
    if not isinstance(output, Tensor) or tuple(output.shape) != (2, classes):
        found = f"of shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"of type {type(output).__name__}"
        raise UsageError(
            f"model.name: for 2 images of shape {shape}, {name} gives an output {found}, not (2, {classes}): one logit "
            "for each class."
        )


def has_batch_norm(network: nn.Module) -> bool:
    """Whether the network's output for an image depends on the rest of the batch in training mode."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def summarize(network: nn.Module, shape: tuple[int, int, int]) -> ModelSummary:
    """Parameters per layer, and the floating-point operations of one image of `shape` (channels, h, w).

    Counts the multiply-adds of convolutions and dense layers in a forward pass, two operations each, without biases.
    Leaves the network in the mode (train or eval) it was in.
    """
    flops: dict[nn.Module, int] = {}

    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        flops[module] = flops.get(module, 0) + 2 * weight[0].numel() * output.numel()

    hooks = [module.register_forward_hook(count) for module in network.modules() if isinstance(module, _COUNTED_LAYERS)]
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
        (name, f"{type(module).__name__}({module.extra_repr()})", _count_parameters(module))
        for name, module in network.named_modules()
        if name and next(module.parameters(recurse=False), None) is not None
    )
    return ModelSummary(
        parameters=_count_parameters(network, recurse=True), flops_per_image=sum(flops.values()), layers=layers
    )


def _pooled_side(side: int) -> int:
    """The side of conv3's pooled maps, in pixels, for images with this side."""
    return (((side - 4) // 2) - 4 - 4) // 2


def _dropout(p: float) -> nn.Module:
    return nn.Dropout(p) if p else nn.Identity()


def _resnet18(channels: int, classes: int) -> nn.Module:
    network = _torchvision_resnet18()(num_classes=classes)
    network.conv1 = nn.Conv2d(channels, 64, kernel_size=3, stride=1, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network


def _torchvision_resnet18() -> Callable[..., nn.Module]:
    try:
        from torchvision.models import resnet18  # deferred: takes over a second, and other models do not need it
    except Exception as error:  # a wheel built for another torch can fail in many ways
        raise MachineError(
            f"torchvision cannot be imported: {type(error).__name__}: {error}. Only the model resnet18 needs it.",
            advice=f"Fix this with: {sys.executable} -m pip install --force-reinstall torch torchvision\n"
            "(one command, one index: the two must be built for each other)",
        ) from error
    return resnet18  # type: ignore[no-any-return]  # torchvision publishes no types


def _count_parameters(module: nn.Module, *, recurse: bool = False) -> int:
    return sum(parameter.numel() for parameter in module.parameters(recurse=recurse))
