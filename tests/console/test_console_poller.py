"""The poller: what is read, in which order, within which budget; and what is delivered."""

import os
import threading
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from labtui.console.charts.sparkline import trend_of
from labtui.console.data.curve_loader import IDLE_READERS
from labtui.console.data.log_tail import MAX_LINES, LogTail, tidy
from labtui.console.data.poller import Poller, PollInterval, poll_in_thread
from labtui.console.data.snapshot import Interest, Machine
from labtui.store import tags
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.console.builders import curve, run


class Clock:
    """Moves by hand; reading a run costs a second."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeReader:
    """A run's curves: half of them at the first poll, all at the second."""

    made: dict[str, "FakeReader"]

    def __init__(self, folder: Path, clock: Clock, halves: int = 1) -> None:
        self.folder, self.clock, self.left = folder, clock, halves
        self.curves = MappingProxyType({})
        self.damage = ()
        self.undrawn = ""
        self.polls = 0
        self.saves = 0

    def save_to_cache(self) -> None:
        self.saves += 1

    @property
    def complete(self) -> bool:
        return self.left <= 0

    def poll(self, _: int = 0) -> bool:
        self.polls += 1
        self.clock.now += 1.0
        if self.left <= 0:
            return False
        self.left -= 1
        self.curves = MappingProxyType({tags.REPORT_TEST_ACCURACY: curve(tags.REPORT_TEST_ACCURACY, [10.0, 20.0])})
        return True


class FakeStore:
    def __init__(self, *runs) -> None:
        self.runs = runs
        self.notices = ()
        self.writable = True
        self.queue_paused = False
        self.scans = 0

    def scan(self):
        self.scans += 1
        return tuple(self.runs)


class World:
    """A poller on fakes."""

    def __init__(self, *runs, halves: int = 1, budget: float = 2.5, **interval) -> None:
        self.clock = Clock()
        self.readers: dict[str, FakeReader] = {}
        self.opened = 0
        self.store = FakeStore(*runs)
        self.halves = halves
        self.readers_made = lambda: None
        self.poller = Poller(
            self.store,
            reader=self._open,
            machine=lambda: Machine(cpu=50.0, memory_total=1),
            interval=PollInterval(budget=budget, first_budget=budget, **interval),
            clock=self.clock,
        )

    def _open(self, run: Run) -> FakeReader:
        self.opened += 1
        folder = run.folder
        made = FakeReader(folder, self.clock, self.halves)
        self.readers[folder.relative_to("/runs").as_posix()] = made
        self.readers_made()
        return made


def runs(count: int, **more):
    return [run("dropout", seed=seed, created=1_000.0 - seed, **more) for seed in range(count)]


def test_the_first_poll_lists_the_runs_and_reads_nothing():
    listed = runs(3)
    world = World(*listed)
    world.poller.set_interest(Interest(charted=(listed[0].id,)))
    first = world.poller.poll()
    assert first.runs == tuple(listed)
    assert first.pending == 1
    assert world.readers == {}
    assert first.machine.memory_total == 0, "the machine is looked at from the second poll on"


def test_charted_runs_are_read_before_listed_ones_and_within_the_budget():
    listed = runs(6)
    ids = [one.id for one in listed]
    world = World(*listed)
    world.poller.set_interest(Interest(charted=(ids[4],), listed=tuple(ids[:4])))
    world.poller.poll()
    second = world.poller.poll()
    assert list(world.readers) == [ids[4], ids[0], ids[1]], "one second each, two and a half allowed"
    assert second.pending == 2
    assert set(second.curves) == {ids[4]}
    assert set(second.trends) == {ids[4], ids[0], ids[1]}
    third = world.poller.poll()
    assert third.pending == 0
    assert ids[5] not in third.trends, "nobody wants to see it"


def test_a_backlog_is_read_on_until_it_is_done():
    (one,) = runs(1)
    world = World(one, halves=3)
    world.poller.set_interest(Interest(charted=(one.id,)))
    pending = [world.poller.poll().pending for _ in range(5)]
    assert pending == [1, 1, 1, 0, 0]


def test_while_a_backlog_lasts_more_is_read_from_poll_to_poll_up_to_a_limit():
    world = World(*runs(40), budget=1.5, longest_budget=6.0)
    world.poller.set_interest(Interest(charted=tuple(one.id for one in world.store.runs)))
    read = [0]
    while len(read) < 7:
        world.poller.poll()
        read.append(len(world.readers))
    assert np.diff(read).tolist() == [0, 2, 3, 6, 6, 6]
    world.poller.set_interest(Interest())
    world.poller.poll()
    world.poller.set_interest(Interest(charted=tuple(one.id for one in world.store.runs)))
    world.poller.poll()
    assert len(world.readers) - read[-1] == 2, "the next backlog begins with the small budget"


def test_another_interest_does_not_wait_for_a_backlog():
    world = World(*runs(9), budget=100.0, longest_budget=100.0)
    ids = [one.id for one in world.store.runs]
    world.poller.set_interest(Interest(charted=tuple(ids[:8])))
    world.poller.poll()
    world.poller.wait()
    world.readers_made = lambda: (
        world.poller.set_interest(Interest(charted=(ids[8],))) if len(world.readers) == 3 else None
    )
    assert world.poller.poll().pending == 5
    world.readers_made = lambda: None
    assert set(world.poller.poll().curves) == {ids[8]}


def test_what_is_over_and_read_is_not_read_again():
    (one,) = runs(1)
    world = World(one)
    world.poller.set_interest(Interest(charted=(one.id,)))
    for _ in range(6):
        world.poller.poll()
    assert world.readers[one.id].polls == 1


def test_a_run_is_cached_when_it_is_over_and_read_and_when_the_console_ends():
    over, active = run("dropout", seed=0), run("dropout", seed=1, state=State.RUNNING)
    world = World(over, active, halves=2)
    world.poller.set_interest(Interest(charted=(over.id, active.id)))
    world.poller.poll()
    world.poller.poll()
    assert world.readers[over.id].saves == 0, "half of it is still to be read"
    for _ in range(3):
        world.poller.poll()
    assert (world.readers[over.id].saves, world.readers[active.id].saves) == (1, 0)
    world.store.runs = (over, run("dropout", seed=1, state=State.FINISHED))
    world.clock.now += 10.0
    world.poller.poll()
    assert world.readers[active.id].saves == 1
    world.poller.close()
    assert (world.readers[over.id].saves, world.readers[active.id].saves) == (2, 2)


def test_a_console_that_ends_caches_active_runs():
    (one,) = runs(1, state=State.RUNNING)
    world = World(one)
    read = threading.Event()
    end = poll_in_thread(world.poller, lambda shown: read.set() if shown.trends else None, lambda _: None)
    assert read.wait(20)
    assert world.readers[one.id].saves == 0
    end()
    assert world.readers[one.id].saves == 1


def test_an_active_run_is_read_at_every_poll_even_if_it_is_not_shown():
    (one,) = runs(1, state=State.RUNNING)
    world = World(one)
    for _ in range(5):
        world.poller.poll()
    assert world.readers[one.id].polls == 4


@pytest.mark.parametrize("damage", [(), ("metrics damaged after step 5",)])
def test_between_two_scans_every_snapshot_has_the_very_same_runs(damage):
    """What a screen derives from the runs is derived again only if they are others."""
    (only,) = runs(1)
    world = World(only, runs=1_000.0)
    world.poller.set_interest(Interest(charted=(only.id,)))
    world.poller.poll()
    world.poller.poll()
    world.readers[only.id].damage = damage
    world.poller.poll_now()
    world.poller.poll()
    snapshots = [world.poller.poll() for _ in range(3)]
    assert all(snapshot.runs is snapshots[0].runs for snapshot in snapshots)


def test_runs_are_scanned_less_often_than_points_are_read():
    world = World(runs=10.0)
    for _ in range(4):
        world.poller.poll()
        world.clock.now += 1.0
    assert world.store.scans == 1
    world.poller.poll_now()
    world.poller.poll()
    assert world.store.scans == 2


@pytest.mark.parametrize(("state", "pause"), [(State.RUNNING, 0.2), (State.FINISHED, 4.0)])
def test_a_folder_that_takes_long_to_scan_is_scanned_rarely(state, pause):
    world = World(*runs(1, state=state), runs=0.0)
    scan = world.store.scan

    def slow():
        world.clock.now += 0.01
        return scan()

    world.store.scan = slow
    world.poller.poll()
    for now, scans in ((100.0 + 0.99 * pause, 1), (100.0 + 1.01 * pause, 2)):
        world.clock.now = now
        world.poller.poll()
        assert world.store.scans == scans


def test_readers_that_nobody_needs_are_let_go_and_their_trends_stay():
    listed = runs(IDLE_READERS + 10)
    world = World(*listed, budget=1_000.0)
    world.poller.set_interest(Interest(listed=tuple(one.id for one in listed)))
    for _ in range(3):
        shown = world.poller.poll()
    assert len(shown.trends) == world.opened == len(listed)
    world.poller.set_interest(Interest(charted=tuple(one.id for one in listed)))
    assert len(world.poller.poll().curves) == len(listed)
    assert world.opened == 2 * len(listed) - IDLE_READERS, "so many were still open"


def test_a_run_that_is_gone_is_forgotten():
    (one,) = runs(1)
    world = World(one, runs=0.0)
    world.poller.set_interest(Interest(charted=(one.id,)))
    world.poller.poll()
    assert world.poller.poll().curves
    world.store.runs = ()
    gone = world.poller.poll()
    assert not gone.runs
    assert not gone.curves
    assert not gone.trends


@pytest.mark.parametrize(
    ("state", "halves", "rest"),
    [(State.FINISHED, 1, "idle"), (State.RUNNING, 1, "live"), (State.FINISHED, 9, "backlog")],
)
def test_it_rests_as_long_as_things_allow(state, halves, rest):
    (one,) = runs(1, state=state)
    world = World(one, halves=halves)
    world.poller.set_interest(Interest(charted=(one.id,)))
    for _ in range(4):
        world.poller.poll()
    assert world.poller.pause == getattr(world.poller.interval, rest)


def test_only_what_differs_is_delivered_and_failures_once():
    (one,) = runs(1)
    world = World(one, runs=0.0)
    delivered, failed, answers = [], [], iter(["", "", "", "broken", "broken", "", ""])
    over = threading.Event()
    scan = world.store.scan

    def scripted():
        word = next(answers, None)
        if word is None:
            over.set()
        elif word:
            raise OSError(word)
        return scan()

    world.store.scan = scripted
    world.poller.wait = lambda: None if not over.is_set() else threading.Event().wait(0.01)
    end = poll_in_thread(world.poller, delivered.append, failed.append)
    assert over.wait(20)
    end()
    assert [str(error) for error in failed] == ["broken"]
    assert len(delivered) == 3, "the list; the machine's load beside it; once more after the failure"


def test_another_interest_wakes_the_poller():
    world = World(idle=3_600.0)
    world.poller.poll()
    waiting = threading.Thread(target=world.poller.wait, daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive(), "the next poll is due in an hour"
    world.poller.set_interest(Interest(log="some run"))
    waiting.join(20)
    assert not waiting.is_alive()


def test_the_trend_is_the_live_accuracy_in_few_values():
    many = curve(tags.REPORT_TEST_ACCURACY, np.linspace(0, 100, 1_000))
    made = trend_of({tags.MINIBATCH_LOSS: curve(tags.MINIBATCH_LOSS, [1.0, 2.0]), tags.REPORT_TEST_ACCURACY: many})
    assert (made.tag, made.values.size, made.count, made.is_accuracy) == (tags.REPORT_TEST_ACCURACY, 64, 1_000, True)
    assert made.last == pytest.approx(100)
    assert trend_of({}).tag == ""
    foreign = trend_of({"loss": curve("loss", [3.0, 1.0, 2.0])})
    assert (foreign.tag, foreign.is_accuracy) == ("loss", False)


def test_one_final_point_is_no_trend_where_there_is_a_curve():
    curves = {
        tags.TEST_ACCURACY: curve(tags.TEST_ACCURACY, [61.0]),
        tags.VAL_ACCURACY: curve(tags.VAL_ACCURACY, [1, 2]),
    }
    assert trend_of(curves).tag == tags.VAL_ACCURACY
    assert trend_of({tags.TEST_ACCURACY: curve(tags.TEST_ACCURACY, [61.0])}).tag == tags.TEST_ACCURACY


# --- Logs -----------------------------------------------------------------------------------------------------------


def test_a_log_is_followed_line_by_line(tmp_path):
    path = tmp_path / "log.txt"
    follower = LogTail("r", path)
    assert follower.poll().note == "no log yet"
    path.write_text("one\ntw")
    assert follower.poll().lines == ("one", "tw")
    with path.open("a") as stream:
        stream.write("o\nthree\n")
    assert follower.poll().lines == ("one", "two", "three")
    assert follower.poll() is follower.poll(), "nothing new, nothing made"


def test_a_log_that_shrank_or_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("a long first content\n")
    follower = LogTail("r", path)
    follower.poll()
    path.write_text("short\n")
    assert follower.poll().lines == ("short",)
    other = tmp_path / "other"
    other.write_text("another file\n")
    other.replace(path)
    assert follower.poll().lines == ("another file",)


def test_only_the_end_of_a_huge_log_is_read(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("".join(f"line {number}\n" for number in range(100_000)))
    log = LogTail("r", path).poll()
    assert log.lines[-1] == "line 99999"
    assert len(log.lines) <= MAX_LINES
    follower = LogTail("r", path)
    follower.poll()
    with path.open("a") as stream:
        stream.write("x" * 300_000 + "\nlast\n")
    assert follower.poll().lines[-1] == "last"


def test_links_and_pipes_are_no_logs(tmp_path):
    target = tmp_path / "secret"
    target.write_text("secret\n")
    link = tmp_path / "log.txt"
    link.symlink_to(target)
    log = LogTail("r", link).poll()
    assert log.lines == ()
    assert "cannot be read" in log.note
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert LogTail("r", pipe).poll().lines == ()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("10%\r50%\r100% done\r", "100% done"),
        ("\x1b[32mgreen\x1b[0m and \x1b[1;31mred\x1b[m", "green and red"),
        ("\x1b]0;title\x07text", "text"),
        ("bell\x07", "bell\ufffd"),
        ("tab\there", "tab here"),
        ("\x9b31mx", "\ufffd31mx"),
    ],
)
def test_a_line_is_what_a_terminal_would_have_left_of_it(raw, shown):
    assert tidy(raw) == shown
