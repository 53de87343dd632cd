"""What signals ask of a foreground command: noted by the handlers, acted upon by its loop."""

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
        self._before: dict[signal.Signals, Any] = {}

    @property
    def any(self) -> bool:
        """Whether the command is to come to its end."""
        return bool(self.interrupts) or self.terminated or self.hung_up

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self.interrupts += 1
        elif number == signal.SIGTERM:
            self.terminated = True
        else:
            self.hung_up = True
