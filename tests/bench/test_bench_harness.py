"""The calculations and tables of the bench. What it measures is not tested."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.harness import Round, Sample, Skipped, Spread, race, ratios, spread, turns
from bench.tables import Figure, Table, number, rates, times, to_json, to_text


class Scripted:
    """A contender whose samples are given, and which writes down that it was asked."""

    def __init__(self, name: str, samples: list[Sample], diary: list[str], *, skip: str = "") -> None:
        self.name = name
        self._samples = iter(samples)
        self._diary = diary
        self._skip = skip

    @contextmanager
    def open(self) -> Iterator[Round]:
        if self._skip:
            raise Skipped(self._skip)
        self._diary.append(f"open {self.name}")

        def play() -> Sample:
            self._diary.append(self.name)
            return next(self._samples)

        yield play
        self._diary.append(f"close {self.name}")


class Silent:
    def __init__(self) -> None:
        self.log: list[tuple[str, int, int]] = []

    def update(self, description: str, done: int, total: int) -> None:
        self.log.append((description, done, total))


def at_rates(*rates_: float) -> list[Sample]:
    return [Sample(rate, 1.0) for rate in rates_]


def test_a_spread_is_the_median_of_the_values_with_the_least_and_the_greatest() -> None:
    assert spread([5.0, 1.0, 9.0]) == Spread(5.0, 1.0, 9.0)
    assert spread([4.0, 1.0, 2.0, 9.0]).median == 3.0
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_a_ratio_is_taken_within_each_round_and_is_above_one_for_what_is_better() -> None:
    assert ratios([20.0, 30.0], [10.0, 10.0]) == (2.0, 3.0)
    assert ratios([0.5, 2.0], [1.0, 1.0], lower_is_better=True) == (2.0, 0.5)


def test_ratios_of_unequal_numbers_of_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        ratios([1.0], [1.0, 2.0])


def test_a_ratio_by_rounds_is_blind_to_a_machine_that_slows_down() -> None:
    ours, theirs = [20.0, 10.0, 2.0], [10.0, 5.0, 1.0]
    assert spread(ratios(ours, theirs)) == Spread(2.0, 2.0, 2.0)


def test_the_turns_interleave_the_contenders_and_begin_with_a_warm_up() -> None:
    assert list(turns(("a", "b"), 2)) == [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert list(turns(("a",), 2, warm_up=False)) == [(1, "a"), (2, "a")]


def test_a_race_makes_all_ready_first_then_asks_them_in_turn_and_drops_the_warm_up() -> None:
    diary: list[str] = []
    contenders = [Scripted("a", at_rates(1, 2, 3), diary), Scripted("b", at_rates(10, 20, 30), diary)]
    result = race(contenders, 2, Silent())
    assert diary == ["open a", "open b", "a", "b", "a", "b", "a", "b", "close b", "close a"]
    assert [sample.rate for sample in result.samples["a"]] == [2.0, 3.0]
    assert [sample.rate for sample in result.samples["b"]] == [20.0, 30.0]


def test_a_contender_that_cannot_be_had_is_left_out_with_its_reason() -> None:
    diary: list[str] = []
    contenders = [Scripted("a", [], diary, skip="not installed"), Scripted("b", at_rates(1, 2), diary)]
    result = race(contenders, 1, Silent())
    assert result.skipped == {"a": "not installed"}
    assert list(result.samples) == ["b"]


def test_progress_counts_up_to_the_number_of_measurements() -> None:
    progress = Silent()
    race([Scripted(name, at_rates(1, 1, 1), []) for name in "ab"], 2, progress, "title")
    done = [of_all[1:] for of_all in progress.log]
    assert done == [(place, 8) for place in range(8)]
    assert progress.log[2][0] == "title: a, warm-up"
    assert progress.log[-1][0] == "title: b, round 2 of 2"


def raced(skip: str = "") -> Table:
    reference = Scripted("reference", [Sample(9, 1), Sample(10, 1), Sample(10, 2)], [])
    other = Scripted("other", [Sample(9, 1), Sample(20, 1), Sample(30, 2)], [], skip=skip)
    result = race([reference, other], 2, Silent())
    return Table(
        title="A table", unit="images/s", figures=rates(result, ("reference", "other"), "reference"),
        reference="reference", notes=("A remark.",),
    )  # fmt: skip


def test_figures_hold_every_round_and_their_ratios_to_the_reference() -> None:
    figure = raced().figure("other")
    assert figure.values == (20.0, 15.0)
    assert figure.ratios == (2.0, 3.0)
    assert raced().figure("reference").ratios == (1.0, 1.0)


def test_times_are_seconds_for_a_unit_and_fewer_of_them_are_better() -> None:
    result = race([Scripted("a", [Sample(2, 1)] * 2, []), Scripted("b", [Sample(2, 2)] * 2, [])], 1, Silent())
    a, b = times(result, ("a", "b"), "b", 1_000)
    assert (a.values, b.values) == ((500.0,), (1000.0,))
    assert a.ratios == (2.0,)


def test_a_table_as_json_has_the_median_the_ends_and_every_round() -> None:
    plain = json.loads(json.dumps(to_json(raced())))
    assert set(plain) == {"title", "unit", "reference", "notes", "figures"}
    other = plain["figures"][1]
    assert other["value"] == {"median": 17.5, "low": 15.0, "high": 20.0, "rounds": [20.0, 15.0]}
    assert other["ratio"]["median"] == 2.5
    assert (other["unit"], other["skipped"]) == ("images/s", None)


def test_a_skipped_figure_says_why_in_text_and_in_json() -> None:
    table = raced(skip="not installed")
    assert "skipped: not installed" in to_text(table)
    assert to_json(table)["figures"][1] == {
        "name": "other", "unit": "images/s", "value": None, "ratio": None, "note": "", "skipped": "not installed",
    }  # fmt: skip


def test_the_text_of_a_table_has_a_row_of_equal_columns_for_each_figure() -> None:
    lines = to_text(raced()).splitlines()
    assert lines[0] == "A table"
    assert lines[2].split() == ["images/s", "min", "…", "max", "x", "reference", "min", "…", "max"]
    assert lines[4].split() == ["other", "17.5", "15.0", "…", "20.0", "2.50", "2.00", "…", "3.00"]
    assert lines[-1] == "- A remark."


def test_a_figure_with_a_unit_of_its_own_shows_it() -> None:
    table = Table(title="t", unit="ms", figures=(Figure(name="traffic", values=(3.0,), unit="KiB/s"),))
    assert "3.00 KiB/s" in to_text(table)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (0.0, "0.00")],
)
def test_numbers_show_the_figures_that_count(value: float, shown: str) -> None:
    assert number(value) == shown
