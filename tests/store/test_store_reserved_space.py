"""Reserved disk space: a small file can be replaced even if nothing else fits on the disk."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from labtui.store.reserved_space import ReservedSpace
from tests.support.faults import hits

OLD, NEW = b'{"old": 1}\n', b'{"new": 22222}\n'


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(512))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_on_a_full_disk_the_file_can_be_replaced_any_number_of_times(small_disk: Path) -> None:
    path = small_disk / "beat.json"
    space = ReservedSpace(path, 4096)
    space.reserve()
    space.write(OLD)
    fill(small_disk)
    for number in range(50):
        content = b"x" * (4096 - 40 * number)
        space.write(content)
        assert path.read_bytes() == content
        fill(small_disk)  # whatever room came free is taken at once
    (small_disk / "filler").unlink()
    space.write(NEW)
    assert path.read_bytes() == NEW
    space.release()
    assert names(small_disk) == ["beat.json"]


def test_on_a_full_disk_a_first_file_can_be_created(small_disk: Path) -> None:
    path = small_disk / "result.json"
    space = ReservedSpace(path, 4096)
    space.reserve()
    fill(small_disk)
    space.write(NEW)
    assert path.read_bytes() == NEW


def test_without_enough_reserved_space_a_full_disk_is_reported(small_disk: Path) -> None:
    path = small_disk / "beat.json"
    path.write_bytes(OLD)
    small, none = ReservedSpace(path, 8), ReservedSpace(path, 4096)
    small.reserve()
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        small.write(NEW)
    small.release()
    fill(small_disk)
    none.reserve()
    with pytest.raises(OSError, match=r"No space left|No such file"):
        none.write(NEW)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("before", [True, False])
def test_a_writer_stopped_at_any_file_operation_leaves_the_old_content_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """Also on a full disk, where the reserved space is used."""
    path = tmp_path / "beat.json"

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def prepare() -> None:
        for left in tmp_path.iterdir():
            left.unlink()
        space.reserve()
        if before:
            path.write_bytes(OLD)

    space = ReservedSpace(path, 4096)
    for hit in hits(lambda: space.write(NEW), prepare=prepare):
        content = path.read_bytes() if path.exists() else None
        assert content in ((OLD, NEW) if before else (None, NEW)), hit
        assert content == NEW or hit.operation != "not reached", hit
        assert content == NEW or hit.kind != "ENOSPC", hit
    monkeypatch.setattr(space, "reserve", lambda: (tmp_path / ".beat.json.room.tmp").write_bytes(bytes(4096)))
    monkeypatch.setattr("labtui.store.reserved_space.write_bytes", full)
    for hit in hits(lambda: space.write(NEW), prepare=prepare):
        content = path.read_bytes() if path.exists() else None
        assert content in ((OLD, NEW) if before else (None, NEW)), hit
        assert content == NEW or hit.operation != "not reached", hit
