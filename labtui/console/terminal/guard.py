"""A small parent process of the console that restores the terminal however the console ends.

It is forked before textual is imported.

A console ended by SIGTERM or SIGHUP restores the terminal itself; one ended by SIGKILL, or by a crash of the
interpreter, cannot. The guard saves the terminal's settings, waits, and restores them. It forwards signals, and stops
and continues with its child, so that Ctrl-Z works.
"""

import contextlib
import os
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable

from labtui.text.terminals import is_terminal

RESTORE = (
    "\x1b[?1049l"  # leave the alternate screen
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse reports off
    "\x1b[?2004l\x1b[?1004l\x1b[?2026l\x1b[?2048l"  # paste, focus, synchronised output, resize
    "\x1b[<u"  # kitty's keyboard protocol
    "\x1b[?25h\x1b[0m"  # cursor on, plain text
)
"""Switches off everything that a console switches on."""

_FORWARDED = (
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip


def guard(console: Callable[[], int]) -> int:
    """Run `console` in a child process. Returns its exit code, or 128 + n if signal n ended it.

    If no process can be forked, it runs in this one.
    """
    before, parent = _settings(), os.getpid()
    try:
        child = os.fork()
    except OSError:
        return console()
    if child == 0:
        _run_child(console, parent)
    code = _watch(child)
    if code < 0:
        restore(before)
        return 128 - code
    return code


def restore(before: list[object] | None) -> None:
    """Restore the terminal: modes that programs switch on are off, line settings are as before."""
    terminal = _terminal()
    if terminal is None:
        return
    with contextlib.suppress(OSError, termios.error):
        os.write(terminal, RESTORE.encode())
        if before is not None:
            # This process is still in the foreground group, unless a job-control shell has moved on.
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)  # type: ignore[arg-type]  # as tcgetattr gave it


def _run_child(console: Callable[[], int], parent: int) -> None:
    """In the child: run the console and exit, without the parent's exit handlers."""
    threading.Thread(target=_watch_parent, args=(parent,), name="guard", daemon=True).start()
    code = 1
    try:
        code = console()
    except SystemExit as exit_request:
        code = exit_request.code if isinstance(exit_request.code, int) else int(exit_request.code is not None)
    except BaseException:  # noqa: BLE001 - nothing above could report it
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _watch_parent(parent: int) -> None:
    """End the console, as a closed terminal would, if its guard is gone: then a shell has the terminal."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGHUP)


def _watch(child: int) -> int:
    """Wait for the child, forwarding signals and stopping with it. Returns its exit code, or minus a signal."""
    before = {number: signal.signal(number, lambda received, _: _send(child, received)) for number in _FORWARDED}
    try:
        while True:
            _, status = os.waitpid(child, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                # The shell controls this process: it must stop too, and continue its child afterwards.
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
    if stream is None or not is_terminal(stream):
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
