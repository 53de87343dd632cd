"""Random transforms of whole batches on the device, with separate parameters for every image and epoch.

The parameters of an epoch are drawn at its start, one row per sample, so they depend only on seed, epoch and sample,
not on the batch size, the device, or where a run was resumed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Generator, Tensor

from labtui.engine.color_jitter import Jitter
from labtui.engine.erasing import Erase
from labtui.engine.geometry import Crop, Flip, GeometricTransform, Rotate, gather_pixels
from labtui.engine.lab_transform import LabStep
from labtui.spec import (
    ColorJitter,
    HorizontalFlip,
    LabTransform,
    RandomCrop,
    RandomErasing,
    Resize,
    Rotation,
    Transform,
)

DrawnParameters = tuple[Tensor, ...]
"""The drawn parameters of each step of a pipeline, on the CPU: one row per sample."""


class _Step(Protocol):
    def draw(self, count: int, generator: Generator) -> Tensor: ...

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor: ...


class _GeometricStep:
    """Consecutive geometric transforms, applied as one gather of pixels."""

    def __init__(self, transforms: Sequence[GeometricTransform]) -> None:
        self.transforms = transforms

    def draw(self, count: int, generator: Generator) -> Tensor:
        return torch.cat([transform.draw(count, generator) for transform in self.transforms], dim=1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        columns = torch.split_with_sizes(drawn, [transform.columns for transform in self.transforms], dim=1)
        return gather_pixels(images, list(zip(self.transforms, columns, strict=True)))


class _ResizeStep:
    """Resizes like PIL's bilinear filter (antialiased), within one of 256 levels."""

    def __init__(self, size: int) -> None:
        self.size = size

    def draw(self, count: int, generator: Generator) -> Tensor:  # noqa: ARG002 (interface; nothing is random here)
        return torch.empty(count, 0)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:  # noqa: ARG002
        resized = F.interpolate(images.float(), (self.size, self.size), mode="bilinear", antialias=True)
        return resized.round_().clamp_(0, 255).to(torch.uint8)


class Augmentation:
    """A pipeline of transforms for uint8 images (n, channels, h, w); `shape` is (channels, h, w)."""

    def __init__(
        self, transforms: Sequence[Transform | LabTransform], shape: tuple[int, int, int], folder: Path = Path()
    ) -> None:
        """`folder` is the catalog's, where transforms of the user's own are."""
        self.steps: list[_Step] = []
        self.shape = shape
        geometric: list[GeometricTransform] = []
        for transform in transforms:
            channels, height, width = self.shape
            match transform:
                case HorizontalFlip(p=p):
                    geometric.append(Flip(p))
                case Rotation(degrees=degrees):
                    self._start_new_gather_if_needed(geometric)
                    geometric.append(Rotate(degrees, width, height))
                case RandomCrop(padding=padding):
                    self._start_new_gather_if_needed(geometric)
                    geometric.append(Crop(padding))
                case Resize(size=size) if (height, width) != (size, size):
                    self._add_geometric(geometric)
                    self.steps.append(_ResizeStep(size))
                    self.shape = (channels, size, size)
                case ColorJitter(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue):
                    self._add_geometric(geometric)
                    self.steps.append(Jitter(brightness, contrast, saturation, hue))
                case RandomErasing():
                    self._add_geometric(geometric)
                    self.steps.append(Erase(transform, height, width))
                case LabTransform():
                    self._add_geometric(geometric)
                    self.steps.append(LabStep(transform, folder))
        self._add_geometric(geometric)

    def _start_new_gather_if_needed(self, geometric: list[GeometricTransform]) -> None:
        """One gather may read outside the image only once: black pixels must stay black."""
        if any(transform.reads_outside for transform in geometric):
            self._add_geometric(geometric)

    def _add_geometric(self, geometric: list[GeometricTransform]) -> None:
        if geometric:
            self.steps.append(_GeometricStep(tuple(geometric)))
            geometric.clear()

    def draw(self, count: int, generator: Generator) -> DrawnParameters:
        """Draw the parameters of `count` samples."""
        return tuple(step.draw(count, generator) for step in self.steps)

    def apply(self, images: Tensor, drawn: DrawnParameters) -> Tensor:
        """Apply the transforms with the drawn parameters: one row per image."""
        for step, parameters in zip(self.steps, drawn, strict=True):
            images = step.apply(images, parameters)
        return images
