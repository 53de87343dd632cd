"""The data sets that labtui knows: every module of `labtui.datasets.sets`, each of which defines `SOURCE`."""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from labtui.datasets import sets
from labtui.datasets.info import DatasetInfo, DatasetSource
from labtui.errors import UsageError
from labtui.text.clean import clean_line


@cache
def sources() -> Mapping[str, DatasetSource]:
    """All data sets by name, in the order of their titles."""
    modules = (
        importlib.import_module(f"{sets.__name__}.{module.name}") for module in pkgutil.iter_modules(sets.__path__)
    )
    found: list[DatasetSource] = sorted(
        (module.SOURCE for module in modules), key=lambda source: source.info.title.lower()
    )
    return MappingProxyType({source.info.name: source for source in found})


def known_datasets() -> Mapping[str, DatasetInfo]:
    """What is known about every data set, by name."""
    return MappingProxyType({name: source.info for name, source in sources().items()})


def source_of(name: str) -> DatasetSource:
    """The data set of this name. Raises UsageError with the nearest names."""
    known = sources()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"There is no data set {clean_line(name, 60)!r}.{guess}", advice=f"Data sets: {', '.join(known)}.")


def get(name: str) -> DatasetInfo:
    """What is known about one data set. Raises UsageError with the nearest names."""
    return source_of(name).info
