"""Making and moving folders below a root without ever passing through a symbolic link.

Each part is opened relative to the folder before it, so a link that appears between a check and its use is refused too.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from labtui.errors import EnvironmentFault, LabError

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class OutsideRoot(LabError):
    """A path that leads, or could lead, out of the runs folder."""


@contextmanager
def opened(root: Path, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder `parts` below `root`; the root itself may be a symbolic link.

    With `make`, what is missing is made. Raises OutsideRoot where a part is a link, FileNotFoundError, other OSErrors.
    """
    if make:
        root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, _OPEN_FOLDER)
    try:
        for part in parts:
            below = _step(descriptor, part, root, make=make)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _step(descriptor: int, part: str, root: Path, *, make: bool) -> int:
    if part in ("", ".", "..") or "/" in part or "\0" in part:
        raise OutsideRoot(f"{part!r} is no name of a folder below {root}.")
    if make:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=descriptor)
    try:
        return os.open(part, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
    except OSError as fault:
        if fault.errno in (errno.ELOOP, errno.ENOTDIR):
            raise OutsideRoot(f"{part!r} below {root} is a symbolic link or no folder: not followed.") from fault
        raise


def disk_fault(fault: OSError, what: str, where: Path) -> EnvironmentFault:
    """An OSError of a write as a message: what could not be done, where, and what to do about it."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentFault(f"{what}: the disk of {where} is full.", advice="Free some space, then try again.")
    if fault.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return EnvironmentFault(
            f"{what}: {where} cannot be written ({fault.strerror}).", advice="Choose another runs folder: --runs DIR."
        )
    return EnvironmentFault(f"{what}: {where}: {fault.strerror}.")


def private_folder(*parts: str) -> Path:
    """The folder `parts` in labtui's state folder, made if need be; where the home cannot be written, in a folder of
    this user's in the system's temporary one.

    The state folder and not the runtime folder, which a cron job or `su` does not have. Raises EnvironmentFault.
    """
    refused = []
    for place in _places():
        folder = place.joinpath(*parts)
        try:
            _make_own(place)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            refused.append(f"{place} ({fault.strerror})")
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
        refused.append(f"{folder} (cannot be written)")
    raise EnvironmentFault(
        f"There is no place for labtui's own state: {', '.join(refused)}.",
        advice="Set XDG_STATE_HOME to a folder that can be written.",
    )


def _places() -> Iterator[Path]:
    from platformdirs import user_state_path  # deferred: 10 ms

    yield user_state_path("labtui", appauthor=False)
    import tempfile  # deferred: only where the home cannot be written

    yield Path(tempfile.gettempdir()) / f"labtui-{os.geteuid()}"


def _make_own(place: Path) -> None:
    """Make the folder, or check that nobody else made it, in the temporary folder, to have us write into theirs."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir(mode=0o700, exist_ok=True)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(1, "not a folder of yours alone")
