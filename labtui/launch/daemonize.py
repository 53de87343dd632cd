"""Processes that outlive their starter, its terminal and its connection, and what they say until they stand alone.

The starter reads one pipe: the child's standard output and error, until the child closes them. That is how it hears
of a Python that does not start at all, as well as of a child that refuses. No pipe is left afterwards: an engine whose
output is a pipe of the console dies at its next print when the console does.
"""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from labtui.errors import EnvironmentFault

PATIENCE = 60.0
"""Seconds that a child may take until it stands alone; a cold network disk needs many."""


def spawn(command: Sequence[str], *, cwd: Path | None, environment: Mapping[str, str], keep: Sequence[int] = ()) -> str:
    """Start a program that calls `stand_alone`, and return what it said before it closed its output.

    `keep` are descriptors that the child inherits. Raises EnvironmentFault where the program cannot be started.
    """
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep,
            cwd=existing(cwd),
            env=dict(environment),
        )
    except OSError as fault:
        raise EnvironmentFault(
            f"{command[0]} cannot be started: {fault.strerror}.", advice="Is its Python environment still there?"
        ) from fault
    try:
        said, _ = child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as fault:
        child.kill()
        child.communicate()
        raise EnvironmentFault(
            f"{command[0]} said nothing for {PATIENCE:.0f} s.",
            advice="Is the disk very slow? Look again with `labtui ps`.",
        ) from fault
    return said.decode("utf-8", "replace")


def stand_alone() -> None:
    """Leave the starter: a session of our own, nobody's child, deaf to the end of a terminal.

    The process that the starter knows ends here at once, so that it has nothing to wait for and keeps no zombie.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.setsid()


def redirect_output(descriptor: int) -> None:
    """Send standard output and error to `descriptor`; the starter's pipe ends here."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def importable(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `python -P -m labtui…` finds the labtui that runs now.

    `-P` keeps a `random.py` in the current folder from being imported; a labtui that was found there, in a source tree,
    must then be named.
    """
    source = str(Path(__file__).resolve().parents[2])
    if source in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return dict(environment)
    others = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part and part != source]
    return {**environment, "PYTHONPATH": os.pathsep.join([source, *others])}


def existing(folder: Path | None) -> str:
    """The folder to start a program in: this one, or `/` where it is gone."""
    return str(folder) if folder is not None and folder.is_dir() else "/"
