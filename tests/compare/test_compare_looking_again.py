"""Simulations without any effect: looking after each seed and showing the best of ten make no more claims than one
honest look. And plans from a pilot: the power that they promise.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labtui.compare.assertions import check_all
from labtui.compare.cells import cells
from labtui.compare.looks import History, Looks, looks_of_table, new_looks
from labtui.compare.model import ComparisonTable, Verdict
from labtui.compare.sequential import always_valid_p, prefix_estimates
from labtui.compare.statistics import holm, p_two_sided, paired
from labtui.compare.verdicts import LATER_SHARE, chance_to_see, seeds_needed, upper_spread
from labtui.spec import Cnn, RunSpec
from labtui.store.run import Run
from tests.support.comparisons import judged, row, run_data, runs_of, spec, variant

if TYPE_CHECKING:
    from labtui.store.ledger import LedgerEntry

BASE = spec(baseline=None)
ROWS = [
    spec(f"e{number}", f"E{number}", model=Cnn(dropout=(0.1 + number / 100, 0.2)), factor=("model.dropout",))
    for number in range(10)
]
VARIANTS = [variant(BASE), *map(variant, ROWS)]

LONG = pytest.param(2_000, marks=pytest.mark.long)


def limit(labs: int, rate: float = 0.055) -> float:
    """The rate of false claims that a simulation of this many labs may show, with three standard errors."""
    return rate + 3 * math.sqrt(rate * (1 - rate) / labs)


def null_runs(of: RunSpec, random: np.random.Generator, seeds: int) -> list[Run]:
    return runs_of(of, random.normal(60, 0.5, seeds).round(2).tolist())


def claims(table: ComparisonTable, name: str) -> bool:
    found = row(table, name).declared
    return found is not None and found.verdict in (Verdict.GAIN, Verdict.LOSS)


# --- Looking again --------------------------------------------------------------------------------------------------


def claims_at_any_look(base: list[Run], here: list[Run], last: int) -> bool:
    """Whether a table that is shown after each seed from the third on claims something once."""
    entries: list[LedgerEntry] = []
    for n in range(3, last + 1):
        looks = Looks(history=History(entries))
        table = judged([*base[:n], *here[:n]], VARIANTS[:2], looks=looks)
        entries += new_looks(looks.history, looks_of_table(table).items(), float(n))
        if claims(table, "e0"):
            return True
    return False


@pytest.mark.parametrize("labs", [30, LONG])
@pytest.mark.parametrize("last", [10, pytest.param(20, marks=pytest.mark.long)])
def test_a_look_after_each_seed_makes_no_more_false_claims_than_one(labs: int, last: int) -> None:
    """F4: 16.7% from 3 to 10 seeds and 23.0% from 3 to 20."""
    random = np.random.default_rng(4)
    false = sum(
        claims_at_any_look(null_runs(BASE, random, last), null_runs(ROWS[0], random, last), last) for _ in range(labs)
    )
    assert false / labs <= limit(labs)


@pytest.mark.parametrize("last", [10, 20])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("first", [3, 5])
def test_the_first_look_and_all_later_ones_make_at_most_five_and_a_half_percent_false_claims(
    last: int, sides: int, first: int
) -> None:
    random = np.random.default_rng(40)
    estimates = prefix_estimates(tuple(random.standard_normal((sides, 40_000, last))), tuple(range(3, last + 1)))
    once = p_two_sided(estimates)[:, first - 3] < 0.05
    later = always_valid_p(estimates, np.arange(3, last + 1))[:, first - 2 :] < 0.05 * LATER_SHARE
    assert np.mean(once | later.any(axis=1)) <= 0.0555


# --- Choosing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labs", [15, LONG])
def test_the_best_of_ten_alone_is_as_seldom_a_false_gain_as_any_of_the_table(labs: int) -> None:
    """F5: best of ten alone, false gain 10.7%, and the assertion held."""
    random, shown, asserted = np.random.default_rng(5), 0, 0
    for _ in range(labs):
        runs = [run for of in (BASE, *ROWS) for run in null_runs(of, random, 3)]
        table = judged(runs, VARIANTS)
        best = max((one for one in table.rows if one.declared), key=lambda one: one.mean or 0.0)
        shown += claims(judged(runs, VARIANTS, names=[best.name]), best.name)
        (found,) = check_all([f"{best.name} > network"], cells(runs), VARIANTS, run_data=run_data())
        asserted += found.holds
    assert shown / labs <= limit(labs)
    assert asserted / labs <= limit(labs)


def test_over_many_labs_the_best_of_ten_is_a_false_gain_in_five_percent_at_most() -> None:
    random = np.random.default_rng(50)
    base, rows = random.standard_normal((20_000, 1, 3)), random.standard_normal((20_000, 10, 3))
    estimates = paired(rows - base)
    best = estimates.delta.argmax(axis=1)
    p = holm(p_two_sided(estimates)).p
    assert np.mean(np.take_along_axis(p, best[:, None], axis=1) <= 0.05) <= 0.05


# --- Plans ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pilot", [3, 5])
def test_a_plan_from_a_pilot_has_the_power_that_it_promises_in_four_of_five_cases(pilot: int) -> None:
    """F10: with the observed spread, 45 of 100 plans from a pilot of three had a power of 80%."""
    effect, random = 1.5, np.random.default_rng(10)
    enough = 0
    for _ in range(300):
        observed = float(random.standard_normal(pilot).std(ddof=1))
        upper = upper_spread(observed, pilot - 1)
        seeds = seeds_needed(lambda n, sd=upper: chance_to_see(effect, sd, n))  # type: ignore[misc]
        enough += seeds is None or chance_to_see(effect, 1.0, seeds) >= 0.8
    assert enough / 300 >= 0.8 - 3 * math.sqrt(0.16 / 300)
