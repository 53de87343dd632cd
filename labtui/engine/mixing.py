"""Mixup and cutmix of whole batches on the device, as torchvision.transforms.v2 defines them.

What is drawn for a batch depends only on the run's seed and the step, so a resumed run mixes the same images. Both are
one formula: each pixel is a weighted mean of the image and its neighbour in the batch, with one weight within a
rectangle and one outside. The parameters are a tensor, so that a captured step can read them from a fixed address.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from labtui.engine.rng import stream
from labtui.spec import Mix, MixUp


class Mixture(NamedTuple):
    """How the images of one batch are mixed: weights of the image itself, and a rectangle in pixels."""

    label: float
    """The weight of the image's own label."""
    outside: float
    inside: float
    left: int
    right: int
    """Exclusive, as is `bottom`."""
    top: int
    bottom: int


def draw_mixture(mixes: tuple[Mix, ...], seed: int, step: int, height: int, width: int) -> Mixture:
    """The mixture of optimizer step `step`: one of `mixes`, all equally likely."""
    generator = stream(seed, "mix", step)
    mix = mixes[int(torch.randint(len(mixes), (), generator=generator))]
    share = _beta(mix.alpha, generator)
    if isinstance(mix, MixUp):
        return Mixture(share, share, share, 0, 0, 0, 0)
    x = int(torch.randint(width, (), generator=generator))
    y = int(torch.randint(height, (), generator=generator))
    return cutmix(share, x, y, height, width)


def cutmix(share: float, x: int, y: int, height: int, width: int) -> Mixture:
    """The mixture with a rectangle around (x, y) from the other image, of area 1 - `share` before it is clipped."""
    half = 0.5 * math.sqrt(1 - share)
    half_width, half_height = int(half * width), int(half * height)
    left, right = max(0, x - half_width), min(width, x + half_width)
    top, bottom = max(0, y - half_height), min(height, y + half_height)
    own = 1 - (right - left) * (bottom - top) / (width * height)
    return Mixture(own, 1.0, 0.0, left, right, top, bottom)


def mix_images(images: Tensor, mixture: Tensor) -> Tensor:
    """Images (n, channels, h, w) of floats, each mixed with the one before it in the batch; `mixture` has 7 numbers."""
    _, outside, inside, left, right, top, bottom = mixture.unbind()
    columns = torch.arange(images.shape[3], device=images.device)
    rows = torch.arange(images.shape[2], device=images.device).unsqueeze(1)
    in_rectangle = (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
    own = torch.where(in_rectangle, inside, outside)
    return images * own + images.roll(1, 0) * (1 - own)


def _beta(alpha: float, generator: torch.Generator) -> float:
    """A number from Beta(alpha, alpha), from two gamma variates."""
    shapes = torch.full((2,), alpha, dtype=torch.float64)
    first, second = torch._standard_gamma(shapes, generator=generator).tolist()
    total: float = first + second
    return float(first / total) if total > 0 else 1.0
