"""Fault injection: fail, or be killed, at the n-th file operation.

A writer is right when a reader finds the old content or the new one wherever the writer was stopped: never neither,
never a mixture. So an action is run again and again, hit at its 1st, 2nd, 3rd ... operation, until a run passes
untouched:

    for hit in hits(lambda: write_json(path, new), prepare=lambda: path.write_text(old)):
        assert path.read_text() in (old, new), hit

Each kind of fault gets its own series: "ENOSPC" and "EIO" make the operation raise that OSError in this process, "kill"
runs the action in a forked child that ends by SIGKILL in the middle of the operation. A write that is hit writes the
first half of its bytes first, as a full disk does.

What counts as an operation: os.open for writing, os.write, os.pwrite, os.fsync, os.replace, os.rename, os.link,
os.mkdir, os.rmdir, os.unlink, os.truncate, os.ftruncate (also from below pathlib and tempfile), and the opening of a
file for writing with open() or Path.open(). The bytes that such a file object or a C library writes are not seen, so
writers that must be tested to the byte use os.write.
"""

import builtins
import errno
import io
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args
from unittest import mock

Kind = Literal["kill", "ENOSPC", "EIO"]

OPERATIONS = (
    "open", "write", "pwrite", "fsync", "replace", "rename", "link",
    "mkdir", "rmdir", "unlink", "truncate", "ftruncate",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_UNHARMED, _RAISED = 0, 77


@dataclass(frozen=True)
class Hit:
    """One run of the action."""

    kind: Kind
    point: int
    """The operation that was hit, from 1."""
    operation: str
    """Its name; "not reached" for the last run of a series, which passes untouched (also for a killed child)."""
    error: BaseException | None
    """What the action raised in this process."""


@dataclass
class _Trap:
    kind: Kind
    point: int
    count: int = 0
    operation: str = "not reached"

    def springs(self, operation: str) -> bool:
        self.count += 1
        if self.count == self.point:
            self.operation = operation
            return True
        return False

    def hit(self) -> NoReturn:
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.kind)
        raise OSError(number, os.strerror(number))


@contextmanager
def injected(kind: Kind, point: int) -> Iterator[_Trap]:
    """Within the block, the `point`-th operation is hit. With "kill" the process in the block is the victim."""
    trap = _Trap(kind, point)
    with mock.patch.multiple(os, **{name: _trapped(name, getattr(os, name), trap) for name in OPERATIONS}):
        opener = _trapped_opener(builtins.open, trap)
        with mock.patch.object(builtins, "open", opener), mock.patch.object(io, "open", opener):
            yield trap


def hits(
    action: Callable[[], object],
    *,
    prepare: Callable[[], object] = lambda: None,
    kinds: tuple[Kind, ...] = get_args(Kind),
    most: int = 200,
) -> Iterator[Hit]:
    """Run the action hit at each of its operations in turn, for each kind; check what it left after each `Hit`.

    `prepare` sets the scene before each run. In this process, the action may raise anything; it is in `Hit.error`.
    """
    for kind in kinds:
        for point in range(1, most):
            prepare()
            hit = _in_child(action, point) if kind == "kill" else _here(action, kind, point)
            yield hit
            if hit.operation == "not reached":
                break
        else:
            raise AssertionError(f"the action did not end within {most} operations")


def _here(action: Callable[[], object], kind: Kind, point: int) -> Hit:
    raised: BaseException | None = None
    with injected(kind, point) as trap:
        try:
            action()
        except Exception as error:  # whatever the action makes of it is for the caller to judge
            raised = error
    return Hit(kind, point, trap.operation, raised)


def _in_child(action: Callable[[], object], point: int) -> Hit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forking beside threads
        pid = os.fork()
    if pid == 0:
        code = _RAISED
        try:
            with injected("kill", point):
                action()
            code = _UNHARMED
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    ended = os.waitstatus_to_exitcode(status)
    if ended not in (-signal.SIGKILL, _UNHARMED):
        raise AssertionError(f"the child was to be killed at operation {point} but ended with {ended}")
    return Hit("kill", point, "not reached" if ended == _UNHARMED else f"operation {point}", None)


def _trapped(name: str, real: Callable[..., Any], trap: _Trap) -> Callable[..., Any]:
    def operation(*args: Any, **kwargs: Any) -> Any:
        if name == "open" and not args[1] & _WRITING:
            return real(*args, **kwargs)
        if trap.springs(name):
            if name in ("write", "pwrite"):
                real(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
            trap.hit()
        return real(*args, **kwargs)

    return operation


def _trapped_opener(real: Callable[..., Any], trap: _Trap) -> Callable[..., Any]:
    def opener(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if set(mode) & set("wax+") and trap.springs("open()"):
            trap.hit()
        return real(file, mode, *args, **kwargs)

    return opener
