"""What is trained in the bench: images of CIFAR-10, and entries of the built-in catalog, made smaller if needed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labtui import datasets
from labtui.api.resolve import on_dataset
from labtui.catalog import builtin_path, load, override
from labtui.datasets import DatasetInfo
from labtui.datasets.info import Images
from labtui.spec import RunSpec

CIFAR = "cifar10"
TRAIN, TEST, CLASSES = 50_000, 10_000, 10


def load_images(root: str | None) -> Images:
    """All images of CIFAR-10 below a data root, else random ones: no loop's speed depends on their content."""
    if root is not None:
        return datasets.load(CIFAR, Path(root))
    generator = np.random.default_rng(0)

    def pixels(count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        return generator.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)

    def labels(count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
        return generator.integers(0, CLASSES, count, dtype=np.int64)

    return Images(train=pixels(TRAIN), train_labels=labels(TRAIN), test=pixels(TEST), test_labels=labels(TEST))


def make_spec(name: str, overrides: Sequence[str] = (), dataset: str = CIFAR) -> RunSpec:
    """The spec of a catalog entry (`network`, `adam@0.001`), ready to run, with overrides."""
    catalog = load(builtin_path(), builtin=True, datasets=datasets.known_datasets().keys())
    (variant,) = catalog.select([name])
    spec = override(variant.spec, overrides)
    assert isinstance(spec, RunSpec)
    return on_dataset(spec, dataset_info(dataset))


def run_names() -> tuple[str, ...]:
    """The report's 13 runs, by their names in the catalog."""
    catalog = load(builtin_path(), builtin=True, datasets=datasets.known_datasets().keys())
    return tuple(variant.spec.name for variant in catalog.variants)


def dataset_info(name: str) -> DatasetInfo:
    """The metadata of a data set."""
    return datasets.get(name)
