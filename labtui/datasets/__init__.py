"""Data sets: which there are, where they are, how they are fetched, and which one a run gets. No torch.

Each part is imported when it is first used: who lists experiments does not pay for what fetches data sets.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labtui.datasets.fetch_errors import FetchError
    from labtui.datasets.fetching import Decision, Progress, decide, fetch
    from labtui.datasets.info import DatasetInfo, Images, subset_size
    from labtui.datasets.registry import DatasetRow, find_data_root, get, is_present, known_datasets, listing, load
    from labtui.datasets.statistics import Statistics, StatisticsRow, image_statistics, statistics_rows

OWN_KINDS = ("npz", "folder")
"""The names of data sets that are at `data.path`, described by `labtui.datasets.own`."""

__all__ = [
    "OWN_KINDS",
    "DatasetInfo",
    "DatasetRow",
    "Decision",
    "FetchError",
    "Images",
    "Progress",
    "Statistics",
    "StatisticsRow",
    "decide",
    "fetch",
    "find_data_root",
    "get",
    "image_statistics",
    "is_present",
    "known_datasets",
    "listing",
    "load",
    "statistics_rows",
    "subset_size",
]

_MODULES = {
    "fetch_errors": ("FetchError",),
    "fetching": ("Decision", "Progress", "decide", "fetch"),
    "info": ("DatasetInfo", "Images", "subset_size"),
    "registry": ("DatasetRow", "find_data_root", "get", "is_present", "known_datasets", "listing", "load"),
    "statistics": ("Statistics", "StatisticsRow", "image_statistics", "statistics_rows"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
