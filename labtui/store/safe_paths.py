"""Open and make folders without passing through symbolic links or through folders that others control.

Each part of a path is opened relative to the folder before it, so a link that appears between a check and its use is
refused as well.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from labtui.errors import LabError, MachineError

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class OutsideRoot(LabError):
    """A path leads, or could lead, out of the runs folder."""


@contextmanager
def open_folder(root: Path, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """Open the folder `parts` below `root` and yield its descriptor; `root` itself may be a symbolic link.

    With `make`, missing folders are created. Raises OutsideRoot if a part is a link, FileNotFoundError, other OSErrors.
    """
    if make:
        root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, _OPEN_FOLDER)
    try:
        for part in parts:
            child = _open_child(descriptor, part, root, make=make)
            os.close(descriptor)
            descriptor = child
        yield descriptor
    finally:
        os.close(descriptor)


def _open_child(descriptor: int, part: str, root: Path, *, make: bool) -> int:
    if part in ("", ".", "..") or "/" in part or "\0" in part:
        raise OutsideRoot(f"{part!r} is not the name of a folder below {root}.")
    if make:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=descriptor)
    try:
        return os.open(part, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise OutsideRoot(f"{part!r} below {root} is a symbolic link or not a folder: not followed.") from error
        raise


def machine_error(error: OSError, what: str, where: Path) -> MachineError:
    """Turn the OSError of a write into a message: what failed, where, and what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MachineError(f"{what}: the disk of {where} is full.", advice="Free some space and try again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return MachineError(
            f"{what}: {where} cannot be written ({error.strerror}).", advice="Choose another runs folder: --runs DIR."
        )
    if error.errno == errno.EEXIST and where.is_symlink() and not where.exists():
        return MachineError(
            f"{what}: {where} is a link to {where.readlink()}, which does not exist.",
            advice="Create its target, or choose another runs folder: --runs DIR.",
        )
    return MachineError(f"{what}: {where}: {error.strerror}.")


def private_folder(*parts: str) -> Path:
    """Return the folder `parts` in labtui's state folder, which only this user can write; create it if it is missing.

    If the home folder cannot be written, a private folder in the system's temporary folder is used. (The runtime folder
    would not do: cron jobs and `su` do not have one.) Raises MachineError.
    """
    refused = []
    for base in _state_folders():
        folder = base.joinpath(*parts)
        try:
            _make_private(base)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            refused.append(f"{base} ({error.strerror})")
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
        refused.append(f"{folder} (cannot be written)")
    raise MachineError(
        f"There is no folder for labtui's own state: {', '.join(refused)}.",
        advice="Set XDG_STATE_HOME to a folder that can be written.",
    )


def _state_folders() -> Iterator[Path]:
    from platformdirs import user_state_path  # deferred: 10 ms

    yield user_state_path("labtui", appauthor=False)
    yield _temporary_folder()


def temporary_home() -> Path:
    """A folder in the system's temporary folder that only this user can write. Raises MachineError."""
    folder = _temporary_folder()
    try:
        _make_private(folder)
    except OSError as error:
        raise machine_error(error, "There is no folder for labtui's own files", folder) from error
    return folder


def _temporary_folder() -> Path:
    import tempfile  # deferred: only if the home folder cannot be written

    return Path(tempfile.gettempdir()) / f"labtui-{os.geteuid()}"


def _make_private(folder: Path) -> None:
    """Create the folder, or check that nobody else prepared it in the shared temporary folder. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "not a folder that only you can write")
