"""The images that loops are measured on: the real CIFAR-10, or random ones of its shape."""

from pathlib import Path

import numpy as np

from labtui import datasets
from labtui.datasets.info import Images

TRAIN, TEST, CLASSES = 50_000, 10_000, 10


def images(root: str | None) -> Images:
    """All images of CIFAR-10 below a data root, else random ones: no loop's speed depends on what they show."""
    if root is not None:
        return datasets.load("cifar10", Path(root))
    generator = np.random.default_rng(0)

    def pixels(count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        return generator.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)

    def labels(count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
        return generator.integers(0, CLASSES, count, dtype=np.int64)

    return Images(train=pixels(TRAIN), train_labels=labels(TRAIN), test=pixels(TEST), test_labels=labels(TEST))
