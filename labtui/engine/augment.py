"""Random transforms of whole batches on the device, with parameters of its own for every image and every read.

The parameters of an epoch are drawn at its start, one row a sample, so they depend on (seed, epoch, sample) alone: not
on the batch size, the device, or where a run was resumed.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Generator, Tensor

from labtui.engine.color_jitter import Jitter
from labtui.engine.geometry import Crop, Flip, Geometric, Rotate, fetch
from labtui.spec import ColorJitter, HorizontalFlip, RandomCrop, Resize, Rotation, Transform

Drawn = tuple[Tensor, ...]
"""Per step of a pipeline, the drawn parameters, on the CPU: one row a sample."""


class _Step(Protocol):
    def draw(self, count: int, generator: Generator) -> Tensor: ...

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor: ...


class _Moves:
    """Neighbouring geometric transforms, as one fetch of pixels."""

    def __init__(self, transforms: Sequence[Geometric]) -> None:
        self.transforms = transforms

    def draw(self, count: int, generator: Generator) -> Tensor:
        return torch.cat([transform.draw(count, generator) for transform in self.transforms], dim=1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        columns = torch.split_with_sizes(drawn, [transform.columns for transform in self.transforms], dim=1)
        return fetch(images, list(zip(self.transforms, columns, strict=True)))


class _Scale:
    """Resizes with PIL's bilinear filter (antialiased), to within a level."""

    def __init__(self, size: int) -> None:
        self.size = size

    def draw(self, count: int, generator: Generator) -> Tensor:  # noqa: ARG002 (one interface; nothing is random here)
        return torch.empty(count, 0)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:  # noqa: ARG002
        resized = F.interpolate(images.float(), (self.size, self.size), mode="bilinear", antialias=True)
        return resized.round_().clamp_(0, 255).to(torch.uint8)


class Augmentation:
    """A pipeline of transforms for uint8 images (n, channels, h, w); `shape` is (channels, h, w)."""

    def __init__(self, transforms: Sequence[Transform], shape: tuple[int, int, int]) -> None:
        self.steps: list[_Step] = []
        self.shape = shape
        moves: list[Geometric] = []
        for transform in transforms:
            channels, height, width = self.shape
            match transform:
                case HorizontalFlip(p=p):
                    moves.append(Flip(p))
                case Rotation(degrees=degrees):
                    self._leave(moves)
                    moves.append(Rotate(degrees, width, height))
                case RandomCrop(padding=padding):
                    self._leave(moves)
                    moves.append(Crop(padding))
                case Resize(size=size) if (height, width) != (size, size):
                    self._fetch(moves)
                    self.steps.append(_Scale(size))
                    self.shape = (channels, size, size)
                case ColorJitter(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue):
                    self._fetch(moves)
                    self.steps.append(Jitter(brightness, contrast, saturation, hue))
        self._fetch(moves)

    def _leave(self, moves: list[Geometric]) -> None:
        if any(move.leaves for move in moves):
            self._fetch(moves)

    def _fetch(self, moves: list[Geometric]) -> None:
        if moves:
            self.steps.append(_Moves(tuple(moves)))
            moves.clear()

    def draw(self, count: int, generator: Generator) -> Drawn:
        """The parameters of `count` samples."""
        return tuple(step.draw(count, generator) for step in self.steps)

    def apply(self, images: Tensor, drawn: Drawn) -> Tensor:
        """The images as drawn for them: one row of parameters an image."""
        for step, parameters in zip(self.steps, drawn, strict=True):
            images = step.apply(images, parameters)
        return images
