"""Files on the disk: checked once, damage noticed, archives unpacked with care, hostile pickles refused."""

import io
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labtui.datasets import is_present, listing, load, verification
from labtui.datasets.info import DatasetSource
from labtui.datasets.sets.cifar10 import load_pickle
from labtui.datasets.unpack import unpack
from labtui.datasets.verification import check
from labtui.errors import MachineError
from tests.support.tiny_data import ARCHIVE, CONTENTS, FOLDER, is_whole, pack, tiny_source

SOURCE = tiny_source("http://127.0.0.1:9/")
Register = Callable[[DatasetSource], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    for name, content in CONTENTS.items():
        (tmp_path / FOLDER / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed; files just written are remembered at once."""
    names: list[str] = []

    def counting(path: Path) -> str:
        names.append(path.name)
        return original(path)

    original = verification.file_md5
    monkeypatch.setattr(verification, "file_md5", counting)
    monkeypatch.setattr(verification, "SETTLED", -1e9)
    return names


def test_files_are_hashed_once_and_then_remembered(root: Path, hashed: list[str]) -> None:
    assert check(SOURCE, root) == ()
    assert sorted(hashed) == sorted(CONTENTS)
    assert check(SOURCE, root) == ()
    assert len(hashed) == len(CONTENTS)


def test_a_changed_file_is_hashed_again_even_if_its_size_and_time_look_the_same(root: Path, hashed: list[str]) -> None:
    path = root / FOLDER / "batch_1"
    check(SOURCE, root)
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[20_000] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if path.stat().st_ctime_ns == before.st_ctime_ns:
        pytest.skip("this disk's clock did not tick in between")
    (flaw,) = check(SOURCE, root)
    assert flaw.name == "batch_1"
    assert flaw.what.startswith("damaged (MD5 ")
    assert hashed.count("batch_1") == 2
    assert hashed.count("meta") == 1


def test_a_file_changed_a_moment_ago_is_not_remembered(
    root: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "SETTLED", 1e9)
    check(SOURCE, root)
    check(SOURCE, root)
    assert len(hashed) == 2 * len(CONTENTS)


def test_files_moved_to_another_folder_are_hashed_there(root: Path, hashed: list[str]) -> None:
    check(SOURCE, root)
    moved = root.parent / "moved"
    root.rename(moved)
    assert check(SOURCE, moved) == ()
    assert len(hashed) == 2 * len(CONTENTS)


@pytest.mark.parametrize("memory", [b"", b"{", b'{"folder": 1}', b"[" * 100_000])
def test_a_damaged_memory_only_costs_time(root: Path, hashed: list[str], memory: bytes) -> None:
    check(SOURCE, root)
    (path,) = (Path(os.environ["XDG_CACHE_HOME"]) / "labtui" / "verified").iterdir()
    path.write_bytes(memory)
    assert check(SOURCE, root) == ()
    assert len(hashed) == 2 * len(CONTENTS)


def test_a_home_that_cannot_be_written_only_costs_time(
    root: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch, register: Register
) -> None:
    (root / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "file"))
    register(SOURCE)
    assert load("tiny", root).train.shape == (1, 3, 32, 32)
    assert check(SOURCE, root) == ()
    assert len(hashed) == 2 * len(CONTENTS)


def test_a_data_set_that_is_not_here_at_all_is_reported_with_what_to_do(tmp_path: Path, register: Register) -> None:
    register(SOURCE)
    with pytest.raises(MachineError) as caught:
        load("tiny", tmp_path)
    assert caught.value.message == f"Tiny is not in {tmp_path}. Nothing was changed."
    assert "labtui data get tiny" in caught.value.advice


def test_a_missing_a_short_and_a_linked_file_are_distinguished(root: Path, register: Register) -> None:
    register(SOURCE)
    folder = root / FOLDER
    assert is_present("tiny", root)
    (folder / "batch_1").unlink()
    (folder / "batch_2").write_bytes(b"short")
    (folder / "meta").rename(root / "meta")
    (folder / "meta").symlink_to(root / "meta")
    assert not is_present("tiny", root)
    with pytest.raises(MachineError) as caught:
        load("tiny", root)
    for words in ("batch_1 is missing", r"batch_2 is damaged (5 bytes, 40,000 expected)", "meta is a symbolic link"):
        assert words in caught.value.message


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_not_read(root: Path, kind: str) -> None:
    path = root / FOLDER / "meta"
    path.unlink()
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    assert [flaw.what for flaw in check(SOURCE, root)] == ["not a regular file"]


def test_a_linked_folder_is_refused(root: Path) -> None:
    (root / FOLDER).rename(root / "elsewhere")
    (root / FOLDER).symlink_to(root / "elsewhere")
    assert all("symbolic link" in flaw.what for flaw in check(SOURCE, root))


def test_the_list_says_what_is_here(root: Path, register: Register) -> None:
    register(SOURCE)
    assert [(row.name, row.state, row.present) for row in listing(root)] == [
        ("tiny", "available", True),
        ("digits", "embedded", True),
    ]
    (root / FOLDER / "meta").unlink()
    assert listing(root)[0].state == "incomplete: meta is missing"
    nowhere = root / "nowhere"
    assert listing(nowhere)[0].state == "not available"
    nowhere.mkdir()
    (nowhere / "tiny.tar.gz.part").write_bytes(b"x" * 5_000)
    assert listing(nowhere)[0].state == "not available; 4.9 KiB of 118 KiB downloaded"


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def regular(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def test_only_known_files_leave_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "tiny.tar.gz"
    path.write_bytes(
        archive_of(
            special(FOLDER, tarfile.SYMTYPE, "/etc"),
            regular("../outside", b"x"),
            regular("/tmp/outside-of-tiny", b"x"),
            regular(f"{FOLDER}/../outside", b"x"),
            regular(f"{FOLDER}/unknown", b"x"),
            special(f"{FOLDER}/device", tarfile.CHRTYPE),
            *(regular(f"{FOLDER}/{name}", content) for name, content in CONTENTS.items()),
        )
    )
    assert SOURCE.remote
    (tmp_path / "root").mkdir()
    unpack(path, SOURCE.remote, tmp_path / "root")
    assert is_whole(tmp_path / "root")
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not path.is_dir()]
    assert sorted(found) == sorted(["tiny.tar.gz", *(f"root/{FOLDER}/{name}" for name in CONTENTS)])


@pytest.mark.parametrize(
    "bad",
    [
        special(f"{FOLDER}/meta", tarfile.SYMTYPE, "/etc/hostname"),
        special(f"{FOLDER}/meta", tarfile.LNKTYPE, f"{FOLDER}/batch_1"),
        special(f"{FOLDER}/meta", tarfile.FIFOTYPE),
        regular(f"{FOLDER}/meta", b"too short"),
        regular(f"{FOLDER}/meta", bytes(len(CONTENTS["meta"]))),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_not_placed(tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes]) -> None:
    good = (regular(f"{FOLDER}/{name}", CONTENTS[name]) for name in ("batch_1", "batch_2"))
    path = tmp_path / "tiny.tar.gz"
    path.write_bytes(archive_of(bad, *good))
    assert SOURCE.remote
    with pytest.raises(MachineError, match="does not contain meta"):
        unpack(path, SOURCE.remote, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny.tar.gz"]


@pytest.mark.parametrize("content", [ARCHIVE[:-20_000], b"\x1f\x8b" + bytes(100), b"no archive", b"", pack({})])
def test_a_broken_archive_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tiny.tar.gz"
    path.write_bytes(content)
    assert SOURCE.remote
    with pytest.raises(MachineError, match=r"cannot be unpacked|does not contain"):
        unpack(path, SOURCE.remote, tmp_path)


class Hostile:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("call", [os.system, eval, exec, __import__, open, getattr, np.load, np.ndarray.tofile])
def test_a_hostile_pickle_runs_nothing(tmp_path: Path, call: Callable[..., object], protocol: int) -> None:
    marker = tmp_path / "ran"
    content = pickle.dumps({"data": Hostile(call, f"touch {marker}")}, protocol)
    with pytest.raises(MachineError, match=r"it was not loaded|not a readable pickle"):
        load_pickle(content)
    assert not marker.exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02", b"\x80\x02}q\x01(U", b"garbage", pickle.dumps(1)[:-1], b"(" * 10_000]
)
def test_a_damaged_pickle_is_reported(content: bytes) -> None:
    with pytest.raises(MachineError, match="not a readable pickle"):
        load_pickle(content)


def test_arrays_come_through_the_restricted_pickle() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    loaded = load_pickle(pickle.dumps({b"data": array, b"labels": [1, 2, 3]}, 3))
    assert loaded[b"labels"] == [1, 2, 3]
    np.testing.assert_array_equal(loaded[b"data"], array)
