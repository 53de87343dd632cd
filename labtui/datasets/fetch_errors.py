"""What can go wrong when a data set is fetched, in words for people."""

import errno
import shutil
from pathlib import Path

from labtui.datasets.info import DatasetSource
from labtui.errors import MachineError
from labtui.text.sizes import size

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOCKLESS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})
_ELSEWHERE = "use another data folder: --data DIR, or LABTUI_DATA."


class TransferError(Exception):
    """An address did not send what was asked for. `final`: asking it again would not help."""

    def __init__(self, what: str, *, final: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.final = final


class BrokenOff(TransferError):
    """The transfer ended before the end of the file: asking at once for the rest makes sense."""


class FetchError(MachineError):
    """A data set could not be fetched. `short` says why in one phrase without a full stop."""

    def __init__(self, message: str, *, short: str, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.short = short


def not_fetched(source: DatasetSource, root: Path, errors: dict[str, TransferError], received: str) -> FetchError:
    """No address sent it: what each address did, what was received so far, what to do."""
    lines = "".join(f"\n  {base} {error.what}" for base, error in errors.items())
    return FetchError(
        f"{source.info.title} is not in {root} and could not be fetched:{lines}{received}",
        short=_in_short(errors),
        advice=what_to_do(source, root),
    )


def is_a_link(source: DatasetSource, link: Path) -> FetchError:
    """A folder below the data folder is a symbolic link."""
    short = f"{link} is a symbolic link"
    message = f"{short}. Links below the data folder are not followed, so {source.info.title} was not fetched."
    return FetchError(
        message, short=short, advice="Use --data with the folder that holds the data, or remove the link."
    )


def disk_error(source: DatasetSource, root: Path, error: OSError) -> FetchError:
    """The disk refused something."""
    title, what = source.info.title, error.strerror or str(error)
    if error.errno in _FULL:
        short = f"the disk that holds {root} is full ({what}; {_free(root)} are free)"
        message = f"{title} could not be fetched: {short}. The partial download is kept; the next attempt resumes it."
        return FetchError(message, short=short, advice=f"Free some space, or {_ELSEWHERE}")
    if error.errno in _LOCKLESS:
        short = f"the disk that holds {root} has no file locks, so two downloads at once would collide"
        return FetchError(f"{title} was not fetched: {short}.", short=short, advice=_ELSEWHERE.capitalize())
    short = f"{root} cannot be written ({what})"
    message = f"{title} could not be fetched: {short}."
    return FetchError(message, short=short, advice=f"Make it writable, or {_ELSEWHERE}")


def what_to_do(source: DatasetSource, root: Path) -> str:
    """How to get a data set that is not here."""
    if source.remote is None:
        return ""
    names = ", ".join(file.name for file in source.remote.downloads)
    target = root if source.remote.archive else source.folder(root)
    return (
        f"To download it without a time limit: labtui data get {source.info.name}\n"
        f"Manually: put {names} (from {source.remote.bases[-1]}) into {target}, "
        f"then run labtui data get {source.info.name}\n"
        "Or use a folder that has it: --data DIR, or LABTUI_DATA."
    )


def _in_short(errors: dict[str, TransferError]) -> str:
    """What the addresses did, in one phrase."""
    by_host = {base.split("/")[2] if "://" in base else base: error.what for base, error in errors.items()}
    if not by_host:
        return "the time limit expired before any address could be tried"
    if len(by_host) > 1 and len(set(by_host.values())) == 1:
        return f"each of {len(by_host)} addresses {next(iter(by_host.values()))}"
    return "; ".join(f"{host} {what}" for host, what in by_host.items())


def _free(root: Path) -> str:
    try:
        return size(shutil.disk_usage(root).free)
    except OSError:
        return "an unknown number of bytes"
