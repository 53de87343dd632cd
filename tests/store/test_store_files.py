"""Small files: written whole or not at all, wherever the writer is stopped, and never read beyond a limit."""

import os
import threading
import time
from pathlib import Path

import msgspec
import pytest

from labtui.store.files import (
    MAX_JSON_BYTES,
    DamagedFile,
    read_bytes,
    read_json,
    read_json_or_none,
    write_bytes,
    write_json,
)
from labtui.store.records import Beat, SpecFile
from tests.support.faults import OPERATIONS, hits, injected
from tests.support.samples import make_spec

OLD, NEW = b"the old content\n" * 50, b"the new content, longer\n" * 90


@pytest.mark.parametrize("durable", [True, False])
def test_a_writer_stopped_at_any_file_operation_leaves_the_old_content_or_the_new(
    tmp_path: Path, durable: bool
) -> None:
    path = tmp_path / "file.json"
    seen = set()
    for hit in hits(lambda: write_bytes(path, NEW, durable=durable), prepare=lambda: path.write_bytes(OLD)):
        content = path.read_bytes()
        assert content in (OLD, NEW), hit
        if hit.operation == "not reached":
            assert content == NEW
        if hit.kind != "kill":
            assert (hit.error is None) == (hit.operation == "not reached"), hit
            assert [entry.name for entry in tmp_path.iterdir()] == ["file.json"], hit
            seen.add(hit.operation)
        for left in tmp_path.glob(".*"):
            left.unlink()
    expected = {"open", "write", "not reached", "replace"} | ({"fsync"} if durable else set())
    assert seen == expected


def test_a_writer_of_a_first_file_leaves_it_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    spec_file = SpecFile(run_id="a/b/c", created=0.0, labtui="0.1.0", spec=make_spec())
    for hit in hits(lambda: write_json(path, spec_file), prepare=lambda: path.unlink(missing_ok=True)):
        assert not path.exists() or read_json(path, SpecFile) == spec_file, hit
        assert path.exists() or hit.operation != "not reached", hit


def test_the_content_reaches_the_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in OPERATIONS:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real, **k: (calls.append(_n), _r(*a, **k))[1])
    write_bytes(tmp_path / "file", NEW)
    assert calls[-5:-3] == ["write", "fsync"]
    assert calls[-3] == "replace"
    assert calls[-1] == "fsync"


def test_a_fault_strikes_the_very_operation_it_was_meant_for(tmp_path: Path) -> None:
    path = tmp_path / "half"
    with injected("ENOSPC", 2) as trap:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="No space left"):
            os.write(descriptor, b"1234567890")
        os.close(descriptor)
    assert trap.operation == "write"
    assert path.read_bytes() == b"12345"


@pytest.mark.timeout(120)
def test_no_reader_ever_sees_a_torn_file(tmp_path: Path) -> None:
    """100,000 reads by two readers while the file is replaced as fast as possible."""
    path = tmp_path / "beat.json"
    beats = [Beat(attempt=1, counter=n, phase="training", warning=chr(97 + n) * (1 + 900 * n)) for n in range(4)]
    contents = {msgspec.json.format(msgspec.json.encode(beat), indent=2) + b"\n" for beat in beats}
    write_json(path, beats[0], durable=False)
    ended = threading.Event()
    torn: list[bytes] = []

    def read() -> None:
        for _ in range(50_000):
            content = read_bytes(path)
            if content not in contents:
                torn.append(content)

    def write() -> None:
        while not ended.is_set():
            for beat in beats:
                write_json(path, beat, durable=False)

    writer = threading.Thread(target=write)
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in (writer, *readers):
        thread.start()
    for thread in readers:
        thread.join()
    ended.set()
    writer.join()
    assert torn == []


def test_links_pipes_and_folders_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DamagedFile, match="symbolic link"):
        read_bytes(tmp_path / "link.json")
    for name in ("pipe.json", "folder.json"):
        with pytest.raises((DamagedFile, IsADirectoryError)):
            read_bytes(tmp_path / name)
        assert read_json_or_none(tmp_path / name, Beat) is None


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(DamagedFile, match=r"4,194,305 bytes, more than"):
        read_bytes(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b'{"attempt": "one"}', r"\$\.attempt"),
        (b'{"counter": 3}', "attempt"),
        (b'{"attempt": 1, "counter": 1e999, "phase": "training"}', "counter"),
        (b'{"attempt": 1, "counter": ' + b"9" * 5_000 + b', "phase": "training"}', "counter"),
        (b'{"later key": ' + b"[" * 100_000, "recursion"),
        (b"[" * 100_000, "array"),
        (b'{"attempt": 1, "counter": 1, "phase": "\xff"}', "utf-8"),
    ],
)
def test_a_damaged_file_is_reported_with_its_path_and_key(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "beat.json"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=f"(?is)^{path}.*{message}"):
        read_json(path, Beat)


def test_a_file_that_is_being_replaced_on_a_shared_disk_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "beat.json"
    beat = Beat(attempt=1, counter=1, phase="training")
    path.write_bytes(b"")
    writer = threading.Timer(0.05, lambda: write_json(path, beat, durable=False))
    writer.start()
    assert read_json(path, Beat, retry_for=30.0) == beat
    writer.join()


def test_retrying_ends(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "absent.json", Beat, retry_for=0.05)
    assert time.monotonic() - began >= 0.05
