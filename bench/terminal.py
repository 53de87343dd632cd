"""A terminal of 160x48 for a program: counts and searches its output, and answers its queries."""

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
TIMEOUT = 120.0
"""Seconds to wait for a text to appear."""

ANSWERS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\]10;\?(\x07|\x1b\\)"), b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\"),
    (re.compile(rb"\x1b\]11;\?(\x07|\x1b\\)"), b"\x1b]11;rgb:1111/1111/1111\x1b\\"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
)
"""Queries that programs send at their start, and the answers of a common terminal; some programs wait for them."""


class Terminal:
    """Use as a context manager; the program ends with the block."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], folder: str) -> None:
        self.written = 0
        """Bytes that the program has written so far."""
        self.last_output = 0.0
        """When it last wrote."""
        self._searched = bytearray()
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
            preexec_fn=_make_controlling_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    def send(self, keys: bytes) -> float:
        """Send keys, and return when. Earlier output is not searched any more."""
        self._searched.clear()
        os.write(self._master, keys)
        return time.perf_counter()

    def forget(self) -> None:
        """Search only the output from now on."""
        self._searched.clear()

    def until(self, text: str, timeout: float = TIMEOUT) -> float:
        """Wait until a text is written, and return when. Raises TimeoutError."""
        encoded, deadline = text.encode(), time.monotonic() + timeout
        while encoded not in self._searched:
            if time.monotonic() > deadline or not self._read(0.5):
                output = _plain(bytes(self._searched))[-600:]
                raise TimeoutError(f"{text!r} did not appear within {timeout:.0f} s; the last output was: {output!r}")
        return time.perf_counter()

    def watch(self, seconds: float) -> int:
        """Wait this many seconds, and return the number of bytes written meanwhile."""
        before, deadline = self.written, time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._read(left)
        return self.written - before

    def settle(self, quiet: float, timeout: float = TIMEOUT) -> None:
        """Wait until nothing was written for `quiet` seconds, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.watch(quiet):
            continue

    def _read(self, seconds: float) -> bool:
        """Read output that arrives within some seconds. Returns False once the program has closed the terminal."""
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return True
        try:
            output = os.read(self._master, 1 << 16)
        except OSError:  # on Linux EIO: no process has the other end open
            return False
        self.written += len(output)
        self.last_output = time.perf_counter()
        self._searched += output
        for query, answer in ANSWERS:
            for _ in query.finditer(output):
                os.write(self._master, answer)
        return True


def _make_controlling_terminal() -> None:
    """In the child process: make the pty its controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _plain(written: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode(errors="replace"))
