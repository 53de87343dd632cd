"""Small sets of a user's own images: a NumPy archive and class folders."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def arrays(train: int = 60, test: int = 20, shape: tuple[int, ...] = (12, 20), classes: int = 3) -> dict[str, Any]:
    """Images of noise around a shade of each class, and their labels."""
    generator = np.random.default_rng(0)
    shades = np.linspace(40, 200, classes)
    found: dict[str, Any] = {}
    for part, count in (("train", train), ("test", test)):
        labels = np.arange(count) % classes
        shade = shades[labels].reshape(-1, *([1] * len(shape)))
        found[f"x_{part}"] = (shade + generator.integers(-30, 30, (count, *shape))).astype(np.uint8)
        found[f"y_{part}"] = labels
    return found


def write_folder(root: Path, *, train: int = 12, test: int = 6, size: tuple[int, int] = (24, 24)) -> Path:
    """Class folders with PNG and JPEG files of two classes; `size` is (width, height)."""
    generator = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        for number in range(count):
            name = "cat" if number % 2 else "dog"
            folder = root / part / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 100, (size[1], size[0], 3)) + 150 * (number % 2)
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / f"{number}.{'png' if number % 3 else 'JPG'}", format=None if number % 3 else "JPEG")
    return root
