"""Fetching a data set, or finding out that it cannot be had in time."""

from collections.abc import Callable, Sequence
from pathlib import Path

from labtui.datasets.deadline import Terms
from labtui.datasets.fetch_errors import disk_fault
from labtui.datasets.info import DatasetSource
from labtui.datasets.registry import source_of
from labtui.datasets.verification import check

Progress = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes that are wanted in all."""

BRISK = Terms(judge=30.0, whole=300.0)
"""The first round of a fetch without a deadline: the first address that is fast enough is taken."""

PATIENT = Terms()
"""The second round: the fastest address, however slow."""


def fetch(
    name: str,
    root: Path,
    *,
    progress: Progress | None = None,
    deadline: float | None = None,
    limit: float = BRISK.whole,
    addresses: Sequence[str] | None = None,
) -> None:
    """Have a data set's files, all of them right, below the data folder `root`. Files that are right stay untouched.

    Without `deadline`, a slow address is put up with where no fast one is found. With it, some address must show within
    `deadline` seconds that everything can be here within `limit` seconds. `addresses` stand in for the registered ones
    (each ends in `/`). Raises FetchFault, with what was brought kept for the next try, and UsageError for an unknown
    name.
    """
    rounds = (BRISK, PATIENT) if deadline is None else (Terms(judge=deadline, whole=limit),)
    fetch_source(source_of(name), root, rounds=rounds, progress=progress, addresses=addresses)


def fetch_source(
    source: DatasetSource,
    root: Path,
    *,
    rounds: Sequence[Terms],
    progress: Progress | None = None,
    addresses: Sequence[str] | None = None,
) -> None:
    """`fetch`, on terms of its own."""
    if source.remote is None or not check(source, root):
        return
    from labtui.datasets.fetch_job import (
        FetchJob,  # here: HTTP and TLS cost 50 ms, and a list of data sets needs neither
    )

    job = FetchJob(source, source.remote, root, rounds, progress or _ignore, addresses)
    try:
        root.mkdir(parents=True, exist_ok=True)
        job.run()
    except OSError as fault:
        raise disk_fault(source, root, fault) from fault


def _ignore(_done: int, _total: int) -> None:
    """Where nobody wants to know."""
