"""What is trained in the bench: entries of the catalog that comes with labtui, made smaller where a round needs it."""

from collections.abc import Sequence

from labtui import datasets
from labtui.api.resolve import on_dataset
from labtui.catalog import builtin_path, load, override
from labtui.datasets import DatasetInfo
from labtui.spec import RunSpec

CIFAR = "cifar10"


def recipe(name: str, assignments: Sequence[str] = (), dataset: str = CIFAR) -> RunSpec:
    """The spec of a catalog entry (`network`, `adam@0.001`), ready to run, with keys of it set otherwise."""
    catalog = load(builtin_path(), builtin=True, datasets=datasets.known_datasets().keys())
    (variant,) = catalog.select([name])
    return on_dataset(override(variant.spec, assignments), info(dataset))


def every_name() -> tuple[str, ...]:
    """The report's 13 runs, by the names of the catalog."""
    catalog = load(builtin_path(), builtin=True, datasets=datasets.known_datasets().keys())
    return tuple(variant.spec.name for variant in catalog.variants)


def info(name: str) -> DatasetInfo:
    """What is known about a data set."""
    return datasets.get(name)
