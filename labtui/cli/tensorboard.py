"""`labtui tb`: TensorBoard as a child process, on the loopback address only."""

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
from labtui.cli.options import existing_runs_options
from labtui.cli.streams import put, say
from labtui.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, MachineError, UsageError

if TYPE_CHECKING:
    from labtui.api import Lab

ADDRESS = "127.0.0.1"
FIRST_PORT = 6006
TRIED_PORTS = 20
PATIENCE = 5.0


@click.command(cls=LabCommand, examples=("labtui tb", "labtui --runs other/runs tb --port 7007"))
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help=f"[default: the first free port from {FIRST_PORT}]"
)
@existing_runs_options
def tb(lab: "Lab", *, port: int | None) -> int:
    """Start TensorBoard on the runs folder, reachable from this machine only. Ctrl-C ends it.

    Prints its address, and the ssh command that forwards it to another machine.
    """
    if not lab.store.root.is_dir():
        raise UsageError(
            f"{lab.store.root} does not exist yet: nothing has been run.", advice="`labtui run NAME` starts a run."
        )
    if importlib.util.find_spec("tensorboard") is None:
        raise MachineError("tensorboard is not installed here.", advice=f"{sys.executable} -m pip install tensorboard")
    chosen = _free_port(port)
    command = [sys.executable, "-m", "tensorboard.main", *_folders(lab)]
    _end_on_signals()
    child = subprocess.Popen([*command, "--host", ADDRESS, "--port", str(chosen)], stdin=subprocess.DEVNULL)
    try:
        _wait_until_listening(child, chosen)
        put(f"http://{ADDRESS}:{chosen}/")
        say(f"From another machine: ssh -L {chosen}:{ADDRESS}:{chosen} {_user()}@{socket.gethostname()}")
        code = child.wait()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        _end(child)
    if code:
        raise MachineError(f"TensorBoard exited with code {code}; its output is above.")
    return 0


def _folders(lab: "Lab") -> list[str]:
    """TensorBoard's option for one folder, or for several by name."""
    folders = {lab.store.root.name: lab.store.root, **lab.store.more}
    if len(folders) == 1:
        return ["--logdir", str(lab.store.root)]
    if any(sign in f"{name}{folder}" for name, folder in folders.items() for sign in ",:"):
        raise UsageError("TensorBoard takes no commas and colons in the names of several folders.")
    return ["--logdir_spec", ",".join(f"{name}:{folder}" for name, folder in folders.items())]


def _free_port(requested: int | None) -> int:
    candidates = [requested] if requested else range(FIRST_PORT, FIRST_PORT + TRIED_PORTS)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    text = f"Port {requested} is" if requested else f"The ports {FIRST_PORT} to {FIRST_PORT + TRIED_PORTS - 1} are all"
    raise MachineError(f"{text} in use on {ADDRESS}.", advice="Choose another port: labtui tb --port N.")


def _end_on_signals() -> None:
    """Exit on SIGTERM and SIGHUP through the `finally` blocks, so that TensorBoard is ended too."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(EXIT_TERMINATED if number == signal.SIGTERM else 128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def _wait_until_listening(child: "subprocess.Popen[bytes]", port: int) -> None:
    """Return once TensorBoard accepts connections, or once it has exited."""
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
