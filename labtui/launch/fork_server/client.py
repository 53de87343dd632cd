"""Start runs from a process that has the engine loaded: the starter's side of labtui.launch.fork_server.server.

This is an optimization, and nothing depends on it. If it is not safe, has not loaded or has died, runs are started by
themselves. There is no message about it, because the run folder is the same.
"""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from labtui.launch.daemonize import START_TIMEOUT, existing_folder
from labtui.launch.devices import Device
from labtui.launch.environment import engine_environment, is_enabled
from labtui.launch.fork_server import READY
from labtui.launch.launcher import Interpreter
from labtui.launch.order import Answer, Order, last_answer

PROGRAM = ("-P", "-m", "labtui.launch.fork_server.server")

LOAD_TIMEOUT = 120.0
"""Seconds that the engine may take to load. If it takes longer, starting runs without it will show what is wrong."""


def is_worthwhile(devices: Iterable[Device], runs: int) -> bool:
    """Whether this many runs on such devices can be forked safely, and start sooner that way.

    Never if LABTUI_WARM is "no".
    """
    allowed = sys.platform == "linux" and is_enabled("LABTUI_WARM", os.environ)
    return allowed and runs > 1 and all(device.kind == "cpu" for device in devices)


@contextmanager
def with_fork_server(
    interpreter: Interpreter, devices: Iterable[Device], threads: int, runs: int
) -> Iterator[Interpreter]:
    """The interpreter, with a fork server if that is worthwhile, which ends with the block."""
    if not is_worthwhile(devices, runs):
        yield interpreter
        return
    with ForkServerProcess(interpreter, threads) as process:
        yield replace(interpreter, fork_server=process)


class ForkServerProcess:
    """A fork server for runs of one interpreter with this many threads. Ends with the `with` block."""

    def __init__(self, interpreter: Interpreter, threads: int, program: Sequence[str] = PROGRAM) -> None:
        self.threads = threads
        self._ready = False
        self._deadline = time.monotonic() + LOAD_TIMEOUT
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                [interpreter.path, *program],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd=existing_folder(interpreter.folder),
                env=engine_environment(threads, None, interpreter.environment),
            )
        except OSError:
            self.close()
        finally:
            theirs.close()

    @property
    def pid(self) -> int | None:
        """The server's pid; None once it is closed."""
        return self._process.pid if self._process else None

    def fileno(self) -> int:
        """Readable once the server has loaded or exited."""
        return self._socket.fileno()

    @property
    def loading(self) -> bool:
        """Whether it cannot take orders yet but will: waiting for it takes no longer than starting a run without it."""
        if self._process is None or self._ready:
            return False
        if select.select([self._socket], [], [], 0)[0]:
            self._ready = _received(self._socket) == READY
        elif time.monotonic() < self._deadline:
            return True
        if not self._ready:
            self.close()
        return False

    def submit(self, folder: Path, order: Order, encoded: str) -> Answer | None:
        """Have it start a run and return the answer; None if this order must be started without it.

        It does not take orders that it did not load for: with another number of threads, or for a GPU.
        """
        fits = order.detach and order.device == "cpu" and order.threads == self.threads
        if not fits or self.loading or not self._ready:
            return None
        read, write = os.pipe()
        with open(read, "rb", buffering=0) as stream:  # noqa: PTH123 (a descriptor)
            try:
                message = os.fsencode(folder) + b"\0" + encoded.encode()
                socket.send_fds(self._socket, [message], [write, *order.slots])
            except OSError:
                pass  # then the pipe ends without an answer
            finally:
                os.close(write)
            answer = last_answer(_read_all(stream.fileno()))
        if answer is None:
            self.close()
        return answer

    def close(self) -> None:
        """End the server; runs that it started continue. Closing twice is harmless."""
        self._socket.close()
        self._ready = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ForkServerPool:
    """Holds at most one fork server: for the runs that are being started now."""

    def __init__(self, program: Sequence[str] = PROGRAM) -> None:
        self._program = program
        self._process: ForkServerProcess | None = None
        self._for: tuple[Interpreter, int] | None = None

    def attach(self, interpreter: Interpreter, device: Device, threads: int, runs: int) -> Interpreter | None:
        """The interpreter, with a fork server if that is worthwhile for `runs` such runs; None while it is loading."""
        if self._for != (interpreter, threads):
            self.close()
            if not is_worthwhile([device], runs):
                return interpreter
            process = ForkServerProcess(interpreter, threads, self._program)
            self._process, self._for = process, (interpreter, threads)
        assert self._process is not None
        return None if self._process.loading else replace(interpreter, fork_server=self._process)

    @property
    def loading(self) -> tuple[ForkServerProcess, ...]:
        """The server to wait for, if there is one."""
        return (self._process,) if self._process is not None and self._process.loading else ()

    def close(self) -> None:
        """End the server, if there is one."""
        if self._process is not None:
            self._process.close()
        self._process = self._for = None


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(len(READY))
    except OSError:  # it died meanwhile
        return b""


def _read_all(descriptor: int) -> str:
    """What arrives until the other side closes, or within START_TIMEOUT seconds."""
    output, deadline = b"", time.monotonic() + START_TIMEOUT
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            break
        output += chunk
    return output.decode("utf-8", "replace")
