"""Fixtures of the tests of data sets."""

import threading
from collections.abc import Callable, Iterator

import pytest

from labtui.datasets import registry
from labtui.datasets.info import DatasetSource
from labtui.datasets.sets import digits
from tests.support.servers import Behaviour, Listener, Server, handler_of, well
from tests.support.tiny_data import ARCHIVE, CONTENTS


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server on loopback: `serve(behaviour, …)`; hanging answers are let go at the end."""
    running: list[tuple[Listener, Server]] = []

    def start(*behaviours: Behaviour, content: bytes = ARCHIVE) -> Server:
        served = {f"/{name}": body for name, body in CONTENTS.items()} | {"/tiny.tar.gz": content}
        server = Server(served, list(behaviours or [well]))
        listener = Listener(("127.0.0.1", 0), handler_of(server))
        server.base = f"http://127.0.0.1:{listener.server_port}/"
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append((listener, server))
        return server

    yield start
    for listener, server in running:
        server.release.set()
        listener.shutdown()
        listener.server_close()


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[DatasetSource], None]:
    """Make a data set the only one known beside the embedded digits."""

    def known(source: DatasetSource) -> None:
        monkeypatch.setattr(registry, "sources", lambda: {"tiny": source, "digits": digits.SOURCE})

    return known


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
