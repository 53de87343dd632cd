"""Whether a fetch can end in time, judged by a clock while it goes on."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from labtui.datasets.fetch_errors import BrokenOff, TransferFault
from labtui.text.durations import duration
from labtui.text.sizes import size

MEASURED = 2.0
"""Seconds of transfer from which a speed is believed before an address's time is up."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a fetch may take, in seconds."""

    judge: float = math.inf
    """Until it must be known whether some address is fast enough; shared out among the addresses."""
    whole: float = math.inf
    """For everything."""
    silence: float = 30.0
    """Without a byte, from an address that is known to be fast enough."""


class Pace:
    """Keeps the time of one fetch over all its addresses and files."""

    def __init__(self, terms: Terms, clock: Callable[[], float] = time.monotonic) -> None:
        self.speeds: dict[str, float] = {}
        """Bytes per second that each address showed."""
        self._terms = terms
        self._clock = clock
        self._started = clock()
        self._decided = math.isinf(terms.judge)
        self._convinced = self._decided
        self._address = ""
        self._asked = self._until = self._answered = self._started
        self._brought = 0

    @property
    def over(self) -> bool:
        """Whether no further address need be asked."""
        spent = self._clock() - self._started
        return spent >= self._terms.whole or (not self._decided and spent >= self._terms.judge)

    def begin(self, address: str, addresses_left: int) -> None:
        """An address is asked; this one and `addresses_left - 1` more share what is left of the time to judge."""
        self._address = address
        self._asked = self._answered = now = self._clock()
        self._brought = 0
        if math.isinf(self._terms.judge):
            return
        self._convinced = False
        rest = self._terms.judge if self._decided else self._started + self._terms.judge - now
        self._until = now + rest / addresses_left

    def patience(self) -> float:
        """Seconds to wait for the next sign of life."""
        now = self._clock()
        trial = math.inf if self._convinced else self._until - now
        return max(0.0, min(self._terms.silence, trial, self._started + self._terms.whole - now))

    def answered(self) -> None:
        """The address answered; what it brings is measured from here on."""
        self._answered = self._clock()
        self._brought = 0

    def brought(self, count: int, left: int) -> None:
        """`count` bytes came, `left` are still to come in all. Raises TransferFault where that is too slow."""
        self._brought += count
        now = self._clock()
        seconds = now - self._answered
        speed = self._brought / max(seconds, 1e-6)
        self.speeds[self._address] = speed
        in_time = now - self._started + left / speed <= self._terms.whole
        if not self._convinced and (seconds >= MEASURED or now >= self._until):
            self._convinced = in_time
            self._decided = self._decided or in_time
        if now - self._started > self._terms.whole or (not self._convinced and now >= self._until):
            raise self._too_slow(left)

    def trust(self) -> None:
        """The address is known to be good."""
        self._convinced = self._decided = True

    def silent(self, left: int) -> TransferFault:
        """What to say of an address that sent nothing within `patience`."""
        now = self._clock()
        if now - self._started >= self._terms.whole or (not self._convinced and self._brought):
            return self._too_slow(left)
        if self._convinced and self._brought:
            return BrokenOff(f"sent nothing for {self._terms.silence:.0f} s")
        return TransferFault(f"did not answer within {max(now - self._asked, 0.1):.1f} s")

    def _too_slow(self, left: int) -> TransferFault:
        speed = self._brought / max(self._clock() - self._answered, 1e-6)
        rest = f", {duration(left / speed)} for the rest" if speed else ""
        return TransferFault(f"is too slow ({size(speed)}/s{rest})")
