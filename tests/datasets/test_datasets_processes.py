"""Several processes on one data folder, and processes that are killed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from tests.support.servers import Request, Server, stalls, well
from tests.support.tiny_data import is_whole

CHILD = """
import sys
from pathlib import Path
from labtui.datasets.fetching import fetch_source
from labtui.datasets.deadline import Limits
from tests.support.tiny_data import tiny_source
print("begins", flush=True)
report = lambda done, total: print(done, flush=True)
fetch_source(tiny_source(sys.argv[1]), Path(sys.argv[2]), rounds=(Limits(silence=60.0),), progress=report)
"""

Serve = Callable[..., Server]


def child(server: Server, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, server.base, str(root)],
        env={"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(root / "cache"), "no_proxy": "*"},
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str], expected: str) -> None:
    """Wait until the child says this; fails where it ends before."""
    assert process.stdout
    for said in process.stdout:
        if said.strip() == expected:
            return
    pytest.fail(f"the child never said {expected!r}")


def test_processes_that_fetch_at_once_fetch_once(serve: Serve, tmp_path: Path) -> None:
    def held_back(request: Request) -> None:
        request.release.wait()
        well(request)

    server = serve(held_back)
    children = [child(server, tmp_path) for _ in range(3)]
    for process in children:
        line(process, "begins")
    server.release.set()
    for process in children:
        process.communicate(timeout=60)
    assert [process.returncode for process in children] == [0, 0, 0]
    assert len(server.requests) == 1
    assert is_whole(tmp_path)


def test_a_killed_fetch_blocks_nobody_and_its_bytes_are_used(serve: Serve, tmp_path: Path) -> None:
    server = serve(stalls(90_000), well)
    killed = child(server, tmp_path)
    line(killed, "90000")
    killed.kill()
    killed.communicate(timeout=60)
    successor = child(server, tmp_path)
    successor.communicate(timeout=60)
    assert successor.returncode == 0
    assert server.requests[1].range == "bytes=90000-"
    assert is_whole(tmp_path)
