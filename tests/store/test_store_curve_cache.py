"""The cache of curves: a reader shows the same with and without it, whatever happens to the files and the cache."""

import mmap
import os
import random
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.store import curve_cache, event_file, reader
from labtui.store.curve_cache import CachedCurves, CurveCache, FileProgress, FileStamp, UnusableCache
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.event_file import EventFile
from labtui.store.reader import RunReader, read_curves
from labtui.store.tfrecord import frame

FIRST, SECOND, THIRD = (f"events.out.tfevents.{number}.host" for number in (1, 2, 3))
TAGS = ("train/loss", "lr", "val/accuracy")

Shown = dict[str, tuple[list[int], bytes, list[float]]]


def content_of(points: list[tuple[str, int, float]]) -> bytes:
    return version_event(1.7e9) + b"".join(
        scalar_event(1.7e9 + place, step, tag, value) for place, (tag, step, value) in enumerate(points)
    )


def some(count: int, value: float = 0.5, first: int = 0) -> list[tuple[str, int, float]]:
    return [(TAGS[place % 3], first + place // 3, value + place) for place in range(count)]


def shown(curves: Any) -> Shown:
    """Everything that a curve is, NaN included."""
    return {
        tag: (curve.steps.tolist(), curve.values.tobytes(), curve.wall_times.tolist()) for tag, curve in curves.items()
    }


def read(folder: Path, cache: CurveCache | None = None) -> RunReader:
    made = RunReader(folder, cache)
    made.poll()
    while not made.complete:
        made.poll()
    return made


def assert_shows_the_event_files(folder: Path, cache: CurveCache) -> RunReader:
    """With the cache and without it: the same curves in the same order, and the same damage."""
    with_cache, without = read(folder, cache), read(folder)
    assert shown(with_cache.curves) == shown(without.curves)
    assert with_cache.damage == without.damage
    return with_cache


def entry(cache: CurveCache) -> Path:
    (found,) = cache.folder.iterdir()
    return found


@pytest.fixture(autouse=True)
def _cache_small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the small files of the tests are cached."""
    monkeypatch.setattr(reader, "MIN_CACHED_BYTES", 1)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled from the first moment on."""
    monkeypatch.setattr(event_file, "SETTLED_NS", -(1 << 62))


@pytest.fixture
def cache(tmp_path: Path) -> CurveCache:
    return CurveCache(tmp_path / "cache" / "curves")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two attempts, whose steps overlap."""
    folder = tmp_path / "runs" / "run"
    folder.mkdir(parents=True)
    (folder / FIRST).write_bytes(content_of(some(600)))
    (folder / SECOND).write_bytes(content_of(some(300, 7.0, first=150)))
    return folder


def offsets(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The files and offsets from which is read from now on."""
    seen: list[tuple[str, int]] = []
    advance = EventFile.advance

    def counted_advance(self: EventFile, budget: int) -> Any:
        seen.append((self.path.name, self.offset))
        return advance(self, budget)

    monkeypatch.setattr(EventFile, "advance", counted_advance)
    return seen


def forbid_event_files(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def guarded(path: Any, *args: Any, **more: Any) -> int:
        assert "tfevents" not in str(path), f"{path} was opened"
        return opened(path, *args, **more)

    monkeypatch.setattr(os, "open", guarded)


# --- what a second reader sees ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("settled")
def test_unchanged_runs_are_shown_without_opening_an_event_file(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = shown(read_curves(run))
    assert shown(read_curves(run, cache)) == wanted
    with monkeypatch.context() as patch:
        forbid_event_files(patch)
        again = RunReader(run, cache)
        assert again.poll()
        assert (shown(again.curves), again.complete, again.damage) == (wanted, True, ())
        assert not again.poll()


def test_files_that_have_just_changed_are_compared_by_checksum_and_not_decoded_again(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_curves(run, cache)
    seen = offsets(monkeypatch)
    assert shown(read(run, cache).curves) == shown(read_curves(run, cache))
    assert seen == []


def test_cached_curves_are_in_the_mapped_file_and_cannot_be_written(run: Path, cache: CurveCache) -> None:
    (inside,) = {type(root(curve.values)) for curve in read_curves(run, cache).values()}
    assert inside is mmap.mmap
    with pytest.raises(ValueError, match="read-only"):
        read_curves(run, cache)["lr"].values[0] = 1.0


def root(array: Any) -> Any:
    while isinstance(array, np.ndarray | memoryview):
        array = array.base if isinstance(array, np.ndarray) else array.obj
    return array


def test_a_run_that_grew_is_read_from_where_the_last_reader_stopped(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(run, cache).save_to_cache()
    size = (run / SECOND).stat().st_size
    with (run / SECOND).open("ab") as stream:
        stream.write(b"".join(scalar_event(2e9, step, "lr", -1.0) for step in range(100, 400)))
    (run / THIRD).write_bytes(content_of(some(30, 90.0, first=100)))
    with monkeypatch.context() as patch:
        seen = offsets(patch)
        read(run, cache)
    assert seen == [(SECOND, size), (THIRD, 0)]
    assert_shows_the_event_files(run, cache).save_to_cache()
    assert_shows_the_event_files(run, cache)


def test_points_that_an_earlier_file_gains_later_do_not_hide_those_of_a_later_file(
    run: Path, cache: CurveCache
) -> None:
    read(run, cache).save_to_cache()
    with (run / FIRST).open("ab") as stream:
        stream.write(b"".join(scalar_event(2e9, step, "lr", -1.0) for step in range(100, 400)))
    again = assert_shows_the_event_files(run, cache)
    assert again.curves["lr"].values[again.curves["lr"].steps == 160] > 0


def test_half_a_record_at_the_end_is_read_once_it_is_whole(run: Path, cache: CurveCache) -> None:
    whole = content_of(some(900))
    (run / FIRST).write_bytes(whole[:-10])
    read(run, cache).save_to_cache()
    again = assert_shows_the_event_files(run, cache)
    with (run / FIRST).open("ab") as stream:
        stream.write(whole[-10:])
    assert again.poll()
    assert shown(again.curves) == shown(read_curves(run))
    assert_shows_the_event_files(run, cache)


def test_curves_do_not_change_when_more_is_read_or_the_cache_is_replaced_or_removed(
    run: Path, cache: CurveCache
) -> None:
    read_curves(run, cache)
    first = read(run, cache)
    before, wanted = first.curves, shown(first.curves)
    with (run / SECOND).open("ab") as stream:
        stream.write(b"".join(scalar_event(2e9, step, "lr", -1.0) for step in range(400)))
    second = read(run, cache)
    second.save_to_cache()
    first.poll()
    entry(cache).unlink()
    assert shown(before) == wanted
    assert shown(first.curves) == shown(second.curves) == shown(read_curves(run))


def test_a_run_that_was_half_read_is_continued_there(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = RunReader(run, cache)
    left.poll(4096)
    assert not left.complete
    left.save_to_cache()
    with monkeypatch.context() as patch:
        seen = offsets(patch)
        read(run, cache)
    assert seen[0][1] > 4000
    assert_shows_the_event_files(run, cache)


def test_tags_that_look_alike_keep_their_names_and_their_order(run: Path, cache: CurveCache) -> None:
    tags = ["z", "loss\x1b", "a much longer one", "loss\x07", "loss\x08", "b"]
    (run / FIRST).write_bytes(
        content_of([(tag, step, float(place)) for step in range(50) for place, tag in enumerate(tags)])
    )
    (run / SECOND).unlink()
    read(run, cache).save_to_cache()
    again = assert_shows_the_event_files(run, cache)
    wanted = ["z", "loss\ufffd", "a much longer one", "loss\ufffd (2)", "loss\ufffd (3)", "b"]
    assert list(again.curves) == list(read(run).curves) == wanted
    assert [curve.values[0] for curve in again.curves.values()] == [0, 1, 2, 3, 4, 5]


def test_damage_is_reported_by_every_reader(run: Path, cache: CurveCache) -> None:
    content = bytearray((run / FIRST).read_bytes())
    content[len(content) // 2] ^= 1
    (run / FIRST).write_bytes(content)
    (run / SECOND).write_bytes(content_of(some(99)) + frame(b"\xff" * 20) * 3 + content_of(some(9)))
    read(run, cache).save_to_cache()
    again = assert_shows_the_event_files(run, cache)
    assert len(again.damage) == 2
    assert "metrics damaged after step" in again.damage[0]
    again.save_to_cache()
    content[len(content) // 2] ^= 1  # repaired: what follows is there now
    (run / FIRST).write_bytes(content)
    assert len(assert_shows_the_event_files(run, cache).damage) == 1


def test_points_of_too_many_tags_are_counted_by_every_reader(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_TAGS", 2)
    read(run, cache).save_to_cache()
    assert assert_shows_the_event_files(run, cache).damage[0].startswith("300 points are left out")


@settings(max_examples=60)
@given(st.data())
def test_a_reader_with_a_cache_shows_what_one_without_it_shows_whatever_was_written_between(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("drawn")
    cache, run = CurveCache(place / "cache"), place / "run"
    run.mkdir()
    step = st.one_of(st.integers(-3, 40), st.integers(-(2**63), 2**63 - 1))
    point = st.tuples(st.sampled_from([*TAGS, "", "ünïcode/é", "a\x1bb"]), step, st.floats(width=32))
    for _ in range(data.draw(st.integers(1, 5))):
        points = data.draw(st.lists(point, max_size=20)) * data.draw(st.sampled_from([1, 1, 9]))
        content = bytearray(content_of(points))
        if data.draw(st.booleans()):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.sampled_from([0, 0, 1, 128]))
        name, mode = data.draw(st.sampled_from([FIRST, SECOND, THIRD])), data.draw(st.sampled_from(["ab", "ab", "wb"]))
        with (run / name).open(mode) as stream:
            stream.write(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
        one = RunReader(run, cache)
        for _ in range(data.draw(st.integers(1, 3))):
            one.poll(data.draw(st.sampled_from([1, 300, 1 << 20])))
        one.save_to_cache()
    assert_shows_the_event_files(run, cache)


# --- stale ----------------------------------------------------------------------------------


def _in_place(path: Path, content: bytes) -> None:
    """New content in the same file, with the time stamp of the old one."""
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(content)
        stream.truncate()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_ino == before.st_ino


def _rewritten(run: Path) -> None:
    old = (run / FIRST).read_bytes()
    new = content_of(some(600, 3.25))
    assert len(new) == len(old)
    _in_place(run / FIRST, new)


def _one_bit(run: Path) -> None:
    content = bytearray((run / FIRST).read_bytes())
    content[5_000] ^= 1
    _in_place(run / FIRST, bytes(content))


def _replaced(run: Path) -> None:
    before = (run / FIRST).stat()
    other = run / "other"
    other.write_bytes(content_of(some(600, 3.25)))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(run / FIRST)


def _swapped(run: Path) -> None:
    (run / FIRST).rename(run / "aside")
    (run / SECOND).rename(run / FIRST)
    (run / "aside").rename(run / SECOND)


def _another_folder(run: Path) -> None:
    run.rename(run.with_name("before"))
    run.mkdir()
    (run / FIRST).write_bytes(content_of(some(600, 3.25)))
    (run / SECOND).write_bytes(content_of(some(300, 3.25)))


STALE: dict[str, Callable[[Path], object]] = {
    "rewritten in place": _rewritten,
    "one bit flipped in place": _one_bit,
    "rewritten in place and longer": lambda run: _in_place(run / FIRST, content_of(some(900, 3.25))),
    "rewritten in place and shorter": lambda run: _in_place(run / FIRST, content_of(some(60, 3.25))),
    "cut": lambda run: os.truncate(run / FIRST, 9_000),
    "emptied": lambda run: os.truncate(run / FIRST, 0),
    "replaced by one of the same size and time": _replaced,
    "the first removed": lambda run: (run / FIRST).unlink(),
    "the last removed": lambda run: (run / SECOND).unlink(),
    "all removed": lambda run: [(run / name).unlink() for name in (FIRST, SECOND)],
    "renamed": lambda run: (run / SECOND).rename(run / THIRD),
    "renamed to the front": lambda run: (run / SECOND).rename(run / "a.tfevents"),
    "swapped": _swapped,
    "one more in front": lambda run: (run / "a.tfevents").write_bytes(content_of(some(300, 3.25))),
    "one more between": lambda run: (run / f"{FIRST}.5").write_bytes(content_of(some(300, 3.25))),
    "another folder": _another_folder,
}


@pytest.mark.parametrize("rest", [False, True])
@pytest.mark.parametrize("become", STALE.values(), ids=STALE)
def test_old_numbers_are_never_shown(
    run: Path, cache: CurveCache, become: Callable[[Path], object], rest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rest:
        monkeypatch.setattr(event_file, "SETTLED_NS", -(1 << 62))
    held = read(run, cache)
    held.save_to_cache()
    become(run)
    assert_shows_the_event_files(run, cache).save_to_cache()
    assert_shows_the_event_files(run, cache)


def test_a_file_rewritten_while_it_was_read_is_not_trusted_later(run: Path, cache: CurveCache) -> None:
    reading = RunReader(run, cache)
    reading.poll(4096)
    content = content_of(some(600, 3.25))
    _in_place(run / FIRST, content)
    while not reading.complete:
        reading.poll(4096)
    reading.save_to_cache()
    assert_shows_the_event_files(run, cache)


def test_time_stamps_are_trusted_only_of_files_left_alone_before_they_were_read(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run / SECOND
    now = path.stat().st_ctime_ns
    settled = event_file.SETTLED_NS
    for later, trusted in ((0, False), (settled, False), (settled + 1, True), (-(10**12), False)):
        monkeypatch.setattr(event_file.time, "time_ns", lambda later=later: now + later)
        file = EventFile(path, FileStamp.of(path.stat()))
        while file.pending:
            file.advance(1 << 20)
        assert (file.progress.stamp is not None) == trusted, later
        if trusted:
            os.utime(path)  # touched afterwards
            file.update(FileStamp.of(path.stat()))
            assert file.progress.stamp is None


# --- damaged ----------------------------------------------------------------------------------


def test_a_damaged_cache_is_never_used_and_is_replaced(run: Path, cache: CurveCache) -> None:
    wanted = shown(read_curves(run, cache))
    good = entry(cache).read_bytes()
    draw = random.Random(20261123)
    places = [*range(400), *(draw.randrange(len(good)) for _ in range(150)), len(good) - 1]
    for place in places:
        damaged = bytearray(good)
        damaged[place] ^= 1 << draw.randrange(8)
        entry(cache).write_bytes(damaged)
        assert cache.load(run) is None, place
    for size in [*range(40), *(draw.randrange(len(good)) for _ in range(60)), len(good) - 1]:
        entry(cache).write_bytes(good[:size])
        assert cache.load(run) is None, size
    entry(cache).write_bytes(good + bytes(8))
    assert cache.load(run) is None
    assert shown(read_curves(run, cache)) == wanted
    assert cache.load(run) is not None


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "others may write", "another run's", "another labtui's"])
def test_what_is_in_the_place_of_a_cache_file_and_is_none_is_not_used(
    run: Path, cache: CurveCache, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_curves(run, cache)
    place = entry(cache)
    if kind == "others may write":
        place.chmod(0o666)
    elif kind == "another run's":
        other = run.with_name("other")
        other.mkdir()
        (other / FIRST).write_bytes(content_of(some(90)))
        place.unlink()
        read_curves(other, cache)
        entry(cache).rename(place)
    elif kind == "another labtui's":
        monkeypatch.setattr(curve_cache, "__version__", "99.0")
    else:
        aside = place.rename(place.with_name("aside"))
        {"folder": lambda: place.mkdir(), "link": lambda: place.symlink_to(aside), "pipe": lambda: os.mkfifo(place)}[
            kind
        ]()
    assert cache.load(run) is None
    assert_shows_the_event_files(run, cache).save_to_cache()
    assert_shows_the_event_files(run, cache)


@settings(max_examples=300)
@given(st.data())
def test_no_content_with_a_right_checksum_crashes_the_decoder(data: st.DataObject) -> None:
    number = st.integers(-(2**63), 2**64 - 1)
    entries = st.lists(st.tuples(st.binary(max_size=3), number, st.tuples(number, number, number, number)), max_size=3)
    valid = st.builds(
        lambda series: curve_cache.msgspec.msgpack.encode((curve_cache.__version__, b"run", (), 0, series)),
        entries,
    )
    index = data.draw(st.one_of(valid, st.binary(max_size=60)))
    size = data.draw(st.one_of(st.just(len(index)), st.integers(0, 2**32 - 1)))
    body = struct.pack("=I", size) + index + data.draw(st.binary(max_size=90))
    content = curve_cache.header(crc32c(body)) + body
    try:
        found = curve_cache.decode(b"run", content)
    except UnusableCache:
        return
    assert all(len(points.steps) == len(points.values) for points in found.points.values())


def test_a_time_stamp_beyond_64_bits_is_not_cached(run: Path, cache: CurveCache) -> None:
    stamp = FileStamp(1, 2, 3, 1 << 70, 1 << 70)
    assert cache.save(run, CachedCurves((FileProgress(b"name", stamp, 0, 0, 0, None),), {}, 0)) is None
    assert cache.save(run, CachedCurves((), {}, 0)) is not None, "that says nothing about other runs"


# --- where it lies ----------------------------------------------------------------------------------


def test_a_foreign_folder_is_not_touched(run: Path, cache: CurveCache) -> None:
    before = [(path, path.stat()[:-3], path.stat().st_mtime_ns) for path in sorted([run, *run.iterdir()])]
    read_curves(run, cache)
    assert [(path, path.stat()[:-3], path.stat().st_mtime_ns) for path in sorted([run, *run.iterdir()])] == before
    assert entry(cache).stat().st_mode & 0o777 == 0o600


def test_small_runs_are_not_cached(run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MIN_CACHED_BYTES", 1 << 20)
    read_curves(run, cache)
    assert not cache.folder.exists()


def test_the_cache_lies_where_xdg_says_and_a_user_without_a_home_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = CurveCache.of_user({"XDG_CACHE_HOME": str(tmp_path)})
    assert named is not None
    assert named.folder == tmp_path / "labtui" / "curves"
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: Path("~/.cache/labtui"))
    assert CurveCache.of_user({"XDG_CACHE_HOME": "here"}) is None


def test_if_no_cache_can_be_written_everything_works_and_it_is_tried_once(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    cache = CurveCache(tmp_path / "file" / "curves")
    assert_shows_the_event_files(run, cache).save_to_cache()
    tried: list[object] = []
    monkeypatch.setattr(curve_cache, "encode", lambda *given: tried.append(given))
    assert_shows_the_event_files(run, cache).save_to_cache()
    assert tried == []


def test_a_cache_that_can_only_be_read_is_used(run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    read_curves(run, cache)
    os.utime(entry(cache), (1, 1))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert cache.load(run) is not None
    (run / FIRST).write_bytes(content_of(some(60)))
    assert_shows_the_event_files(run, cache).save_to_cache()


def test_a_full_disk_leaves_no_half_file_behind(run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labtui.store.files.write_all", full)
    assert_shows_the_event_files(run, cache).save_to_cache()
    assert list(cache.folder.iterdir()) == []


def test_the_least_recently_used_files_are_removed(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [run.with_name(str(number)) for number in range(6)]
    places = []
    for number, folder in enumerate(runs):
        folder.mkdir()
        (folder / FIRST).write_bytes(content_of(some(300, number)))
        read_curves(folder, cache)
        (place,) = set(cache.folder.iterdir()) - set(places)
        places.append(place)
        os.utime(place, (number, number))
    assert cache.load(runs[0]) is not None  # used now, so it is the youngest
    read_curves(run, elsewhere := CurveCache(cache.folder.with_name("elsewhere")))
    size, more = places[0].stat().st_size, entry(elsewhere).stat().st_size
    monkeypatch.setattr(curve_cache, "CLEANUP_INTERVAL", 10)
    monkeypatch.setattr(curve_cache, "MAX_TOTAL_BYTES", 2 * size + more + size // 2)
    fresh = CurveCache(cache.folder)
    read_curves(run, fresh)
    left = {number for number, folder in enumerate(runs) if fresh.load(folder)}
    assert left == {0, 5}
    assert fresh.load(run) is not None
    monkeypatch.setattr(curve_cache, "MAX_FILE_BYTES", 1_000)
    assert fresh.save(run, CachedCurves((), {}, 0)) is not None
    assert fresh.load(runs[5]) is None, "larger than any file that is kept"


@pytest.mark.parametrize(("kind", "mapped"), [("ext4", True), ("nfs4", False), ("fuse.sshfs", False), ("", True)])
def test_what_another_machine_could_remove_is_read_into_memory(
    run: Path, cache: CurveCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mapped: bool
) -> None:
    device = tmp_path.stat().st_dev
    line = f"36 35 {os.major(device)}:{os.minor(device)} / /mnt\\040x rw,noatime master:1 - {kind} server:/x rw\n"
    mounts = tmp_path / "mountinfo"
    if kind:
        mounts.write_text("22 1 0:9999 / /sys rw - sysfs sysfs rw\n" + line)
    monkeypatch.setattr(curve_cache, "MOUNTS", mounts)
    curves = read_curves(run, cache)
    assert shown(curves) == shown(read_curves(run))
    assert isinstance(root(curves["lr"].values), mmap.mmap) == mapped


def test_more_runs_than_files_may_be_open_are_read_into_memory(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curve_cache, "MAX_MAPPED_FILES", 1)
    first, second = read_curves(run, cache), read_curves(run, cache)
    assert isinstance(root(first["lr"].values), mmap.mmap)
    assert isinstance(root(second["lr"].values), bytes)
    assert shown(first) == shown(second)
    del first
    assert isinstance(root(read_curves(run, cache)["lr"].values), mmap.mmap), "it was let go"


# --- several at once ----------------------------------------------------------------------------------


def test_concurrent_readers_and_writers_see_a_whole_file_or_none(run: Path, cache: CurveCache) -> None:
    """Each thread writes its own number of points again and again; whatever is read was written by one of them."""
    made = [_curves_with(count) for count in (10, 500, 4_000)]
    wrong: list[object] = []
    start = threading.Barrier(4)

    def write(one: CachedCurves) -> None:
        start.wait()
        for _ in range(40):
            cache.save(run, one)

    def look() -> None:
        start.wait()
        for _ in range(150):
            found = cache.load(run)
            if found is not None:
                (points,) = found.points.values()
                if not (len(points.steps) in (10, 500, 4_000) and (points.values == len(points.steps)).all()):
                    wrong.append(points)

    threads = [threading.Thread(target=write, args=(one,)) for one in made] + [threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache.load(run) is not None
    assert len(list(cache.folder.iterdir())) == 1


def _curves_with(count: int) -> CachedCurves:
    from labtui.store.curve import Points

    steps = np.arange(count, dtype=np.int64)
    points = Points(steps, np.full(count, count, np.float32), steps.astype(np.float64), np.zeros(count, np.int32))
    return CachedCurves((), {b"tag": points}, 0)


def test_a_reader_keeps_its_own_points_if_another_reader_cached_others(
    run: Path, cache: CurveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = read(run, cache)
    load = cache.load
    monkeypatch.setattr(cache, "load", lambda _: load(run) and _curves_with(10))
    one.save_to_cache()
    assert shown(one.curves) == shown(read_curves(run))


@pytest.fixture(autouse=True)
def _nothing_left_mapped() -> Iterator[None]:
    """Between tests, because descriptors are counted."""
    yield
    import gc

    gc.collect()
