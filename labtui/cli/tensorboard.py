"""`labtui tb`: TensorBoard as a child process, on the loopback address alone."""

import getpass
import importlib.util
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import lab_options
from labtui.cli.streams import put, say
from labtui.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, EnvironmentFault, UsageError

if TYPE_CHECKING:
    from labtui.api import Lab

ADDRESS = "127.0.0.1"
USUAL_PORT = 6006
TRIED_PORTS = 20
PATIENCE = 5.0


@click.command(cls=LabCommand, examples=("labtui tb", "labtui --runs other/runs tb --port 7007"))
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help=f"[default: a free one from {USUAL_PORT}]")
@lab_options
def tb(lab: "Lab", *, port: int | None) -> int:
    """Start TensorBoard on the runs folder. It listens on this machine alone; Ctrl-C ends it.

    Prints its address, and the ssh line that brings it to the machine you sit at.
    """
    if not lab.store.root.is_dir():
        raise UsageError(
            f"{lab.store.root} is not there yet: no run has been made.", advice="`labtui run NAME` makes one."
        )
    if importlib.util.find_spec("tensorboard") is None:
        raise EnvironmentFault(
            "tensorboard is not installed here.", advice=f"{sys.executable} -m pip install tensorboard"
        )
    chosen = _free_port(port)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(lab.store.root)]
    _end_with_us()
    child = subprocess.Popen([*command, "--host", ADDRESS, "--port", str(chosen)], stdin=subprocess.DEVNULL)
    try:
        _until_it_listens(child, chosen)
        put(f"http://{ADDRESS}:{chosen}/")
        say(f"From another machine: ssh -L {chosen}:{ADDRESS}:{chosen} {_user()}@{socket.gethostname()}")
        code = child.wait()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        _end(child)
    if code:
        raise EnvironmentFault(f"TensorBoard ended with exit code {code}; what it said is above.")
    return 0


def _free_port(wanted: int | None) -> int:
    candidates = [wanted] if wanted else range(USUAL_PORT, USUAL_PORT + TRIED_PORTS)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    text = f"Port {wanted} is" if wanted else f"The ports {USUAL_PORT} to {USUAL_PORT + TRIED_PORTS - 1} are all"
    raise EnvironmentFault(f"{text} in use on {ADDRESS}.", advice="Take another one: labtui tb --port N.")


def _end_with_us() -> None:
    """From here on, what ends us first takes TensorBoard along."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(EXIT_TERMINATED if number == signal.SIGTERM else 128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def _until_it_listens(child: "subprocess.Popen[bytes]", port: int) -> None:
    """Return once it can be opened, or once it has ended."""
    while child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((ADDRESS, port)) == 0:
                return
        time.sleep(0.1)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return "you"


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
