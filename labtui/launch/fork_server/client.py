"""Starting runs from a process that has the engine loaded: the starter's side of labtui.launch.fork_server.server.

It is a shortcut, and nothing depends on it: where it is not safe, has not loaded or has died, runs start cold. Nobody
is told, since a run folder does not show the difference.
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

from labtui.launch.daemonize import PATIENCE, existing
from labtui.launch.devices import Device
from labtui.launch.launcher import Interpreter
from labtui.launch.order import READY, Answer, Order, last_answer
from labtui.launch.supervisor import engine_environment

PROGRAM = ("-P", "-m", "labtui.launch.fork_server.server")

PATIENCE_LOADING = 120.0
"""Seconds that the engine may take to load; with what takes longer, cold starts will say what is wrong."""


_NO = ("0", "no", "off", "false")


def pays(devices: Iterable[Device], runs: int) -> bool:
    """Whether so many runs on such devices are safely started from one process, and sooner than each by itself.

    LABTUI_WARM=no says that no run ever is.
    """
    wanted = sys.platform == "linux" and os.environ.get("LABTUI_WARM", "").lower() not in _NO
    return wanted and runs > 1 and all(device.kind == "cpu" for device in devices)


@contextmanager
def warmed(interpreter: Interpreter, devices: Iterable[Device], threads: int, runs: int) -> Iterator[Interpreter]:
    """The interpreter, with a warm process to start from where that pays, which ends with the block."""
    if not pays(devices, runs):
        yield interpreter
        return
    with WarmProcess(interpreter, threads) as process:
        yield replace(interpreter, warm=process)


class WarmProcess:
    """A process that loads the engine for runs of one interpreter with so many threads. Ends with the `with` block."""

    def __init__(self, interpreter: Interpreter, threads: int, program: Sequence[str] = PROGRAM) -> None:
        self.threads = threads
        self._ready = False
        self._deadline = time.monotonic() + PATIENCE_LOADING
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                [interpreter.path, *program],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd=existing(interpreter.folder),
                env=engine_environment(threads, None, interpreter.environment),
            )
        except OSError:
            self.close()
        finally:
            theirs.close()

    @property
    def pid(self) -> int | None:
        """Its process; None once it is closed."""
        return self._process.pid if self._process else None

    def fileno(self) -> int:
        """Readable once it has loaded or ended."""
        return self._orders.fileno()

    @property
    def loading(self) -> bool:
        """Whether it will be able to take orders, but not yet: to wait for it costs no more than a cold start."""
        if self._process is None or self._ready:
            return False
        if select.select([self._orders], [], [], 0)[0]:
            self._ready = _received(self._orders) == READY
        elif time.monotonic() < self._deadline:
            return True
        if not self._ready:
            self.close()
        return False

    def ask(self, folder: Path, order: Order, written: str) -> Answer | None:
        """Have it start a run; None where this order must be started cold.

        It refuses what it did not load for: other threads than its own, a GPU.
        """
        fits = order.detach and order.device == "cpu" and order.threads == self.threads
        if not fits or self.loading or not self._ready:
            return None
        read, write = os.pipe()
        with open(read, "rb", buffering=0) as answer:  # noqa: PTH123 (a descriptor)
            try:
                message = os.fsencode(folder) + b"\0" + written.encode()
                socket.send_fds(self._orders, [message], [write, *order.slots])
            except OSError:
                pass  # nobody can answer then
            finally:
                os.close(write)
            said = last_answer(_whole(answer.fileno()))
        if said is None:
            self.close()
        return said

    def close(self) -> None:
        """End it; runs that it started go on. Closing twice is harmless."""
        self._orders.close()
        self._ready = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Warmer:
    """Keeps at most one warm process: for the runs that are being started."""

    def __init__(self, program: Sequence[str] = PROGRAM) -> None:
        self._program = program
        self._process: WarmProcess | None = None
        self._for: tuple[Interpreter, int] | None = None

    def warmed(self, interpreter: Interpreter, device: Device, threads: int, runs: int) -> Interpreter | None:
        """The interpreter, warm if that pays for `runs` such runs that wait; None while it loads: ask again."""
        if self._for != (interpreter, threads):
            self.close()
            if not pays([device], runs):
                return interpreter
            self._process, self._for = WarmProcess(interpreter, threads, self._program), (interpreter, threads)
        assert self._process is not None
        return None if self._process.loading else replace(interpreter, warm=self._process)

    @property
    def loading(self) -> tuple[WarmProcess, ...]:
        """The process to wait for, if there is one."""
        return (self._process,) if self._process is not None and self._process.loading else ()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.close()
        self._process = self._for = None


def _received(orders: socket.socket) -> bytes:
    try:
        return orders.recv(len(READY))
    except OSError:  # it died in the midst
        return b""


def _whole(descriptor: int) -> str:
    """What is said until the other side closes, or within PATIENCE seconds."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            break
        said += chunk
    return said.decode("utf-8", "replace")
