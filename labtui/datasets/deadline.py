"""Whether a fetch can end in time, judged by the clock while it runs.

There is one rule. An address has a share of the time to decide in which it must answer and show a rate at which
everything is here within the total. From then on it only has to keep to the total and must not fall silent.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from labtui.datasets.fetch_errors import BrokenOff, TransferError
from labtui.text.durations import duration
from labtui.text.sizes import size

MEASURED = 2.0
"""Seconds of transfer from which a rate is believed before an address's share of the time is over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a fetch may take, in seconds."""

    decide: float = math.inf
    """Until it must be known whether some address is fast enough; divided among the addresses."""
    total: float = math.inf
    """For everything."""
    silence: float = 30.0
    """Without a byte, from an address that is known to be fast enough."""


class Deadline:
    """Keeps the time of one fetch over all its addresses and files."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates: dict[str, float] = {}
        """Bytes per second that each address showed."""
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._decided = math.isinf(limits.decide)
        """Some address was fast enough."""
        self._accepted = self._decided
        """The address that is asked now is fast enough."""
        self._address = ""
        self._asked = self._until = self._answered = self._started
        self._received = 0

    @property
    def over(self) -> bool:
        """Whether no time is left to ask another address."""
        spent = self._clock() - self._started
        return spent >= self._limits.total or (not self._decided and spent >= self._limits.decide)

    def begin(self, address: str, addresses_left: int) -> None:
        """An address is asked. It and `addresses_left - 1` more share what is left of the time to decide."""
        self._address = address
        self._asked = self._answered = now = self._clock()
        self._received = 0
        if math.isinf(self._limits.decide):
            return
        self._accepted = False
        left = self._limits.decide if self._decided else self._started + self._limits.decide - now
        self._until = now + left / addresses_left

    def patience(self) -> float:
        """Seconds to wait for the next bytes."""
        now = self._clock()
        trial = math.inf if self._accepted else self._until - now
        return max(0.0, min(self._limits.silence, trial, self._started + self._limits.total - now))

    def answered(self) -> None:
        """The address answered: its rate is measured from here on."""
        self._answered = self._clock()
        self._received = 0

    def received(self, count: int, left: int) -> None:
        """`count` bytes came, `left` are still to come in all. Raises TransferError where that is too slow."""
        self._received += count
        now = self._clock()
        seconds = now - self._answered
        self.rates[self._address] = rate = self._received / max(seconds, 1e-6)
        if not self._accepted and (seconds >= MEASURED or now >= self._until):
            self._accepted = now - self._started + left / rate <= self._limits.total
            self._decided = self._decided or self._accepted
        if now - self._started > self._limits.total or (not self._accepted and now >= self._until):
            raise self._too_slow(left)

    def accept(self) -> None:
        """The address is known to be good."""
        self._accepted = self._decided = True

    def silent(self, left: int) -> TransferError:
        """What to say of an address that sent nothing for `patience` seconds."""
        now = self._clock()
        if now - self._started >= self._limits.total or (not self._accepted and self._received):
            return self._too_slow(left)
        if self._accepted and self._received:
            return BrokenOff(f"sent nothing for {duration(self._limits.silence)}")
        return TransferError(f"did not answer within {duration(max(now - self._asked, 0.1))}")

    def _too_slow(self, left: int) -> TransferError:
        rate = self._received / max(self._clock() - self._answered, 1e-6)
        rest = f", {duration(left / rate)} for the rest" if rate else ""
        return TransferError(f"is too slow ({size(rate)}/s{rest})")
