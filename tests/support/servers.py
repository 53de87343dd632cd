"""A web server on loopback that answers as badly as a test wants."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """One request that arrived, and the way to answer it."""

    handler: BaseHTTPRequestHandler
    content: bytes
    release: threading.Event

    @property
    def path(self) -> str:
        return self.handler.path

    @property
    def range(self) -> str | None:
        return self.handler.headers.get("Range")

    @property
    def if_range(self) -> str | None:
        return self.handler.headers.get("If-Range")

    def start(self, status: int, **headers: object) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), str(value))
        self.handler.end_headers()

    def send(self, body: bytes) -> None:
        self.handler.wfile.write(body)
        self.handler.wfile.flush()


Behaviour = Callable[[Request], None]


@dataclass
class Server:
    """Answers its n-th request by the n-th behaviour, and all later ones by the last."""

    content: dict[str, bytes]
    behaviours: list[Behaviour]
    requests: list[Request] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    base: str = ""


class Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle is part of the tests."""


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(self, server.content.get(self.path, b""), server.release)
            server.requests.append(request)
            behaviour = server.behaviours[min(len(server.requests), len(server.behaviours)) - 1]
            behaviour(request)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


def well(request: Request) -> None:
    """As a good server does, ranges included."""
    body, headers, status = request.content, {"ETag": '"one"'}, 200
    if request.range and request.if_range in {None, '"one"'}:
        start = int(request.range.removeprefix("bytes=").removesuffix("-"))
        headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        body, status = body[start:], 206
    request.start(status, Content_Length=len(body), **headers)
    request.send(body)


def breaks_off(after: int) -> Behaviour:
    """Promises everything, sends `after` bytes of it, and closes the connection."""

    def behave(request: Request) -> None:
        start = int(request.range.removeprefix("bytes=").removesuffix("-")) if request.range else 0
        body = request.content[start:]
        headers = {"Content_Range": f"bytes {start}-{len(request.content) - 1}/{len(request.content)}"} if start else {}
        request.start(206 if start else 200, Content_Length=len(body), ETag='"one"', **headers)
        request.send(body[:after])

    return behave


def answers(status: int, body: bytes = b"", **headers: object) -> Behaviour:
    """A fixed answer; without a Content-Length among the headers it ends with the connection."""

    def behave(request: Request) -> None:
        request.start(status, **headers)
        request.send(body)

    return behave


def hangs(request: Request) -> None:
    """Takes the request and never answers."""
    request.release.wait()


def stalls(after: int) -> Behaviour:
    """Sends `after` bytes and then nothing, with the connection open."""

    def behave(request: Request) -> None:
        request.start(200, Content_Length=len(request.content))
        request.send(request.content[:after])
        request.release.wait()

    return behave
