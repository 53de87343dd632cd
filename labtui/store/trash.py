"""Taking a run away: into the trash of its runs folder, from which it can be put back by hand.

TensorBoard also shows hidden folders, so event files get another name there.
"""

import os
import time
from pathlib import Path

from labtui.errors import EnvironmentFault, UsageError
from labtui.store.discover import is_event_file
from labtui.store.lock import LockHeld, LocksUnsupported, hold
from labtui.store.paths import RunsPaths
from labtui.store.run import Run
from labtui.store.safe_paths import disk_fault, opened
from labtui.text.clean import clean_line

_PATIENCE = 0.5
_STOP_FIRST = "Stop it first: `labtui stop RUN`."
_OUT_OF_THE_WAY = "removed"
_LONGEST_NAME = 55
"""Characters of a run's id that its place in the trash repeats: at four bytes each, still a name for every disk."""


def move_to_trash(root: Path, run: Run) -> Path:
    """Move the run's folder to `.labtui/trash/`; its place there.

    Its lock is held meanwhile, so nobody can start it. Raises UsageError for a run that is live, not ours to remove,
    or gone, and EnvironmentFault where the disk is in the way; then the run is where it was.
    """
    _check(run)
    try:
        with hold(run.paths.lock, _PATIENCE):
            trashed = _move(root, run)
    except LockHeld as fault:
        raise UsageError(f"{run.id} is being started or is at work.", advice=_STOP_FIRST) from fault
    except LocksUnsupported as fault:
        raise EnvironmentFault(f"{run.id} stays where it is: {fault.message}", advice=fault.advice) from fault
    except FileNotFoundError as fault:
        raise UsageError(f"{run.id} is gone already.") from fault
    except OSError as fault:
        raise disk_fault(fault, f"{run.id} stays where it is", root) from fault
    _hide_event_files(RunsPaths(root).trash)
    return trashed


def _check(run: Run) -> None:
    if run.read_only or run.id == ".":
        why = run.damage or ("made by another tool" if run.foreign else "it is the runs folder itself")
        raise UsageError(f"{run.id} stays where it is: {why}.")
    if run.state.is_active:
        raise UsageError(f"{run.id} is {run.state}.", advice=_STOP_FIRST)


def _move(root: Path, run: Run) -> Path:
    parts = run.folder.relative_to(root).parts
    trash = RunsPaths(root).trash
    name = time.strftime("%Y%m%d-%H%M%S-") + clean_line("~".join(parts))[-_LONGEST_NAME:]
    with (
        opened(root, parts[:-1]) as above,
        opened(root, trash.relative_to(root).parts, make=True) as below,
    ):
        for number in range(1, 10_000):
            candidate = name if number == 1 else f"{name}-{number}"
            try:
                # An empty folder of that name would be replaced: mkdir claims the name, rename takes its place.
                os.mkdir(candidate, dir_fd=below)
            except FileExistsError:
                continue
            os.rename(parts[-1], candidate, src_dir_fd=above, dst_dir_fd=below)
            os.fsync(below)
            os.fsync(above)
            return trash / candidate
    raise EnvironmentFault(f"{trash} is full of runs of the same name.")


def _hide_event_files(trash: Path) -> None:
    """Give every event file in the trash, also of removals that were cut short, a name that TensorBoard passes over."""
    try:
        for here, _, names in os.walk(trash):
            for path in (Path(here, name) for name in names if is_event_file(name)):
                path.rename(path.with_name(path.name.replace("tfevents", _OUT_OF_THE_WAY)))
    except OSError as fault:
        raise disk_fault(fault, "The run is in the trash, where TensorBoard may still show it", trash) from fault
