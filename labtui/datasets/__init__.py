"""Data sets: which there are, where they lie, how they come here, and which one a run gets. No torch.

The parts are loaded when they are first asked for: who lists experiments does not pay for what fetches data sets.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labtui.datasets.decision import Decision, decide
    from labtui.datasets.fetch_errors import FetchFault
    from labtui.datasets.fetching import Progress, fetch
    from labtui.datasets.info import DatasetInfo, Images, subset_size
    from labtui.datasets.listing import DatasetRow, StatisticsRow, listing, statistics_rows
    from labtui.datasets.loading import load
    from labtui.datasets.location import find_data_root
    from labtui.datasets.registry import get, known_datasets
    from labtui.datasets.statistics import Statistics, image_statistics
    from labtui.datasets.verification import is_present

__all__ = [
    "DatasetInfo",
    "DatasetRow",
    "Decision",
    "FetchFault",
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

_HOMES = {
    "DatasetInfo": "info",
    "DatasetRow": "listing",
    "Decision": "decision",
    "FetchFault": "fetch_errors",
    "Images": "info",
    "Progress": "fetching",
    "Statistics": "statistics",
    "StatisticsRow": "listing",
    "decide": "decision",
    "fetch": "fetching",
    "find_data_root": "location",
    "get": "registry",
    "is_present": "verification",
    "listing": "listing",
    "load": "loading",
    "known_datasets": "registry",
    "image_statistics": "statistics",
    "statistics_rows": "listing",
    "subset_size": "info",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
