"""A tiny parent of the console, forked before textual is imported: it restores the terminal whatever ends the console.

A console ended by SIGTERM or SIGHUP restores the terminal itself; one ended by SIGKILL, or by a crash of the
interpreter, cannot. The guard keeps the terminal's settings from before, waits, and puts them back. It passes signals
on, and stops and continues with its child, so that Ctrl-Z reaches the shell.
"""

import contextlib
import os
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable

RESTORE = (
    "\x1b[?1049l"  # leave the alternate screen
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse reports off
    "\x1b[?2004l\x1b[?1004l\x1b[?2026l\x1b[?2048l"  # paste, focus, synchronised output, resize
    "\x1b[<u"  # kitty's keyboard protocol
    "\x1b[?25h\x1b[0m"  # cursor on, plain text
)
"""What takes back everything that a console switches on."""

_PASSED_ON = (
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip


def guard(console: Callable[[], int]) -> int:
    """Run `console` in a child and return its exit code, 128 + n where signal n ended it.

    Where no process can be forked, it runs in this one.
    """
    before, parent = _settings(), os.getpid()
    try:
        child = os.fork()
    except OSError:
        return console()
    if child == 0:
        _become(console, parent)
    code = _watch(child)
    if code < 0:
        restore(before)
        return 128 - code
    return code


def restore(before: list[object] | None) -> None:
    """Put the terminal back: what programs switched on is switched off, line settings are as they were."""
    terminal = _terminal()
    if terminal is None:
        return
    with contextlib.suppress(OSError, termios.error):
        os.write(terminal, RESTORE.encode())
        if before is not None:
            # The child's death leaves this process in the foreground group, but a job-control shell may have moved on.
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)  # type: ignore[arg-type]  # as tcgetattr gave it


def _become(console: Callable[[], int], parent: int) -> None:
    """In the child: run the console and end the process, without the parent's own way out."""
    threading.Thread(target=_mind, args=(parent,), name="guard", daemon=True).start()
    code = 1
    try:
        code = console()
    except SystemExit as wish:
        code = wish.code if isinstance(wish.code, int) else int(wish.code is not None)
    except BaseException:  # noqa: BLE001 - this process has no caller who could be told
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _mind(parent: int) -> None:
    """End the console as a closed terminal would when its guard is gone: a shell has the terminal back by then."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGHUP)


def _watch(child: int) -> int:
    """Wait for the child, passing signals on and stopping with it: its exit code, or minus the signal that ended it."""
    before = {number: signal.signal(number, lambda got, _: _send(child, got)) for number in _PASSED_ON}
    try:
        while True:
            _, status = os.waitpid(child, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                # The shell sees this process: it must stop too, and see to it that its child wakes with it.
                os.kill(os.getpid(), signal.SIGSTOP)
                _send(child, signal.SIGCONT)
                continue
            return os.waitstatus_to_exitcode(status)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


def _terminal() -> int | None:
    stream = sys.__stderr__
    if stream is None or stream.closed or not os.isatty(stream.fileno()):
        return None
    return stream.fileno()


def _settings() -> list[object] | None:
    terminal = _terminal()
    if terminal is None:
        return None
    try:
        return list(termios.tcgetattr(terminal))
    except termios.error:
        return None
