"""Fetching the missing bytes of one file from one address, in as many requests as it takes.

Each request is read in a thread of its own, so that nothing in it can hold up the caller: resolving a name blocks for
as long as the system likes, and a server may answer never or one byte a minute. The caller waits on a queue as long as
its deadline allows. A thread that is left alone ends at the next bytes or at its socket's timeout; it writes no file.
"""

import errno
import http
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import httpx

from labtui import __version__
from labtui.datasets.deadline import Deadline
from labtui.datasets.fetch_errors import BrokenOff, TransferError
from labtui.datasets.part_file import PartFile
from labtui.text.clean import clean_line

STRIKES = 3
"""Broken transfers that brought less than a hundredth of the file before an address is given up."""

SOCKET_TIMEOUT = 60.0
"""Seconds after which a thread that was left alone ends; the caller's patience is shorter."""

_TLS = ssl.create_default_context()
_TEMPORARY = frozenset({408, 425, 429})
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


def complete(part: PartFile, address: str, deadline: Deadline, report: Callable[[], None], after: int) -> None:
    """Fill up the part from this address and check its MD5. `after`: bytes of other files that are still to come.

    Raises TransferError; what was received is kept. Other OSErrors are the disk's.
    """
    strikes = 0
    while True:
        before = part.size
        try:
            _request(part, address, deadline, report, after)
        except BrokenOff:
            gained = part.size - before
            strikes += gained < part.file.size / 100
            if gained <= 0 or strikes >= STRIKES:
                raise
            continue
        if part.md5() == part.file.md5:
            return
        mixed = not part.pure
        part.restart()
        if not mixed:
            raise TransferError("sent incorrect data (wrong MD5)", final=True)


def _request(part: PartFile, address: str, deadline: Deadline, report: Callable[[], None], after: int) -> None:
    with closing(_Download(address, part.size, part.validator(address))) as download:
        try:
            known = _accept(part, address, download.take(deadline.patience()))
            deadline.answered()
            while part.left:
                chunk: bytes = download.take(deadline.patience())
                if not chunk:
                    raise BrokenOff("closed the connection before the transfer was complete")
                if not part.size and part.file.name.endswith(".gz") and not chunk.startswith(b"\x1f"):
                    raise TransferError("sent something other than the file", final=True)
                part.append(chunk[known:][: part.left])
                known = max(0, known - len(chunk))
                report()
                deadline.received(len(chunk), known + part.left + after)
        except queue.Empty:
            raise deadline.silent(part.left + after) from None


def _accept(part: PartFile, address: str, response: httpx.Response) -> int:
    """Check the answer against what is needed; how many bytes at its start the part has already."""
    headers, is_partial = response.headers, response.status_code == http.HTTPStatus.PARTIAL_CONTENT
    start, total = 0, headers.get("Content-Length", "")
    if is_partial:
        match = re.match(r"bytes (\d+)-\d*/(\d+|\*)\Z", headers.get("Content-Range", ""), re.ASCII | re.IGNORECASE)
        if match is None:
            raise TransferError("sent part of the file without a valid Content-Range", final=True)
        start, total = int(match[1]), match[2]
    if headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
        raise TransferError("sent the file with an unexpected content encoding", final=True)
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
        raise TransferError("sent a web page instead of the file (the network's login page?)", final=True)
    if total.isdecimal() and int(total) != part.file.size:
        raise TransferError(f"has a file of {int(total):,} bytes, expected {part.file.size:,}", final=True)
    if is_partial and start != part.size:
        raise TransferError("sent a different byte range than requested", final=True)
    etag = headers.get("ETag", "")
    validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    asked_with = part.validator(address)
    if not is_partial and asked_with and validator != asked_with:
        part.restart()  # the server says that its file is no longer the one that the part came from
    part.came_from(address, validator)
    return 0 if is_partial else part.size


class _Download:
    """A request under way: `take` gives the response first, then chunks of its body, and b"" at its end."""

    def __init__(self, address: str, offset: int, validator: str) -> None:
        headers = {"User-Agent": f"labtui/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator:
                headers["If-Range"] = validator
        self._queue: queue.Queue[httpx.Response | bytes | TransferError] = queue.Queue(maxsize=32)
        self._closed = threading.Event()
        threading.Thread(target=self._read, args=(address, headers), name="download", daemon=True).start()

    def close(self) -> None:
        """Leave the request alone."""
        self._closed.set()

    def take(self, patience: float) -> Any:
        """The next item. Raises queue.Empty where none comes within `patience` seconds, and TransferError."""
        item = self._queue.get(timeout=max(patience, 0.001))
        if isinstance(item, TransferError):
            raise item
        return item

    def _put(self, item: httpx.Response | bytes | TransferError) -> None:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._queue.put(item, timeout=0.5)
                return

    def _read(self, address: str, headers: dict[str, str]) -> None:
        answered = False
        try:
            with new_client() as client, client.stream("GET", address, headers=headers) as response:
                _check_status(response)
                answered = True
                self._put(response)
                for chunk in response.iter_raw():
                    self._put(chunk)
                    if self._closed.is_set():
                        return
                self._put(b"")
        except Exception as error:  # noqa: BLE001 - the end of a thread: the caller hears of it, whatever it was
            self._put(in_words(error, answered=answered))


def new_client(**options: Any) -> httpx.Client:
    """A client for one request that follows a few redirects, though never from https to anything else."""
    allowed = {"http", "https"}

    def check(request: httpx.Request) -> None:
        scheme = request.url.scheme
        if scheme not in allowed:
            raise TransferError(clean_line(f"redirected to {scheme}, which is not followed", 80), final=True)
        allowed.intersection_update({scheme, "https"})

    hooks: dict[str, list[Callable[..., Any]]] = {"request": [check]}
    return httpx.Client(
        verify=_TLS, timeout=SOCKET_TIMEOUT, follow_redirects=True, max_redirects=5, event_hooks=hooks, **options
    )


new_client().close()  # httpx imports its transports with the first client: here, not within a deadline


def _check_status(response: httpx.Response) -> None:
    code = response.status_code
    if code not in (http.HTTPStatus.OK, http.HTTPStatus.PARTIAL_CONTENT):
        text = clean_line(f"answered {code} {response.reason_phrase}".strip(), 80)
        raise TransferError(text, final=code < http.HTTPStatus.INTERNAL_SERVER_ERROR and code not in _TEMPORARY)


def in_words(error: BaseException, *, answered: bool) -> TransferError:
    """What went wrong with a request, for people; `answered`: while the body was read."""
    if isinstance(error, TransferError):
        return error
    cause = error
    while deeper := cause.__cause__ or cause.__context__:
        cause = deeper
    if answered or isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return BrokenOff("closed the connection before the transfer was complete")
    match cause:
        case socket.gaierror():
            what = "has a name that could not be resolved"
        case ssl.SSLCertVerificationError():
            what = "has a certificate that could not be verified"
        case TimeoutError():
            what = "did not answer"
        case ConnectionRefusedError():
            what = "refused the connection"
        case OSError(errno=number) if number in _UNREACHABLE:
            what = "cannot be reached from this network"
        case _:
            what = clean_line(f"did not work ({type(error).__name__}: {error})", 160)
    return TransferError(what, final=isinstance(error, httpx.TooManyRedirects))
