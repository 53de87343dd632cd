"""What users change about the queue: the order of what waits, and its pause."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.errors import UsageError
from labtui.launch.devices import Survey
from labtui.launch.order import Claimed
from labtui.launch.queue import entries
from labtui.launch.queue.entries import QueueEntry, remove_entry, waiting_entries
from labtui.launch.queue.order import move, pause, paused, rearranged, unpause
from labtui.launch.queue.runner import Dispatcher
from labtui.launch.queue.ticket import is_signed_by_us
from labtui.store.store import Store
from tests.support.launch.stage import CPU, Stage


def queued(stage: Stage, count: int) -> list[QueueEntry]:
    return [
        entries.enqueue(stage.root, stage.run(), device="cpu", threads=1, data_root=stage.root) for _ in range(count)
    ]


def order(stage: Stage) -> list[str]:
    return [entry.run for entry in waiting_entries(stage.root)]


def test_entries_move_to_the_front_to_the_end_and_before_another_and_stay_ours(stage: Stage) -> None:
    a, b, c, d = queued(stage, 4)
    move(stage.root, [c])
    assert order(stage) == [c.run, a.run, b.run, d.run]
    move(stage.root, [entry for entry in waiting_entries(stage.root) if entry.run in (a.run, c.run)], last=True)
    assert order(stage) == [b.run, d.run, c.run, a.run]
    now = {entry.run: entry for entry in waiting_entries(stage.root)}
    move(stage.root, [now[a.run]], before=now[d.run])
    assert order(stage) == [b.run, a.run, d.run, c.run]
    assert all(entry.ticket and is_signed_by_us(entry.ticket) for entry in waiting_entries(stage.root))
    (late,) = queued(stage, 1)
    assert order(stage)[-1] == late.run, "what is queued later comes later"


@given(data=st.data(), waiting=st.lists(st.text(max_size=3), min_size=1, max_size=8, unique=True))
def test_any_move_keeps_every_entry_once_and_the_order_of_the_others(data: st.DataObject, waiting: list[str]) -> None:
    moved = data.draw(st.lists(st.sampled_from(waiting), min_size=1, unique=True))
    others = [name for name in waiting if name not in moved]
    before = data.draw(st.sampled_from([None, *others]))
    last = before is None and data.draw(st.booleans())
    found = rearranged(waiting, moved, before, last=last)
    assert sorted(found) == sorted(waiting)
    assert [name for name in found if name not in moved] == others
    place = found.index(moved[0])
    assert found[place : place + len(moved)] == moved
    assert found[place + len(moved) :][:1] == ([before] if before is not None else [] if last else others[:1])


def test_an_entry_that_is_started_or_removed_meanwhile_does_not_come_back(stage: Stage, monkeypatch) -> None:
    a, b, c = queued(stage, 3)

    link = os.link

    def link_late(source: Path, target: Path, **options: bool) -> None:
        link(source, target, **options)
        if source == a.path:
            remove_entry(a)  # by another process, at the worst moment

    monkeypatch.setattr(os, "link", link_late)
    move(stage.root, [c])
    assert order(stage) == [c.run, b.run]


def test_only_what_waits_here_can_be_moved(stage: Stage) -> None:
    a, b = queued(stage, 2)
    remove_entry(a)
    with pytest.raises(UsageError, match="does not wait"):
        move(stage.root, [a])
    with pytest.raises(UsageError, match="before itself"):
        move(stage.root, [b], before=b)


def test_nothing_starts_from_a_paused_queue_and_everything_once_it_continues(stage: Stage) -> None:
    first, second = queued(stage, 2)
    started: list[str] = []
    said: list[str] = []

    def launch(folder: Path, *, attempt: int, **_: object) -> Claimed:
        started.append(Store(stage.root).get(folder.relative_to(stage.root).as_posix()).id)
        return Claimed(attempt=attempt)

    with closing(Dispatcher(stage.root, launch, said.append, lambda _: Survey((CPU,)))) as dispatcher:
        assert pause(stage.root, by="a test")
        assert not pause(stage.root, by="another")
        assert (paused(stage.root).by, Store(stage.root).queue_paused) == ("a test", True)
        dispatcher.dispatch()
        dispatcher.dispatch()
        assert (started, order(stage)) == ([], [first.run, second.run])
        assert said == ["paused: nothing starts until it is continued"], "said once"
        assert unpause(stage.root)
        assert not unpause(stage.root)
        dispatcher.dispatch()
        dispatcher.dispatch()
        assert started[:1] == [first.run]
