"""Child processes of the tests, which find this very labtui and these very tests from any folder."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The source tree."""


def environment() -> dict[str, str]:
    """The environment of a child process.

    Threads that wait must not spin: several tests train at once.
    """
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}


def labtui_command(*arguments: str) -> list[str]:
    """What starts `labtui ARGUMENTS`."""
    return [sys.executable, "-m", "labtui", *arguments]
