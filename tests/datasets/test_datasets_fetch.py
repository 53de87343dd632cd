"""Fetching: what a server may do wrong, and what comes of it."""

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from filelock import FileLock

from labtui.datasets import part_file
from labtui.datasets.deadline import Limits
from labtui.datasets.fetch_errors import FetchError, TransferError
from labtui.datasets.fetching import fetch, fetch_source
from labtui.datasets.http import new_client
from labtui.datasets.info import DatasetSource
from labtui.errors import MachineError
from tests.support.servers import Server, answers, breaks_off, hangs, stalls, well
from tests.support.tiny_data import ARCHIVE, CONTENTS, FOLDER, is_whole, pack, tiny_source

Serve = Callable[..., Server]
CALM = Limits(silence=60.0)
HURRIED = Limits(decide=0.4, total=300.0)
PART = "tiny.tar.gz.part"


def fetched(
    root: Path, *servers: Server | str, limits: Limits = CALM, source: DatasetSource | None = None
) -> list[tuple[int, int]]:
    """Fetch the small data set from these servers; what the progress said."""
    bases = [server if isinstance(server, str) else server.base for server in servers]
    steps: list[tuple[int, int]] = []
    fetch_source(source or tiny_source(*bases), root, rounds=(limits,), progress=lambda *step: steps.append(step))
    return steps


def test_a_good_server_sends_all_files_and_nothing_else_is_left(serve: Serve, tmp_path: Path) -> None:
    steps = fetched(tmp_path / "new" / "root", server := serve(well))
    root = tmp_path / "new" / "root"
    assert is_whole(root)
    assert sorted(path.name for path in root.iterdir()) == [".tiny.lock", FOLDER]
    assert sorted(path.name for path in (root / FOLDER).iterdir()) == sorted(CONTENTS)
    assert steps[-1] == (len(ARCHIVE), len(ARCHIVE))
    assert steps == sorted(steps)
    assert len(server.requests) == 1


def test_what_is_here_is_not_fetched_again(serve: Serve, tmp_path: Path) -> None:
    fetched(tmp_path, server := serve(well))
    assert fetched(tmp_path, server) == []
    assert len(server.requests) == 1


def test_files_without_an_archive_are_fetched_one_by_one_and_only_where_needed(serve: Serve, tmp_path: Path) -> None:
    server = serve(well)
    source = tiny_source(server.base, packed=False)
    steps = fetched(tmp_path, source=source)
    assert is_whole(tmp_path)
    assert steps[-1] == (120_000, 120_000)
    (tmp_path / FOLDER / "meta").write_bytes(b"damaged")
    fetched(tmp_path, source=source)
    assert is_whole(tmp_path)
    assert [request.path for request in server.requests] == ["/batch_1", "/batch_2", "/meta", "/meta"]


def test_a_transfer_that_breaks_off_is_resumed(serve: Serve, tmp_path: Path) -> None:
    fetched(tmp_path, server := serve(breaks_off(50_000), breaks_off(30_000), well))
    assert is_whole(tmp_path)
    assert [request.range for request in server.requests] == [None, "bytes=50000-", "bytes=80000-"]
    assert [request.if_range for request in server.requests] == [None, '"one"', '"one"']


def test_an_address_that_keeps_breaking_off_is_left_and_its_bytes_are_used(serve: Serve, tmp_path: Path) -> None:
    broken = serve(breaks_off(10_000), breaks_off(100), breaks_off(100), breaks_off(100))
    fetched(tmp_path, broken, good := serve(well))
    assert is_whole(tmp_path)
    assert len(broken.requests) == 4
    assert [request.range for request in good.requests] == ["bytes=10300-"]
    assert good.requests[0].if_range is None, "another server's mark says nothing about this one's file"


def test_an_interrupted_fetch_is_resumed_by_the_next_one(serve: Serve, tmp_path: Path) -> None:
    broken = serve(breaks_off(70_000), answers(503))
    with pytest.raises(FetchError, match=r"68.4 KiB of 118 KiB are stored in .*\.part, and the next attempt resumes"):
        fetched(tmp_path, broken)
    broken.behaviours.append(well)
    fetched(tmp_path, broken)
    assert broken.requests[-1].range == "bytes=70000-"
    assert is_whole(tmp_path)


@pytest.mark.parametrize("promised", [len(ARCHIVE) - 1, len(ARCHIVE) + 1, 0])
def test_a_wrong_length_is_refused_before_a_byte_is_written(serve: Serve, tmp_path: Path, promised: int) -> None:
    liar = serve(answers(200, ARCHIVE, Content_Length=promised))
    with pytest.raises(FetchError, match=f"has a file of {promised:,} bytes"):
        fetched(tmp_path, liar)
    assert not (tmp_path / PART).exists()
    assert len(liar.requests) == 1


def test_a_body_without_a_length_is_taken_and_checked(serve: Serve, tmp_path: Path) -> None:
    fetched(tmp_path, serve(answers(200, ARCHIVE + b"and more")))
    assert is_whole(tmp_path)


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"Content_Type": "text/html; charset=utf-8"}, "sent a web page"),
        ({"Content_Type": "application/gzip"}, "sent something other"),
        ({"Content_Type": "text/html", "Content_Length": len(ARCHIVE)}, "sent a web page"),
        ({"Content_Encoding": "br"}, "with an unexpected content encoding"),
    ],
)
def test_a_web_page_instead_of_the_file_is_reported_and_not_kept(
    serve: Serve, tmp_path: Path, headers: dict[str, object], what: str
) -> None:
    with pytest.raises(FetchError, match=what):
        fetched(tmp_path, serve(answers(200, b"<html>Log in to the network".ljust(len(ARCHIVE)), **headers)))
    assert not (tmp_path / PART).exists()


def test_wrong_bytes_of_the_right_length_are_refused_and_the_next_address_is_asked(
    serve: Serve, tmp_path: Path
) -> None:
    forged = ARCHIVE[:-1] + bytes([ARCHIVE[-1] ^ 1])
    wrong, good = serve(content=forged), serve(well)
    fetched(tmp_path, wrong, good)
    assert is_whole(tmp_path)
    assert good.requests[0].range is None, "nothing of the wrong bytes may be used"
    with pytest.raises(FetchError, match="wrong MD5"):
        fetched(tmp_path / "other", wrong)


@pytest.mark.parametrize("length", [50_000, len(ARCHIVE), len(ARCHIVE) + 10])
def test_a_damaged_partial_file_is_recovered_from(serve: Serve, tmp_path: Path, length: int) -> None:
    (tmp_path / PART).write_bytes(b"\x1f" + bytes(length - 1))
    fetched(tmp_path, server := serve(well))
    assert is_whole(tmp_path)
    assert server.requests[-1].range is None


def test_a_partial_file_that_is_whole_needs_no_network(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(ARCHIVE)
    fetched(tmp_path, server := serve(well))
    assert is_whole(tmp_path)
    assert not server.requests


def test_an_archive_put_there_by_hand_is_used_and_left_alone(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "tiny.tar.gz").write_bytes(ARCHIVE)
    fetched(tmp_path, server := serve(well))
    assert is_whole(tmp_path)
    assert not server.requests
    assert (tmp_path / "tiny.tar.gz").read_bytes() == ARCHIVE


def test_a_half_archive_put_there_by_hand_is_left_alone_too(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "tiny.tar.gz").write_bytes(ARCHIVE[:1000])
    fetched(tmp_path, serve(well))
    assert is_whole(tmp_path)
    assert (tmp_path / "tiny.tar.gz").read_bytes() == ARCHIVE[:1000]


def test_a_server_without_ranges_is_read_from_the_start_and_the_known_bytes_are_skipped(
    serve: Serve, tmp_path: Path
) -> None:
    whole = answers(200, ARCHIVE, Content_Length=len(ARCHIVE), ETag='"one"')
    steps = fetched(tmp_path, server := serve(breaks_off(50_000), whole))
    assert is_whole(tmp_path)
    assert server.requests[1].range == "bytes=50000-"
    assert steps == sorted(steps), "bytes that are here are never given up"


def test_a_server_whose_file_has_changed_is_read_from_the_start(serve: Serve, tmp_path: Path) -> None:
    old = pack({"other": b"x" * 10})[:50].ljust(50_000)
    first = answers(200, old, Content_Length=len(ARCHIVE), ETag='"zero"')
    fetched(tmp_path, server := serve(first, well))
    assert is_whole(tmp_path)
    assert server.requests[1].if_range == '"zero"'
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "content_range", ["bytes 0-99/100", "bytes 7-99/*", "", "lines 1-2/3", f"bytes 9-/{len(ARCHIVE)}"]
)
def test_a_wrong_part_is_refused(serve: Serve, tmp_path: Path, content_range: str) -> None:
    server = serve(breaks_off(50_000), answers(206, ARCHIVE[50_000:], Content_Range=content_range))
    with pytest.raises(
        FetchError, match=r"a different byte range|without a valid Content-Range|has a file of 100 bytes"
    ):
        fetched(tmp_path, server)
    assert (tmp_path / PART).read_bytes() == ARCHIVE[:50_000]


@pytest.mark.parametrize("status", [404, 403, 416, 429, 500, 503])
def test_an_error_answer_is_reported_and_the_next_address_asked(serve: Serve, tmp_path: Path, status: int) -> None:
    bad = serve(answers(status))
    with pytest.raises(FetchError, match=f"answered {status}") as caught:
        fetched(tmp_path, bad)
    assert bad.base in str(caught.value)
    assert "labtui data get tiny" in caught.value.advice
    fetched(tmp_path, bad, serve(well))
    assert is_whole(tmp_path)


def test_a_redirect_is_followed(serve: Serve, tmp_path: Path) -> None:
    good = serve(well)
    fetched(tmp_path, serve(answers(302, Location=f"{good.base}tiny.tar.gz")))
    assert is_whole(tmp_path)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/tiny.tar.gz", "data:,x"])
def test_a_redirect_away_from_the_web_is_not_followed(serve: Serve, tmp_path: Path, target: str) -> None:
    with pytest.raises(FetchError, match=r"redirected to (file|ftp), which is not followed|InvalidURL"):
        fetched(tmp_path, serve(answers(302, Location=target)))


@pytest.mark.parametrize("start", ["http", "https"])
def test_a_redirect_never_leads_from_https_to_http(start: str) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        target = "https" if request.url.scheme == "http" else "http"
        return httpx.Response(302, headers={"Location": f"{target}://tiny.invalid/"})

    refused = pytest.raises(TransferError, match="redirected to http, which is not followed")
    with new_client(transport=httpx.MockTransport(away)) as client, refused:
        client.get(f"{start}://tiny.invalid/")


def test_a_circle_of_redirects_ends(serve: Serve, tmp_path: Path) -> None:
    server = serve(answers(302, Location="/tiny.tar.gz"))
    with pytest.raises(FetchError, match=r"did not work \(TooManyRedirects"):
        fetched(tmp_path, server)
    assert len(server.requests) < 10


def test_what_a_server_says_reaches_no_terminal_raw(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda request: request.send(b"HTTP/1.0 404 \x1b]52;c;aGk=\x07[/nope]\r\n\r\n"))
    with pytest.raises(FetchError) as caught:
        fetched(tmp_path, server)
    assert "\x1b" not in str(caught.value) + caught.value.short


def test_a_server_that_never_answers_is_left_in_time(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="did not answer within"):
        fetched(tmp_path, serve(hangs), limits=HURRIED)


def test_a_server_that_falls_silent_is_judged_by_what_it_brought(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="is too slow"):
        fetched(tmp_path, serve(stalls(100)), limits=Limits(decide=1.5, total=2.0))
    assert (tmp_path / PART).stat().st_size == 100


def test_a_name_that_takes_for_ever_to_resolve_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def blocked(*_: object, **__: object) -> list[object]:
        release.wait()
        raise socket.gaierror(-3, "later")

    monkeypatch.setattr(socket, "getaddrinfo", blocked)
    with pytest.raises(FetchError, match="did not answer within"):
        fetched(tmp_path, "http://tiny.invalid/", limits=HURRIED)
    release.set()


def test_nobody_listening_is_reported(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match="refused the connection"):
        fetched(tmp_path, f"http://127.0.0.1:{port}/")


def test_something_that_is_not_a_web_server_is_reported(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="did not work"):
        fetched(tmp_path, serve(lambda request: request.send(b"SSH-2.0-OpenSSH_9.2\r\n")))


def test_a_second_round_is_patient_where_the_first_one_was_not(serve: Serve, tmp_path: Path) -> None:
    server = serve(stalls(100), well)
    fetch_source(tiny_source(server.base), tmp_path, rounds=(Limits(decide=1.5, total=2.0), CALM))
    assert is_whole(tmp_path)
    assert server.requests[1].range == "bytes=100-"


def test_a_fetch_without_a_deadline_waits_for_another_process_however_slow(serve: Serve, tmp_path: Path) -> None:
    other = FileLock(tmp_path / ".tiny.lock", thread_local=False)
    other.acquire()
    reports: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        reports.append((done, total))
        if len(reports) == 5:
            other.release()

    source = tiny_source(serve(well).base)
    fetch_source(source, tmp_path, rounds=(Limits(decide=0.1, total=0.1), CALM), progress=progress)
    assert is_whole(tmp_path)
    assert reports[:4] == [(0, len(ARCHIVE))] * 4


def test_a_fetch_by_name_takes_other_addresses_and_a_deadline(
    serve: Serve, register: Callable[[DatasetSource], None], tmp_path: Path
) -> None:
    register(tiny_source(serve(answers(404)).base))
    with pytest.raises(FetchError, match="answered 404"):
        fetch("tiny", tmp_path)
    with pytest.raises(FetchError, match="did not answer within"):
        fetch("tiny", tmp_path, deadline=0.2, addresses=[serve(hangs).base])
    fetch("tiny", tmp_path, addresses=[serve(well).base])
    assert is_whole(tmp_path)


def test_what_is_embedded_needs_no_fetch(tmp_path: Path) -> None:
    fetch("digits", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_an_address_that_sends_wrong_things_is_not_asked_in_a_second_round(serve: Serve, tmp_path: Path) -> None:
    server = serve(answers(404))
    with pytest.raises(FetchError):
        fetch_source(tiny_source(server.base), tmp_path, rounds=(HURRIED, CALM))
    assert len(server.requests) == 1


def test_a_full_disk_is_reported_and_what_was_received_is_kept(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 60_000

    def write(descriptor: int, content: bytes) -> None:
        nonlocal left
        os.write(descriptor, content[:left])
        left -= len(content[:left])
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")

    server = serve(well)
    with monkeypatch.context() as patched:
        patched.setattr(part_file, "write_all", write)
        with pytest.raises(FetchError, match=r"disk that holds .* is full .*The partial download is kept") as caught:
            fetched(tmp_path, server)
    assert "Free some space" in caught.value.advice
    assert (tmp_path / PART).read_bytes() == ARCHIVE[:60_000]
    fetched(tmp_path, server)
    assert server.requests[1].range == "bytes=60000-"
    assert is_whole(tmp_path)


def test_a_disk_with_too_little_room_is_reported_before_a_byte_is_fetched(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(well)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(FetchError, match=r"235 KiB are needed; 97\.7 KiB are free"):
        fetched(tmp_path, server)
    assert not server.requests


def test_a_data_folder_that_cannot_be_made_is_reported(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchError, match="cannot be written") as caught:
        fetched(tmp_path / "file" / "data", serve(well))
    assert "--data" in caught.value.advice


def test_a_disk_without_locks_is_reported(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lockless(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", lockless)
    with pytest.raises(FetchError, match="has no file locks"):
        fetched(tmp_path, server := serve(well))
    assert not server.requests


@pytest.mark.parametrize("link", [FOLDER, PART])
def test_links_below_the_data_folder_are_not_followed(serve: Serve, tmp_path: Path, link: str) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / link).symlink_to(elsewhere)
    with pytest.raises(MachineError, match=r"symbolic link|cannot be written"):
        fetched(root, serve(well))
    assert not list(elsewhere.iterdir())


def test_the_data_folder_itself_may_be_a_link(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    fetched(tmp_path / "link", serve(well))
    assert is_whole(tmp_path / "real")
