"""Color jitter of whole batches, with separate factors and a separate order for each image.

Brightness, contrast and saturation are PIL's: a blend of the image with black, its mean gray or its gray image, in 8
bits, truncated towards zero. The results are exact, since float32 represents every integer below 2^24. Hue is
torchvision's tensor kernel in closed form: PIL's conversion through 8-bit HSV loses up to 17 levels.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
"""The indices of the four adjustments."""

_GRAY_WEIGHTS = (19_595 / 65_536, 38_470 / 65_536, 7_471 / 65_536)
"""PIL's weights of red, green and blue; exact in float32, as are their products with whole levels."""

_TO_LEVELS = 255.999 / 255.0
"""torchvision's scale from 0..1 to 8 bits, for values that are already in 0..255."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """Each strength s draws a factor from max(0, 1-s) to 1+s; `hue` draws a shift from -hue to hue, in turns."""

    brightness: float
    contrast: float
    saturation: float
    hue: float

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Per image the four factors, then the order in which they are applied: float32, eight columns."""
        unit = torch.rand(count, 4, generator=generator)
        strengths = torch.tensor((self.brightness, self.contrast, self.saturation))
        low, high = (1 - strengths).clamp_min(0), 1 + strengths
        factors = torch.cat((low + unit[:, :3] * (high - low), (2 * unit[:, 3:] - 1) * self.hue), dim=1)
        order = torch.rand(count, 4, generator=generator).argsort(dim=1)
        return torch.cat((factors, order.float()), dim=1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Apply the drawn adjustments to images (uint8, (n, 3, h, w)); hue does not apply to a single channel.

        Images are sorted by the number of adjustments before their hue, highest first: the hue of all images is then
        one operation, with the adjustments of the first images before it and those of the last images after it.
        """
        factors, order = drawn[:, :4], drawn[:, 4:].long()
        turn = (order == HUE).int().argmax(dim=1)
        by_turn = turn.argsort(descending=True, stable=True)
        factors, order = factors[by_turn], order[by_turn]
        more_than = [int((turn > k).sum()) for k in range(3)]
        planes = images.index_select(0, by_turn.to(images.device)).float().flatten(2)
        for k, end in enumerate(more_than):
            _blend(planes[:end], factors[:end], order[:end, k])
        if self.hue > 0 and images.shape[1] == 3:
            shift_hue(planes, factors[:, HUE])
        for k, start in enumerate(more_than, start=1):
            _blend(planes[start:], factors[start:], order[start:, k])
        inverse = by_turn.argsort().to(images.device)
        levels = planes.view(images.shape).to(torch.uint8, memory_format=torch.channels_last)
        return levels.permute(0, 2, 3, 1).index_select(0, inverse).permute(0, 3, 1, 2)


def _blend(planes: Tensor, factors: Tensor, kinds: Tensor) -> None:
    """Blend each image in place with black, its mean gray or its gray image, depending on `kinds`."""
    if not len(planes):
        return
    device = planes.device
    chosen = factors.gather(1, kinds.view(-1, 1)).view(-1, 1, 1).to(device)
    base = gray(planes)
    mean = (base.mean(dim=2, keepdim=True) + 0.5).floor_()
    base *= (kinds == SATURATION).float().view(-1, 1, 1).to(device)
    base += mean * (kinds == CONTRAST).float().view(-1, 1, 1).to(device)
    planes -= base
    planes *= chosen
    planes += base
    planes.clamp_(0, 255).floor_()


def gray(planes: Tensor) -> Tensor:
    """PIL's 8-bit gray of levels (n, channels, pixels), as (n, 1, pixels)."""
    if planes.shape[1] == 1:
        return planes.clone()
    red, green, blue = _GRAY_WEIGHTS
    weighted = planes[:, 0:1] * red
    weighted.add_(planes[:, 1:2], alpha=green).add_(planes[:, 2:3], alpha=blue)
    return weighted.add_(0.5).floor_()


def shift_hue(planes: Tensor, turns: Tensor) -> None:
    """Shift the hue of levels (n, 3, pixels) in place by `turns` (n) of the color circle, back to whole levels."""
    red, green, blue = planes.unbind(1)
    highest = torch.maximum(red, green)
    highest = torch.maximum(highest, blue, out=highest)
    lowest = torch.minimum(red, green)
    lowest = torch.minimum(lowest, blue, out=lowest)
    hue = _sextant(red, green, blue, highest, lowest)
    hue += turns.to(planes.device).view(-1, 1) * 6
    hue -= (hue / 6).floor_().mul_(6)
    shares = (hue - 3).abs_().sub_(1), (hue - 2).abs_().neg_().add_(2), hue.sub_(4).abs_().neg_().add_(2)
    spread = highest.sub_(lowest)
    for plane, share in zip((red, green, blue), shares, strict=True):
        share.clamp_(0, 1).mul_(spread).add_(lowest)
        torch.floor(share.mul_(_TO_LEVELS), out=plane)


def _sextant(red: Tensor, green: Tensor, blue: Tensor, highest: Tensor, lowest: Tensor) -> Tensor:
    """The hue in sextants of the color circle, -1 … 5, from the highest channel; arbitrary for gray pixels.

    The selection is a blend by 0 or 1: several times faster on a CPU than `where`.
    """
    scale = (highest - lowest).clamp_min_(1).reciprocal_()
    if_red = (green - blue).mul_(scale)
    if_green = (blue - red).mul_(scale).add_(2)
    if_blue = (red - green).mul_(scale).add_(4)
    is_green = (green - highest).eq_(0)
    is_red = (red - highest).eq_(0)
    return if_blue.lerp_(if_green, is_green).lerp_(if_red, is_red)
