"""What can go wrong on the way to a data set, in words for people."""

import errno
import shutil
from pathlib import Path

from labtui.datasets.info import DatasetSource
from labtui.errors import EnvironmentFault
from labtui.text.sizes import size

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOCKLESS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})
_ELSEWHERE = "use another data folder: --data DIR, or LABTUI_DATA."


class TransferFault(Exception):
    """An address did not give what was asked for. `final`: asking it again would not help."""

    def __init__(self, what: str, *, final: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.final = final


class BrokenOff(TransferFault):
    """The transfer ended in the middle: asking at once for the rest makes sense."""


class Silence(Exception):
    """Nothing came within the caller's patience."""


class FetchFault(EnvironmentFault):
    """A data set could not be fetched. `short` says why in one phrase without a full stop."""

    def __init__(self, message: str, *, short: str, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.short = short


def not_had(source: DatasetSource, root: Path, faults: dict[str, TransferFault], kept: str) -> FetchFault:
    """No address brought it: what each one did, what is kept, what to do."""
    lines = "".join(f"\n  {base} {fault.what}" for base, fault in faults.items())
    return FetchFault(
        f"{source.info.title} is not in {root} and could not be fetched:{lines}{kept}",
        short=_in_short(faults),
        advice=what_to_do(source, root),
    )


def link_in_the_way(source: DatasetSource, link: Path) -> FetchFault:
    """A folder below the data root is a symbolic link."""
    return FetchFault(
        f"{link} is a symbolic link; below the data folder none is followed. {source.info.title} was not fetched.",
        short=f"{link} is a symbolic link",
        advice="Point --data at the folder that really holds it, or remove the link.",
    )


def disk_fault(source: DatasetSource, root: Path, fault: OSError) -> FetchFault:
    """The disk refused something."""
    title, what = source.info.title, fault.strerror or str(fault)
    if fault.errno in _FULL:
        short = f"the disk that holds {root} is full ({what}; {_free(root)} are free)"
        kept = "What came before is kept, and the next try goes on from there."
        return FetchFault(
            f"{title} could not be fetched: {short}. {kept}", short=short, advice=f"Make room, or {_ELSEWHERE}"
        )
    if fault.errno in _LOCKLESS:
        short = f"the disk that holds {root} has no file locks, so two fetches at once would collide"
        return FetchFault(f"{title} was not fetched: {short}.", short=short, advice=_ELSEWHERE.capitalize())
    short = f"{root} cannot be written ({what})"
    return FetchFault(
        f"{title} could not be fetched: {short}.", short=short, advice=f"Make it writable, or {_ELSEWHERE}"
    )


def what_to_do(source: DatasetSource, root: Path) -> str:
    """How to come by a data set that is not here."""
    if source.remote is None:
        return ""
    names = ", ".join(file.name for file in source.remote.downloads)
    base = source.remote.bases[-1]
    target = root if source.remote.archive else source.folder(root)
    return (
        f"Fetch it, however long it takes: labtui data get {source.info.name}\n"
        f"By hand: put {names} (from {base}) into {target}, then say labtui data get {source.info.name}\n"
        "Or point at a folder that has it: --data DIR, or LABTUI_DATA."
    )


def _in_short(faults: dict[str, TransferFault]) -> str:
    """What the addresses did, in one phrase."""
    told = {_host(base): fault.what for base, fault in faults.items()}
    whats = set(told.values())
    if not told:
        return "there was no time to ask any address"
    if len(whats) == 1 and len(told) > 1:
        return f"each of {len(told)} addresses {whats.pop()}"
    return "; ".join(f"{host} {what}" for host, what in told.items())


def _host(base: str) -> str:
    return base.split("/")[2] if "://" in base else base


def _free(root: Path) -> str:
    try:
        return size(shutil.disk_usage(root).free)
    except OSError:
        return "no bytes that can be counted"
