"""Looks: the first has the usual interval, the same seeds cost nothing, and further seeds must hold at every look."""

from labtui.compare.looks import ComparisonKey, History, SeedSet, Showing, missing_seeds, new_looks
from labtui.store.ledger import LedgerEntry

KEY = ComparisonKey("base", "row", "test/accuracy")


def look(row: str, *seeds: int, baseline: str = "base") -> LedgerEntry:
    return LedgerEntry(
        kind="look", time=1.0, row=row, baseline=baseline, metric=KEY.metric, row_seeds=seeds, baseline_seeds=seeds
    )


def seeds(*numbers: int) -> SeedSet:
    return SeedSet(numbers, numbers)


def test_the_first_look_at_a_comparison_has_the_usual_interval():
    assert History(()).showing(KEY, seeds(0, 1, 2)) is Showing.FIXED


def test_the_same_seeds_may_be_shown_again_with_the_same_interval():
    history = History([look("row", 0, 1, 2)])
    assert history.showing(KEY, seeds(0, 1, 2)) is Showing.FIXED
    assert new_looks(history, [(KEY, seeds(0, 1, 2))], 2.0) == ()


def test_another_seed_is_another_look():
    history = History([look("row", 0, 1, 2)])
    assert history.showing(KEY, seeds(0, 1, 2, 3)) is Showing.ALWAYS_VALID
    (entry,) = new_looks(history, [(KEY, seeds(0, 1, 2, 3))], 2.0)
    again = History([look("row", 0, 1, 2), entry])
    assert again.looks(KEY) == 2
    assert again.showing(KEY, seeds(0, 1, 2)) is Showing.FIXED
    assert again.showing(KEY, seeds(0, 1, 2, 3)) is Showing.ALWAYS_VALID


def test_taking_a_seed_away_is_another_look_too():
    assert History([look("row", 0, 1, 2)]).showing(KEY, seeds(0, 1)) is Showing.ALWAYS_VALID


def test_announced_seeds_are_awaited_before_anything_is_judged():
    history = History([LedgerEntry(kind="declared", time=0.0, row="recipe", row_seeds=(0, 1, 2, 3, 4))])
    missing = missing_seeds(history.announced("recipe"), ended=(0, 1, 2), active=(3, 4))
    assert missing == (3, 4)
    assert history.showing(KEY, seeds(0, 1, 2), missing) is Showing.WITHHELD
    assert history.showing(KEY, seeds(0, 1, 2, 3, 4)) is Showing.FIXED


def test_announced_seeds_that_were_removed_or_stopped_are_not_awaited_for_ever():
    assert missing_seeds({0, 1, 2}, ended=(0, 1), active=()) == ()


def test_what_was_shown_before_further_seeds_were_announced_stays_shown():
    declared = LedgerEntry(kind="declared", time=2.0, row="recipe", row_seeds=(3, 4))
    history = History([look("row", 0, 1, 2), declared])
    assert history.showing(KEY, seeds(0, 1, 2), (3, 4)) is Showing.FIXED
    assert history.showing(KEY, seeds(0, 1, 2, 3), (4,)) is Showing.WITHHELD


def test_rows_that_are_gone_still_count_as_tried():
    history = History([look("one", 0, 1), look("two", 0, 1), look("three", 0, 1, baseline="other")])
    assert history.tried("base", KEY.metric) == {("base", "one", KEY.metric), ("base", "two", KEY.metric)}
    assert history.tried("base", "test/loss") == frozenset()
