"""Data sets: which there are, where they lie, how they come here, and which one a run gets. No torch."""

from labtui.datasets.decision import Decision, decide
from labtui.datasets.faults import FetchFault
from labtui.datasets.fetching import Progress, fetch
from labtui.datasets.info import DatasetInfo, Images, subset_size
from labtui.datasets.listing import DatasetRow, StatisticsRow, listing, statistics_rows
from labtui.datasets.loading import load
from labtui.datasets.location import find_data_root
from labtui.datasets.measuring import Statistics, statistics
from labtui.datasets.registered import get, registry
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
    "is_present",
    "listing",
    "load",
    "registry",
    "statistics",
    "statistics_rows",
    "subset_size",
]
