"""What a starter asks of the small parent, and what it hears back: values in, values out."""

from typing import Literal

import msgspec
from msgspec import Struct

from labtui.store.lock import LOCK_TIMEOUT

Why = Literal["running", "claimed", "finished", "elsewhere", "full", "environment", "run"]


class Order(Struct, frozen=True, kw_only=True):
    """Start this attempt of a run, if nobody has claimed it yet."""

    attempt: int
    """The number to claim. A starter that saw attempt 2 orders 3: of two that do so, one is told "claimed"."""
    device: str
    device_name: str = ""
    device_uuid: str | None = None
    threads: int
    data_root: str
    resume: bool = False
    catalog_folder: str | None = None
    slots: tuple[int, ...] = ()
    """Descriptors of device slots, inherited, that the run keeps until its last process has ended."""
    patience: float = LOCK_TIMEOUT
    """Seconds to try for the run's lock, and to wait for an engine that lost its parent."""
    take_over: bool = False
    """Whether an attempt that another host began may be taken for ended."""
    detach: bool = True
    launcher: str = "local"
    job_id: str | None = None


class Claimed(Struct, frozen=True, kw_only=True, tag_field="answer", tag="claimed"):
    """The attempt is this parent's own, its folder made and its log open."""

    attempt: int
    parent: int | None = None
    """Its pid."""


class Refused(Struct, frozen=True, kw_only=True, tag_field="answer", tag="refused"):
    """Nothing was started, and nothing in the run folder was changed.

    running: an earlier attempt still runs. claimed: somebody else started this very attempt. finished: there is nothing
    left to do. elsewhere: another host began the last attempt. full: the disk is. environment: the folder is in the
    way. run: it is no run.
    """

    why: Why
    message: str
    advice: str = ""


Answer = Claimed | Refused

READY = b"ready"
"""What a warm process says once it can take orders. An order to it is the run folder, a zero byte and the order's JSON,
with descriptors: the one to answer on, then those of the slots."""


def last_answer(said: str) -> Answer | None:
    """The answer among what a parent said; Python itself may have warned before it."""
    for line in reversed(said.splitlines()):
        try:
            answer: Answer = msgspec.json.decode(line, type=Answer)
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
        return answer
    return None
