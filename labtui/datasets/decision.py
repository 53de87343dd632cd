"""Which data set a run gets: the wanted one where it can be had in time, else the one declared to stand in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labtui.datasets.deadline import Terms
from labtui.datasets.fetch_errors import FetchFault
from labtui.datasets.fetching import Progress, fetch_source
from labtui.datasets.registry import source_of
from labtui.datasets.verification import check, describe
from labtui.errors import EnvironmentFault
from labtui.text.clean import clean_line

LIMIT = 300.0
"""Seconds: a data set that takes longer in all counts as one that cannot be had."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The data set that a run gets."""

    name: str
    fallback: bool
    wanted: str
    why: str
    """With a fallback: why the wanted one is not to be had, as one sentence; empty otherwise."""


def decide(
    wanted: str,
    offline: str | None,
    root: Path,
    *,
    pinned: bool,
    deadline: float = 10.0,
    limit: float = LIMIT,
    progress: Progress | None = None,
    addresses: Sequence[str] | None = None,
) -> Decision:
    """The wanted data set, fetched into `root` if need be, or else `offline`.

    Within `deadline` seconds it is known whether some address can bring everything within `limit` seconds. What is
    `pinned`, or has no `offline` stand-in, never falls back: EnvironmentFault, with what to do. Raises UsageError for
    unknown names.
    """
    source = source_of(wanted)
    stand_in = source_of(offline).info.name if offline and offline != wanted and not pinned else None
    flaws = check(source, root)
    if flaws:
        try:
            rounds = (Terms(judge=deadline, whole=limit),)
            fetch_source(source, root, rounds=rounds, progress=progress, addresses=addresses)
        except EnvironmentFault as fault:
            if stand_in is None:
                raise
            damage = [flaw for flaw in flaws if flaw.what != "missing"]
            state = f"in {source.folder(root)} {describe(damage)}, and " if damage else ""
            reason = fault.short if isinstance(fault, FetchFault) else fault.message.rstrip(".")
            why = clean_line(f"{state}it cannot be fetched: {reason}.")
            return Decision(name=stand_in, fallback=True, wanted=wanted, why=why)
    return Decision(name=wanted, fallback=False, wanted=wanted, why="")
