"""A user's own transform, applied image by image on the CPU.

Each image has a seed of its own in each epoch, drawn like the parameters of any other transform, with which the
generators of torch, numpy and Python are seeded for its call. So what a transform draws depends on the run's seed, the
epoch and the image alone, and a resumed run draws the same.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from labtui.engine.lab_import import call, definition, guarded
from labtui.errors import UsageError
from labtui.lab_code import FOLDER
from labtui.spec import LabTransform


class LabStep:
    """A transform of `lab/transforms.py`."""

    def __init__(self, spec: LabTransform, folder: Path) -> None:
        """Import it from the catalog's folder. Raises MachineError, UsageError or LabCodeError."""
        found = definition(folder, "transforms", spec.use, spec.source)
        self.name = spec.use
        self._folder = folder / FOLDER
        self._transform: Callable[[Tensor], Any]
        if isinstance(found, type):
            self._transform = call(folder, found, spec.arguments, {"folder": folder})
        else:
            self._transform = partial(found, **spec.arguments)

    def draw(self, count: int, generator: Generator) -> Tensor:
        """A seed for each of `count` images."""
        return torch.randint(2**31, (count, 1), generator=generator)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """The images (n, channels, h, w) of bytes, each transformed with its seed."""
        with _kept_generators():
            made = [self._one(image, int(seed)) for image, seed in zip(images.cpu(), drawn, strict=True)]
        return torch.stack(made).to(images.device)

    def _one(self, image: Tensor, seed: int) -> Tensor:
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        made = guarded(self._folder, lambda: self._transform(image))
        if not isinstance(made, Tensor) or made.dtype != torch.uint8 or made.shape != image.shape:
            found = f"{tuple(made.shape)} of {made.dtype}" if isinstance(made, Tensor) else type(made).__name__
            raise UsageError(
                f"lab/transforms.py: {self.name} gives {found} for an image {tuple(image.shape)} of torch.uint8: it "
                "must keep shape and type."
            )
        return made


@contextmanager
def _kept_generators() -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])
