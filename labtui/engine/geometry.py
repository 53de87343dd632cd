"""Flip, rotation and crop of whole batches: each output pixel fetches one source pixel, so results are exact.

A transform maps the coordinates of output pixels to those of source pixels, with parameters per image. Several in a row
are one fetch: the maps are applied from the last transform to the first. Images lie in a black frame one pixel wide;
whatever leaves the image is held at the frame (coordinate -1, or the image's size), where it finds black.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Generator, Tensor

_FIXED = 16
"""Bits after the point in PIL's affine arithmetic."""


class Pixels(NamedTuple):
    """Where output pixels come from: int32 coordinates, broadcastable to (images, height, width)."""

    x: Tensor
    y: Tensor


class Geometric(Protocol):
    """A transform that moves pixels."""

    columns: ClassVar[int]
    """Parameters of one image."""
    leaves: ClassVar[bool]
    """Whether it can look outside the image. One fetch holds at most one of these: black must stay black."""

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Parameters of `count` images: int32, one row an image."""
        ...

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:
        """The pixels that these pixels of the transform's output are read from."""
        ...


@dataclass(frozen=True, slots=True)
class Flip:
    """Mirrors left to right with probability `p`."""

    columns: ClassVar[int] = 1
    leaves: ClassVar[bool] = False
    p: float

    def draw(self, count: int, generator: Generator) -> Tensor:
        """One column: 1 where the image is mirrored."""
        return (torch.rand(count, 1, generator=generator) < self.p).int()

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:  # noqa: ARG002 (one interface)
        """Mirrored columns; the frame's two sides change places."""
        mirrored = drawn.view(-1, 1, 1)
        return Pixels(pixels.x * (1 - 2 * mirrored) + mirrored * (width - 1), pixels.y)


@dataclass(frozen=True, slots=True)
class Rotate:
    """Rotates about the centre by an angle drawn from -`degrees` to `degrees`; what comes from outside is black.

    The arithmetic is PIL's for `Image.rotate(angle)` with the nearest neighbour: the inverse map in 16.16 fixed point,
    evaluated at pixel centres. `width` and `height` of the image in pixels.
    """

    columns: ClassVar[int] = 6
    leaves: ClassVar[bool] = True
    degrees: float
    width: int
    height: int

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Six columns: the inverse affine map in fixed point."""
        unit = torch.rand(count, generator=generator, dtype=torch.float64)
        return self.coefficients((2 * unit - 1) * self.degrees)

    def coefficients(self, angles: Tensor) -> Tensor:
        """The fixed-point maps (int32, six a row) of angles (float64) in degrees, counter-clockwise."""
        radians = -torch.remainder(angles, 360.0) * (math.pi / 180.0)
        # Where an angle is a multiple of 90 degrees, a cosine of 6e-17 has to be 0: PIL rounds to 15 digits.
        cosine, sine = torch.round(radians.cos(), decimals=15), torch.round(radians.sin(), decimals=15)
        half_width, half_height = self.width / 2, self.height / 2
        shift_x = half_width - cosine * half_width - sine * half_height
        shift_y = half_height + sine * half_width - cosine * half_height
        rows = (cosine, sine, shift_x + cosine / 2 + sine / 2, -sine, cosine, shift_y - sine / 2 + cosine / 2)
        return torch.stack(rows, dim=1).mul_(1 << _FIXED).add_(0.5).floor_().int()

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:
        """The nearest source pixels."""
        a, b, c, d, e, f = drawn.view(-1, 6, 1, 1).unbind(1)
        x = (a * pixels.x + c) + b * pixels.y
        y = (d * pixels.x + f) + e * pixels.y
        x >>= _FIXED
        y >>= _FIXED
        return Pixels(x.clamp_(-1, width), y.clamp_(-1, height))


@dataclass(frozen=True, slots=True)
class Crop:
    """Pads by `padding` black pixels on each side and cuts the original size out at a place drawn uniformly."""

    columns: ClassVar[int] = 2
    leaves: ClassVar[bool] = True
    padding: int

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Two columns: how far the cut lies to the right of and below the unpadded image, in pixels."""
        return torch.randint(-self.padding, self.padding + 1, (count, 2), generator=generator, dtype=torch.int32)

    def source(self, pixels: Pixels, drawn: Tensor, width: int, height: int) -> Pixels:
        """Shifted coordinates."""
        x = pixels.x + drawn[:, 0].view(-1, 1, 1)
        y = pixels.y + drawn[:, 1].view(-1, 1, 1)
        return Pixels(x.clamp_(-1, width), y.clamp_(-1, height))


def fetch(images: Tensor, moves: Sequence[tuple[Geometric, Tensor]]) -> Tensor:
    """The images (uint8, (n, channels, h, w)) with the transforms, given with their parameters, applied in order."""
    count, channels, height, width = images.shape
    framed = torch.zeros(count, channels, height + 2, width + 2, dtype=torch.uint8, device=images.device)
    framed[:, :, 1:-1, 1:-1] = images
    pixels = Pixels(
        torch.arange(width, dtype=torch.int32, device=images.device).view(1, 1, -1),
        torch.arange(height, dtype=torch.int32, device=images.device).view(1, -1, 1),
    )
    for transform, drawn in reversed(moves):
        pixels = transform.source(pixels, drawn.to(images.device), width, height)
    places = (pixels.y + 1) * (width + 2) + (pixels.x + 1)
    indices = places.long().expand(count, height, width).reshape(count, 1, height * width).expand(-1, channels, -1)
    return framed.view(count, channels, -1).gather(2, indices).view(count, channels, height, width)
