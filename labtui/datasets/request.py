"""Bringing the missing bytes of one file from one address, with as many requests as it takes."""

from collections.abc import Callable

from labtui.datasets.deadline import Pace
from labtui.datasets.fetch_errors import BrokenOff, Silence, TransferFault
from labtui.datasets.http import Reply, Stream
from labtui.datasets.part_file import Part

STRIKES = 3
"""Breaks that brought less than a hundredth of the file before an address is given up."""


def complete(part: Part, address: str, pace: Pace, report: Callable[[], None], after: int) -> None:
    """Fill up the part from this address and check its MD5. `after`: bytes of other files that are still to come.

    Raises TransferFault; what came is kept. Other OSErrors are the disk's.
    """
    strikes = 0
    while True:
        before = part.size
        try:
            _request(part, address, pace, report, after)
        except BrokenOff:
            gained = part.size - before
            strikes += gained < part.file.size / 100
            if gained <= 0 or strikes >= STRIKES:
                raise
            continue
        if part.md5() == part.file.md5:
            return
        blameless = not part.pure
        part.restart()
        if not blameless:
            raise TransferFault("sends other bytes than it should (wrong MD5)", final=True)


def _request(part: Part, address: str, pace: Pace, report: Callable[[], None], after: int) -> None:
    with Stream(address, part.size, part.validator(address)) as stream:
        try:
            reply = stream.reply(pace.patience())
            known = _agree(part, address, reply)
            pace.answered()
            while part.left:
                chunk = stream.chunk(pace.patience())
                if not chunk:
                    raise BrokenOff("broke off the transfer")
                known = _take(part, chunk, known)
                report()
                pace.brought(len(chunk), known + part.left + after)
        except Silence:
            raise pace.silent(part.left + after) from None


def _agree(part: Part, address: str, reply: Reply) -> int:
    """Check the answer against what is wanted; how many bytes at its head the part has already."""
    if reply.content_type == "text/html":
        raise TransferFault("sends a web page instead of the file (a network's log-in page?)", final=True)
    if reply.total is not None and reply.total != part.file.size:
        raise TransferFault(f"has a file of {reply.total:,} bytes, not of {part.file.size:,}", final=True)
    if reply.partial and reply.start != part.size:
        raise TransferFault("sends another part of the file than was asked for", final=True)
    asked_with = part.validator(address)
    if not reply.partial and asked_with and reply.validator != asked_with:
        part.restart()  # the server says that its file is no longer the one that the part came from
    part.came_from(address, reply.validator)
    return 0 if reply.partial else part.size


def _take(part: Part, chunk: bytes, known: int) -> int:
    """Add what is new of a chunk; the number of bytes that are known and still to come."""
    if not part.size and part.file.name.endswith(".gz") and not chunk.startswith(b"\x1f"):
        raise TransferFault("sends something else than the file", final=True)
    new = chunk[known:][: part.left]
    if new:
        part.append(new)
    return max(0, known - len(chunk))
