"""Flip, rotation and crop of whole batches: each output pixel copies one source pixel, so results are exact.

A transform maps the coordinates of output pixels to those of source pixels, with parameters per image. Several in a row
are one gather: the maps are applied from the last transform to the first. Images are padded with a black frame one
pixel wide; coordinates outside the image are clamped to the frame (-1, or the image's size), where pixels are black.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Generator, Tensor

_FIXED_POINT_BITS = 16
"""Fractional bits in PIL's affine arithmetic."""


class Pixels(NamedTuple):
    """Source coordinates of output pixels: int32, broadcastable to (images, height, width)."""

    x: Tensor
    y: Tensor


class GeometricTransform(Protocol):
    """A transform that moves pixels."""

    columns: ClassVar[int]
    """Number of parameters per image."""
    reads_outside: ClassVar[bool]
    """Whether it can read outside the image. A gather contains at most one of these: black must stay black."""

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Parameters of `count` images: int32, one row per image."""
        ...

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:
        """The source pixels of these pixels of the transform's output."""
        ...


@dataclass(frozen=True, slots=True)
class Flip:
    """Mirrors left to right with probability `p`."""

    columns: ClassVar[int] = 1
    reads_outside: ClassVar[bool] = False
    p: float

    def draw(self, count: int, generator: Generator) -> Tensor:
        """One column: 1 where the image is mirrored."""
        return (torch.rand(count, 1, generator=generator) < self.p).int()

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:  # noqa: ARG002 (interface)
        """Mirrored columns; the two sides of the frame are swapped."""
        mirrored = drawn.view(-1, 1, 1)
        return Pixels(pixels.x * (1 - 2 * mirrored) + mirrored * (width - 1), pixels.y)


@dataclass(frozen=True, slots=True)
class Rotate:
    """Rotates about the center by an angle drawn from -`degrees` to `degrees`; pixels from outside are black.

    The arithmetic is PIL's for `Image.rotate(angle)` with the nearest neighbour: the inverse map in 16.16 fixed point,
    evaluated at pixel centres. `width` and `height` of the image in pixels.
    """

    columns: ClassVar[int] = 6
    reads_outside: ClassVar[bool] = True
    degrees: float
    width: int
    height: int

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Six columns: the inverse affine map in fixed point."""
        unit = torch.rand(count, generator=generator, dtype=torch.float64)
        return self.coefficients((2 * unit - 1) * self.degrees)

    def coefficients(self, angles: Tensor) -> Tensor:
        """The fixed-point maps (int32, six per row) of angles (float64) in degrees, counter-clockwise."""
        radians = -torch.remainder(angles, 360.0) * (math.pi / 180.0)
        # For multiples of 90 degrees, a cosine of 6e-17 has to be 0: PIL rounds to 15 digits.
        cosine, sine = torch.round(radians.cos(), decimals=15), torch.round(radians.sin(), decimals=15)
        half_width, half_height = self.width / 2, self.height / 2
        shift_x = half_width - cosine * half_width - sine * half_height
        shift_y = half_height + sine * half_width - cosine * half_height
        rows = (cosine, sine, shift_x + cosine / 2 + sine / 2, -sine, cosine, shift_y - sine / 2 + cosine / 2)
        return torch.stack(rows, dim=1).mul_(1 << _FIXED_POINT_BITS).add_(0.5).floor_().int()

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:
        """The nearest source pixels."""
        a, b, c, d, e, f = drawn.view(-1, 6, 1, 1).unbind(1)
        x = (a * pixels.x + c) + b * pixels.y
        y = (d * pixels.x + f) + e * pixels.y
        x >>= _FIXED_POINT_BITS
        y >>= _FIXED_POINT_BITS
        return Pixels(x.clamp_(-1, width), y.clamp_(-1, height))


@dataclass(frozen=True, slots=True)
class Crop:
    """Pads by `padding` black pixels on each side and crops the original size at a uniformly drawn position."""

    columns: ClassVar[int] = 2
    reads_outside: ClassVar[bool] = True
    padding: int

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Two columns: the offset of the crop to the right and down from the unpadded image, in pixels."""
        return torch.randint(-self.padding, self.padding + 1, (count, 2), generator=generator, dtype=torch.int32)

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:
        """Shifted coordinates."""
        x = pixels.x + drawn[:, 0].view(-1, 1, 1)
        y = pixels.y + drawn[:, 1].view(-1, 1, 1)
        return Pixels(x.clamp_(-1, width), y.clamp_(-1, height))


def gather_pixels(images: Tensor, transforms: Sequence[tuple[GeometricTransform, Tensor]]) -> Tensor:
    """Apply transforms, given with their parameters, in order to images (uint8, (n, channels, h, w))."""
    count, channels, height, width = images.shape
    framed = torch.zeros(count, channels, height + 2, width + 2, dtype=torch.uint8, device=images.device)
    framed[:, :, 1:-1, 1:-1] = images
    pixels = Pixels(
        torch.arange(width, dtype=torch.int32, device=images.device).view(1, 1, -1),
        torch.arange(height, dtype=torch.int32, device=images.device).view(1, -1, 1),
    )
    for transform, drawn in reversed(transforms):
        pixels = transform.source(pixels, drawn.to(images.device), width, height)
    flat = (pixels.y + 1) * (width + 2) + (pixels.x + 1)
    indices = flat.long().expand(count, height, width).reshape(count, 1, height * width).expand(-1, channels, -1)
    return framed.view(count, channels, -1).gather(2, indices).view(count, channels, height, width)
