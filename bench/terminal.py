"""A terminal of 160x48 that a program runs in: what it writes is counted and searched, what it asks is answered."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

COLUMNS, ROWS = 160, 48
PATIENCE = 120.0
"""Seconds after which something that does not show is given up."""

ANSWERS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\]10;\?(\x07|\x1b\\)"), b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\"),
    (re.compile(rb"\x1b\]11;\?(\x07|\x1b\\)"), b"\x1b]11;rgb:1111/1111/1111\x1b\\"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
)
"""What a terminal is asked at a program's start, and what a common one says; some programs wait for it."""


class Terminal:
    """Use as a context manager; the program ends with the block."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], folder: str) -> None:
        self.written = 0
        """Bytes that the program has written so far."""
        self.last = 0.0
        """When it last wrote."""
        self._recent = bytearray()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        kind = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.began = time.perf_counter()
        """When the program was started."""
        self.process = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**environment, **kind},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            self._take(0.05)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    def send(self, keys: bytes) -> float:
        """Type; when that was. What was written before is not searched any more."""
        self._recent.clear()
        os.write(self._master, keys)
        return time.perf_counter()

    def forget(self) -> None:
        """Search only what is written from now on."""
        self._recent.clear()

    def until(self, text: str, patience: float = PATIENCE) -> float:
        """Wait until a text is written; when that was. Raises TimeoutError."""
        wanted, deadline = text.encode(), time.monotonic() + patience
        while wanted not in self._recent:
            if time.monotonic() > deadline or not self._take(0.5):
                shown = _plain(bytes(self._recent))[-600:]
                raise TimeoutError(f"{text!r} did not show within {patience:.0f} s; the last words were: {shown!r}")
        return time.perf_counter()

    def watch(self, seconds: float) -> int:
        """Let so many seconds go by; the bytes written meanwhile."""
        before, deadline = self.written, time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._take(left)
        return self.written - before

    def settle(self, quiet: float, patience: float = PATIENCE) -> None:
        """Wait until nothing was written for `quiet` seconds, or no longer than `patience`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.watch(quiet):
            continue

    def _take(self, seconds: float) -> bool:
        """Read what comes within some seconds; False once the program has closed its end."""
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return True
        try:
            some = os.read(self._master, 1 << 16)
        except OSError:  # Linux says EIO where nobody has the other end open
            return False
        self.written += len(some)
        self.last = time.perf_counter()
        self._recent += some
        for asked, answer in ANSWERS:
            for _ in asked.finditer(some):
                os.write(self._master, answer)
        return True


def _take_terminal() -> None:
    """In the child: make the pty its controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _plain(written: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode(errors="replace"))
