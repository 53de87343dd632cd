"""What a starter orders from a supervisor, and what the supervisor answers. Both are JSON, also between versions."""

from typing import Literal

import msgspec
from msgspec import Struct, field

from labtui.store.lock import LOCK_TIMEOUT

RefusalReason = Literal["running", "claimed", "finished", "elsewhere", "full", "environment", "run"]


class Order(Struct, frozen=True, kw_only=True):
    """Start this attempt of a run, if no other process has claimed it."""

    attempt: int
    """The number to claim. A starter that saw attempt 2 orders 3; if two do so, one of them is answered "claimed"."""
    device: str
    device_name: str = ""
    device_uuid: str | None = None
    threads: int
    data_root: str
    resume: bool = False
    catalog_folder: str | None = None
    slots: tuple[int, ...] = ()
    """Inherited descriptors of device slots, which the run holds until its last process has exited."""
    timeout: float = field(default=LOCK_TIMEOUT, name="patience")
    """Seconds to try for the run's lock, and to wait for an engine that lost its supervisor."""
    take_over: bool = False
    """Whether to treat an attempt on another host that never reported its end as ended."""
    detach: bool = True
    launcher: str = "local"
    job_id: str | None = None


class Claimed(Struct, frozen=True, kw_only=True, tag_field="answer", tag="claimed"):
    """The supervisor has claimed the attempt: its folder is made and its log is open."""

    attempt: int
    supervisor: int | None = field(default=None, name="parent")
    """Its pid."""


class Refused(Struct, frozen=True, kw_only=True, tag_field="answer", tag="refused"):
    """Nothing was started, and nothing in the run folder was changed.

    running: an earlier attempt is still running. claimed: another process started this very attempt. finished: there is
    nothing left to do. elsewhere: another host began the last attempt. full: the disk is full. environment: a problem
    with the folder. run: the folder is not a run.
    """

    why: RefusalReason
    message: str
    advice: str = ""


Answer = Claimed | Refused


def last_answer(output: str) -> Answer | None:
    """The answer in the output of a supervisor; Python may have printed warnings before it."""
    for line in reversed(output.splitlines()):
        try:
            answer: Answer = msgspec.json.decode(line, type=Answer)
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
        return answer
    return None
