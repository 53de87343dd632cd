"""A folder for one contender's process, gone when that ends."""

import atexit
import shutil
import tempfile
from pathlib import Path


def scratch() -> Path:
    """A new empty folder."""
    folder = tempfile.mkdtemp(prefix="labtui-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
