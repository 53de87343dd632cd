"""A folder that is this user's alone: for device slots and for the key that marks queue entries as one's own."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from labtui.errors import EnvironmentFault


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
