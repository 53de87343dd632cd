"""When an address counts as fast enough; the clock is moved by hand."""

import pytest

from labtui.datasets.deadline import Deadline, Limits
from labtui.datasets.fetch_errors import BrokenOff, TransferError

LEFT = 170_000_000
LIMITS = Limits(decide=10.0, total=300.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_time_to_judge_is_shared_among_the_addresses(clock: Clock) -> None:
    deadline = Deadline(LIMITS, clock)
    deadline.begin("first", 3)
    assert deadline.patience() == pytest.approx(10 / 3)
    clock.now += 1
    deadline.begin("second", 2)
    assert deadline.patience() == pytest.approx(9 / 2)
    clock.now += 9
    deadline.begin("third", 1)
    assert deadline.patience() == 0
    assert deadline.over


def test_an_address_that_needs_more_than_the_limit_in_all_is_too_slow(clock: Clock) -> None:
    deadline = Deadline(LIMITS, clock)
    deadline.begin("origin", 1)
    deadline.answered()
    clock.now += 9.9
    deadline.received(700_000, LEFT)
    clock.now += 0.1
    with pytest.raises(TransferError, match=r"is too slow \(75\.2 KiB/s, 36m 48s for the rest\)"):
        deadline.received(70_000, LEFT)
    assert deadline.rates["origin"] == pytest.approx(77_000)


def test_an_address_that_is_fast_enough_is_given_its_time_after_two_seconds(clock: Clock) -> None:
    deadline = Deadline(LIMITS, clock)
    deadline.begin("fast", 3)
    deadline.answered()
    clock.now += 2
    deadline.received(2_000_000, LEFT)
    clock.now += 20
    deadline.received(1, LEFT)
    assert not deadline.over
    assert deadline.patience() == 30.0


def test_a_fast_start_does_not_excuse_a_transfer_beyond_the_limit(clock: Clock) -> None:
    deadline = Deadline(LIMITS, clock)
    deadline.begin("fast", 1)
    deadline.answered()
    clock.now += 2
    deadline.received(2_000_000, LEFT)
    clock.now += 299
    with pytest.raises(TransferError, match="is too slow"):
        deadline.received(1_000_000, LEFT)
    assert deadline.over


def test_a_good_address_that_falls_silent_can_be_asked_for_the_rest(clock: Clock) -> None:
    deadline = Deadline(LIMITS, clock)
    deadline.begin("fast", 1)
    deadline.answered()
    clock.now += 2
    deadline.received(2_000_000, LEFT)
    clock.now += 30
    error = deadline.silent(LEFT)
    assert isinstance(error, BrokenOff)
    assert error.what == "sent nothing for 30s"


def test_after_a_good_address_broke_the_others_get_their_full_time_to_be_judged(clock: Clock) -> None:
    deadline = Deadline(LIMITS, clock)
    deadline.begin("fast", 2)
    deadline.answered()
    clock.now += 2
    deadline.received(2_000_000, LEFT)
    clock.now += 60
    deadline.begin("other", 1)
    assert not deadline.over
    assert deadline.patience() == 10.0


def test_without_terms_nothing_is_too_slow(clock: Clock) -> None:
    deadline = Deadline(Limits(), clock)
    deadline.begin("origin", 1)
    deadline.answered()
    clock.now += 3_600
    deadline.received(1, LEFT)
    assert not deadline.over
    assert deadline.patience() == 30.0
