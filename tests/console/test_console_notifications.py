"""What is said of runs that ended, while one looks and while nobody did."""

import time

import pytest

from labtui.console.notifications import run_changes, still_running, summary_since
from labtui.console.terminal.notify import notification_codes
from labtui.store.state import State
from tests.support.console.builders import foreign, msgspec_replace, run

NOON = time.mktime((2026, 11, 23, 12, 0, 0, 0, 0, -1))


def ended(name="dropout", state=State.FINISHED, at=NOON + 60, **more):
    return msgspec_replace(run(name, state=state, **more), modified=at)


@pytest.mark.parametrize(
    ("was", "now", "said", "alarm"),
    [
        (State.RUNNING, ended(final=61.04), "has finished: test accuracy 61.04", False),
        (State.RUNNING, ended(state=State.STOPPED, reason="by request"), "stopped: by request", False),
        (State.STALLED, ended(state=State.LOST, reason="killed"), "lost: killed", True),
        (State.RUNNING, ended(state=State.DIVERGED, reason="NaN at step 7"), "diverged: NaN at step 7", True),
        (State.RUNNING, ended(state=State.STALLED, reason="silent for 10 s"), "is stalled: silent for 10 s", True),
    ],
)
def test_an_end_is_said_and_a_bad_one_rings(was, now, said, alarm):
    assert run_changes({now.id: was}, [now]) == [(f"Dropout seed 0 {said}", alarm)]


def test_nothing_is_said_twice_nor_of_what_was_over_or_never_seen():
    over = ended(final=61.0)
    assert run_changes({over.id: State.FINISHED}, [over]) == []
    assert run_changes({}, [over]) == []
    live = run(state=State.RUNNING)
    assert run_changes({live.id: State.QUEUED}, [live]) == []
    stalled = run(state=State.STALLED)
    assert run_changes({stalled.id: State.STALLED}, [stalled]) == []


def test_the_digest_counts_what_ended_since_and_names_what_went_wrong():
    runs = [
        ended("adam@0.01", State.DIVERGED),
        ended(final=61.0),
        ended("l1", final=30.0),
        ended("network", at=NOON - 60, final=55.9),
        run("sgd", state=State.RUNNING),
        foreign(),
    ]
    said = summary_since(runs, NOON, NOON + 3_600)
    assert said == "since 12:00: 2 finished, 1 diverged (Adam 0.01 seed 0); 1 still running"


def test_the_digest_has_nothing_to_say_on_a_first_visit_or_if_nothing_ended():
    assert summary_since([ended(final=61.0)], 0.0, NOON) == ""
    assert summary_since([ended(at=NOON - 5, final=61.0)], NOON, NOON + 1) == ""


def test_of_many_failures_three_are_named():
    runs = [ended(f"a{number}", State.FAILED) for number in range(5)]
    assert "5 failed (A0 seed 0, A1 seed 0, A2 seed 0 and 2 more)" in summary_since(runs, NOON, NOON)


def test_the_farewell_names_what_goes_on_and_is_silent_otherwise():
    live = [run(f"a{number}", state=State.RUNNING) for number in range(6)]
    said = still_running([*live, run("queued", state=State.QUEUED), ended(final=1.0)])
    assert said.startswith("6 runs are still running, 1 queued.")
    assert "and 2 more" in said
    assert still_running([ended(final=1.0), foreign(state=State.LIVE)]) == ""


def test_notification_codes_carry_clean_text_and_pass_through_tmux():
    codes = notification_codes("it has finished\x1b]52;c;x\x07\n", ["bell", "osc9", "osc777"], {})
    shown = "labtui: it has finished\ufffd]52;c;x\ufffd "
    assert codes == f"\a\x1b]9;{shown}\x1b\\\x1b]777;notify;labtui;{shown}\x1b\\"
    inside = notification_codes("done", ["bell", "osc9"], {"TMUX": "/tmp/tmux-0/default,1,0"})
    assert inside == "\a\x1bPtmux;\x1b\x1b]9;labtui: done\x1b\x1b\\\x1b\\"
