"""The signals sent to a foreground command: counted by the handlers, acted upon by its loop."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """Within its `with` block, SIGINT, SIGTERM and SIGHUP are counted instead of ending the process.

    A signal that was ignored before, as SIGHUP under nohup, stays ignored.
    """

    def __init__(self) -> None:
        self.interrupts = 0
        self.terminated = False
        self.hung_up = False
        self._handlers_before: dict[signal.Signals, Any] = {}

    @property
    def any(self) -> bool:
        """Whether the command has been asked to end."""
        return bool(self.interrupts) or self.terminated or self.hung_up

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers_before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self.interrupts += 1
        elif number == signal.SIGTERM:
            self.terminated = True
        else:
            self.hung_up = True
