"""TensorBoard as a child process: on the loopback address only, and ended with the command."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.support.processes import environment, labtui_command

PATIENCE = 60.0


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_port_in_use_is_reported_before_anything_starts(here: Path) -> None:
    (here / "runs").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        done = subprocess.run(
            labtui_command("tb", "--port", str(number)), capture_output=True, text=True, env=environment(), check=False
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{number} is in use" in done.stderr


def test_tensorboard_listens_on_loopback_only_and_ends_with_the_command(here: Path, port: int) -> None:
    (here / "runs").mkdir()
    child = subprocess.Popen(
        labtui_command("tb", "--port", str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == f"http://127.0.0.1:{port}/\n"
        (board,) = psutil.Process(child.pid).children()
        assert {connection.laddr.ip for connection in board.net_connections() if connection.status == "LISTEN"} == {
            "127.0.0.1"
        }
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=PATIENCE)
        assert child.returncode == 143
        assert f"ssh -L {port}:127.0.0.1:{port} " in err
        deadline = time.monotonic() + PATIENCE
        while board.is_running() and board.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        child.kill()
        child.communicate()
