"""No test may leave a process behind, however it was detached."""

import ctypes
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.launch.stage import Stage

_SUBREAPER = 36


@pytest.fixture(scope="session")
def _adopt_orphans() -> None:
    """Make detached processes children of the tests instead of pid 1, so that none is missed."""
    if sys.platform == "linux":
        assert ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) == 0


@pytest.fixture(autouse=True)
def _no_process_left_behind(_adopt_orphans: None) -> Iterator[None]:
    before = set(psutil.Process().children())
    yield
    deadline = time.monotonic() + 10
    while (left := _living(before)) and time.monotonic() < deadline:
        time.sleep(0.01)
    described = [f"{one.pid} {' '.join(one.cmdline())}" for one in left if one.is_running()]
    for one in left:
        with suppress(psutil.Error):
            one.kill()
    _living(before)
    assert not described, "processes were left behind"


def _living(before: set[psutil.Process]) -> list[psutil.Process]:
    living = []
    for child in psutil.Process().children():
        if child in before:
            continue
        with suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)
            else:
                living += [child, *child.children(recursive=True)]
    return living


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "runs")
