"""Fetching a data set, and choosing another one where it cannot be fetched in time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labtui.datasets.deadline import Limits
from labtui.datasets.fetch_errors import FetchError, disk_error
from labtui.datasets.info import DatasetSource
from labtui.datasets.registry import source_of
from labtui.datasets.verification import check, describe
from labtui.errors import MachineError
from labtui.text.clean import clean_line

Progress = Callable[[int, int], None]
"""Called with the bytes received so far and the bytes of everything."""

BRISK = Limits(decide=30.0, total=300.0)
"""The first round of a fetch without a deadline: the first address that is fast enough is taken."""

PATIENT = Limits()
"""The second round: the fastest address, however slow."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The data set that a run gets."""

    name: str
    fallback: bool
    requested: str
    why: str
    """With a fallback: why the requested one is not available, as one sentence; empty otherwise."""


def decide(
    requested: str,
    offline: str | None,
    root: Path,
    *,
    pinned: bool,
    deadline: float = 10.0,
    limit: float = BRISK.total,
    progress: Progress | None = None,
    addresses: Sequence[str] | None = None,
) -> Decision:
    """The requested data set, fetched into `root` if it is not there, or else `offline`.

    Within `deadline` seconds it is known whether some address can send everything within `limit` seconds. A `pinned`
    data set, or one without `offline`, is never replaced: MachineError, with what to do. Raises UsageError for
    unknown names.
    """
    source = source_of(requested)
    fallback = source_of(offline).info.name if offline and offline != requested and not pinned else None
    flaws = check(source, root)
    if flaws:
        try:
            rounds = (Limits(decide=deadline, total=limit),)
            fetch_source(source, root, rounds=rounds, progress=progress, addresses=addresses)
        except MachineError as error:
            if fallback is None:
                raise
            damage = [flaw for flaw in flaws if flaw.what != "missing"]
            state = f"in {source.folder(root)} {describe(damage)}, and " if damage else ""
            reason = error.short if isinstance(error, FetchError) else error.message.rstrip(".")
            why = clean_line(f"{state}it cannot be fetched: {reason}.")
            return Decision(name=fallback, fallback=True, requested=requested, why=why)
    return Decision(name=requested, fallback=False, requested=requested, why="")


def fetch(
    name: str,
    root: Path,
    *,
    progress: Progress | None = None,
    deadline: float | None = None,
    limit: float = BRISK.total,
    addresses: Sequence[str] | None = None,
) -> None:
    """Fetch what is missing or damaged of a data set's files below the data folder `root`; good files stay untouched.

    Without `deadline`, a slow address is used where no fast one is found. With it, some address must show within
    `deadline` seconds that everything can be here within `limit` seconds. `addresses` (each ends in `/`) replace the
    registered ones. Raises FetchError, with what was received kept for the next try, and UsageError for an unknown
    name.
    """
    rounds = (BRISK, PATIENT) if deadline is None else (Limits(decide=deadline, total=limit),)
    fetch_source(source_of(name), root, rounds=rounds, progress=progress, addresses=addresses)


def fetch_source(
    source: DatasetSource,
    root: Path,
    *,
    rounds: Sequence[Limits],
    progress: Progress | None = None,
    addresses: Sequence[str] | None = None,
) -> None:
    """`fetch` with limits for each round."""
    if source.remote is None or not check(source, root):
        return
    from labtui.datasets.fetch_job import FetchJob  # deferred: httpx costs 0.1 s, and only a fetch needs it

    job = FetchJob(source, source.remote, root, rounds, progress or (lambda _received, _total: None), addresses)
    try:
        root.mkdir(parents=True, exist_ok=True)
        job.run()
    except OSError as error:
        raise disk_error(source, root, error) from error
