"""Copies the last checkpoint of a finished run into the folder of a new one that continues it.

The new run's folder is then complete: the finished run is only read, and may be removed before the new one starts.
"""

import os
import shutil

from labtui.store.paths import RunPaths, checksum_path


def copy_checkpoint(source: RunPaths, target: RunPaths) -> None:
    """Copy the newest checkpoint with its checksum, synced to the disk. Raises OSError; a link is not followed."""
    pairs = (
        (checksum_path(source.checkpoint), checksum_path(target.start_checkpoint)),
        (source.checkpoint, target.start_checkpoint),
    )
    for original, copy in pairs:
        descriptor = os.open(original, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as reading, copy.open("xb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
            writing.flush()
            os.fsync(writing.fileno())
