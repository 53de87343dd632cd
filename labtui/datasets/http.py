"""One HTTP request, read by a thread of its own, so that nothing in it can hold up its caller.

Resolving a name blocks for as long as the system likes, a server may answer never or one byte a minute: the caller
waits on a queue with the patience it has, and leaves. An abandoned thread ends at its next sign of life or socket
timeout; it touches no file.
"""

import errno
import http.client
import queue
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from labtui import __version__
from labtui.datasets.fetch_errors import BrokenOff, Silence, TransferFault
from labtui.text.clean import clean_line

CHUNK = 1 << 18
SOCKET_TIMEOUT = 60.0
"""Seconds after which an abandoned thread gives up at the latest; the caller's patience is shorter."""

_PASSING = frozenset({408, 425, 429})  # "not now", not "never"
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server says about the body that follows."""

    partial: bool
    """Only the part that was asked for (206), not the whole file (200)."""
    start: int
    """The offset in the file at which the body begins."""
    total: int | None
    """Bytes of the whole file; None where the server does not say."""
    validator: str
    """A strong ETag or a date of change, with which a later request can ask for the rest of the same file."""
    content_type: str


class Stream:
    """A request under way: first one `reply`, then `chunk`s. Close it, or use it in a `with` block."""

    def __init__(self, address: str, offset: int = 0, validator: str = "") -> None:
        headers = {"User-Agent": f"labtui/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator:
                headers["If-Range"] = validator
        self._request = urllib.request.Request(address, headers=headers)  # noqa: S310 - our own http(s) addresses
        self._queue: queue.Queue[Reply | bytes | TransferFault] = queue.Queue(maxsize=32)
        self._closed = threading.Event()
        threading.Thread(target=self._read, name="download", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Want no more."""
        self._closed.set()

    def reply(self, patience: float) -> Reply:
        """The server's answer. Raises Silence, TransferFault."""
        item = self._take(patience)
        assert isinstance(item, Reply)
        return item

    def chunk(self, patience: float) -> bytes:
        """The next bytes; empty at the end of what the server sends. Raises Silence, TransferFault."""
        item = self._take(patience)
        assert isinstance(item, bytes)
        return item

    def _take(self, patience: float) -> Reply | bytes:
        try:
            item = self._queue.get(timeout=max(patience, 0.001))
        except queue.Empty:
            raise Silence from None
        if isinstance(item, TransferFault):
            raise item
        return item

    def _put(self, item: Reply | bytes | TransferFault) -> None:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._queue.put(item, timeout=0.5)
                return

    def _read(self) -> None:
        try:
            with _opener().open(self._request, timeout=SOCKET_TIMEOUT) as response:
                self._put(_reply(response.status, response.headers))
                chunk = b"-"
                while chunk and not self._closed.is_set():
                    chunk = response.read1(CHUNK)
                    self._put(chunk)
        except Exception as fault:  # noqa: BLE001 - the end of a thread: its caller is told, whatever it was
            self._put(in_words(fault))


def in_words(fault: BaseException) -> TransferFault:
    """What went wrong with a request, for people."""
    if isinstance(fault, TransferFault):
        return fault
    if isinstance(fault, urllib.error.HTTPError):
        fault.close()
        return TransferFault(
            clean_line(f"answered {fault.code} {fault.reason}", 80),
            final=fault.code < 500 and fault.code not in _PASSING,
        )
    if isinstance(fault, urllib.error.URLError) and isinstance(fault.reason, BaseException):
        return in_words(fault.reason)
    if isinstance(fault, ConnectionResetError | ConnectionAbortedError | BrokenPipeError | http.client.IncompleteRead):
        return BrokenOff("broke off the transfer")
    match fault:
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
            what = clean_line(f"did not work ({type(fault).__name__}: {fault})", 160)
    return TransferFault(what)


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, and never from https to anything else."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request for the new address. Raises TransferFault."""
        scheme = newurl.partition(":")[0].lower()
        if scheme not in {"http", "https"} or (req.type == "https" and scheme != "https"):
            fp.close()
            raise TransferFault(clean_line(f"redirects to {scheme}, which is not followed", 80), final=True)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Proxies of the environment, http and https; unlike `build_opener`, no ftp, no file, no data addresses."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        Redirects(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _reply(status: int, headers: Mapping[str, str]) -> Reply:
    """Raises TransferFault where status and headers do not make sense together."""
    if headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
        raise TransferFault("sends the file in another encoding", final=True)
    etag = headers.get("ETag", "")
    validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status == http.HTTPStatus.OK:
        length = headers.get("Content-Length", "")
        return Reply(False, 0, int(length) if length.isdecimal() else None, validator, kind)
    if status == http.HTTPStatus.PARTIAL_CONTENT:
        start, total = _content_range(headers.get("Content-Range", ""))
        return Reply(True, start, total, validator, kind)
    raise TransferFault(f"answered {status}", final=True)


def _content_range(text: str) -> tuple[int, int | None]:
    """`bytes 100-199/1000` as (100, 1000); the total may be `*`."""
    unit, _, rest = text.partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    if unit.lower() != "bytes" or not start.isdecimal():
        raise TransferFault("sends a part of the file without saying which", final=True)
    return int(start), int(total) if total.isdecimal() else None
