"""The networks that a catalog can name."""

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.errors import EnvironmentFault, UsageError
from labtui.spec import Cnn, Model, ResNet18


class ConvNet(nn.Module):
    """The report's network: three 5x5 convolutions (10, 30, 60 channels) and three dense layers (270, 130, classes).

    Max-pooling comes before the ReLU where the report has it after: the two commute exactly, in the gradients too, and
    a quarter of the values is left to clip. `dropout` acts after fc1's and after fc2's ReLU.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, dropout: tuple[float, float]) -> None:
        super().__init__()
        channels, height, width = shape
        # The layers draw their initial weights in this order, as in the report's module.
        self.conv1 = nn.Conv2d(channels, 10, 5)
        self.conv2 = nn.Conv2d(10, 30, 5)
        self.conv3 = nn.Conv2d(30, 60, 5)
        self.fc1 = nn.Linear(60 * _left(height) * _left(width), 270)
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


def build(model: Model, *, shape: tuple[int, int, int], classes: int, seed: int) -> nn.Module:
    """A network for images of `shape` (channels, h, w), initialised by PyTorch's defaults from `seed`.

    It seeds torch's own generator, on the CPU, so that every device starts from the same weights. Raises UsageError for
    images that the network cannot take, EnvironmentFault where it needs torchvision and that does not load.
    """
    torch.manual_seed(seed)
    match model:
        case Cnn(dropout=dropout):
            if min(_left(side) for side in shape[1:]) < 1:
                raise UsageError(f"model.name = cnn takes images of 24x24 pixels and more, not {shape[1]}x{shape[2]}.")
            return ConvNet(shape, classes, dropout)
        case ResNet18():
            return _resnet18(shape[0], classes)


def has_batch_norm(network: nn.Module) -> bool:
    """Whether the network's answer for an image depends, while training, on the batch around it."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def _left(side: int) -> int:
    """The side of conv3's pooled maps for images of that side."""
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
        from torchvision.models import resnet18  # deferred: a second and more that other models need not pay
    except Exception as fault:  # a wheel for another torch fails in many ways
        raise EnvironmentFault(
            f"torchvision does not load: {type(fault).__name__}: {fault}. Only the model resnet18 needs it.",
            advice=f"Mend it with: {sys.executable} -m pip install --force-reinstall torch torchvision\n"
            "(one command, one index: the two must be built for each other)",
        ) from fault
    return resnet18  # type: ignore[no-any-return]  # torchvision publishes no types
