"""Random erasing of whole batches (Zhong et al., arXiv 1708.04896), drawn as torchvision's RandomErasing does."""

import torch
from torch import Generator, Tensor

from labtui.spec import RandomErasing

_ATTEMPTS = 10
"""Rectangles that are tried for an image; if none of them fits into it, nothing is erased."""


class Erase:
    """Fills a rectangle of each image, with a probability."""

    def __init__(self, spec: RandomErasing, height: int, width: int) -> None:
        self.spec = spec
        self.height = height
        self.width = width

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Left, right, top and bottom (right and bottom exclusive) of `count` rectangles: int32, empty ones are 0."""
        shape = (count, _ATTEMPTS)
        area = self.height * self.width * _uniform(shape, *self.spec.scale, generator)
        logs = torch.tensor(self.spec.ratio, dtype=torch.float64).log().tolist()
        ratio = _uniform(shape, logs[0], logs[1], generator).exp()
        heights, widths = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (heights < self.height) & (widths < self.width)
        chosen = fits.int().argmax(dim=1, keepdim=True)
        high, wide = heights.gather(1, chosen), widths.gather(1, chosen)
        left = (torch.rand(count, 1, generator=generator, dtype=torch.float64) * (self.width - wide + 1)).floor()
        top = (torch.rand(count, 1, generator=generator, dtype=torch.float64) * (self.height - high + 1)).floor()
        erased = fits.any(dim=1, keepdim=True) & (torch.rand(count, 1, generator=generator) < self.spec.p)
        return (torch.cat((left, left + wide, top, top + high), dim=1) * erased).int()

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Images (n, channels, h, w) of bytes with their rectangles filled."""
        left, right, top, bottom = drawn.to(images.device).view(-1, 4, 1, 1).unbind(1)
        columns = torch.arange(self.width, device=images.device)
        rows = torch.arange(self.height, device=images.device).unsqueeze(1)
        erased = (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
        return images.masked_fill(erased.unsqueeze(1), round(255 * self.spec.value))


def _uniform(shape: tuple[int, int], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)
