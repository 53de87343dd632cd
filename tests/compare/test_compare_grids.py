"""The best of a grid: chosen by some seeds, judged on others; and what a smaller search would have found."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labtui.compare.looks import History, Looks, looks_of_table, new_looks
from labtui.compare.model import Comparison, ComparisonTable, Verdict
from labtui.compare.render.commands import remedy_text
from labtui.compare.render.export import to_json
from labtui.compare.render.text import to_text
from labtui.compare.statistics import expected_best
from labtui.spec import Adam
from labtui.store import tags
from labtui.store.run import Run
from tests.support.comparisons import judged, row, run, said, spec, variant

if TYPE_CHECKING:
    from labtui.store.ledger import LedgerEntry

BASE = spec("plain", "Plain", baseline=None, optimizer=Adam(lr=5e-3))
SD = 0.3


def of_rate(place: int, values: dict[int, float]) -> list[Run]:
    """The runs of one value of a grid, by seed."""
    rate = (place + 1) * 1e-4
    factor = ("optimizer.lr",)
    one = spec("adam", f"Adam {rate:g}", member=f"{rate:g}", optimizer=Adam(lr=rate), factor=factor, baseline="plain")
    return [run(one, seed, {tags.TEST_ACCURACY: value}) for seed, value in values.items()]


def of_base(values: dict[int, float]) -> list[Run]:
    return [run(BASE, seed, {tags.TEST_ACCURACY: value}) for seed, value in values.items()]


def table(*groups: list[Run], looks: Looks | None = None) -> ComparisonTable:
    variants = [variant(group[0].spec) for group in groups if group[0].spec]
    return judged([one for group in groups for one in group], variants, looks=looks or Looks())


def fair(found: ComparisonTable, name: str) -> Comparison:
    comparison = row(found, name).comparison
    assert comparison is not None
    return comparison


BEFORE = (
    of_base({0: 60.0, 1: 60.4, 2: 59.8}),
    of_rate(0, {0: 60.2, 1: 59.9, 2: 60.1}),
    of_rate(1, {0: 61.9, 1: 62.3, 2: 61.8}),
    of_rate(2, {0: 59.9, 1: 60.3, 2: 60.1}),
)


def test_one_command_makes_the_fresh_seeds_of_the_best_value_and_of_its_baseline() -> None:
    found = row(table(*BEFORE), "adam@0.0002")
    assert said(found, "selection").startswith(
        "the best of 3 by test/accuracy: the same seeds (0-2) selected it and judge it"
    )
    (finding,) = [one for one in found.findings if one.code == "selection"]
    assert remedy_text(finding.remedy) == (
        "run new seeds and judge it on those: labtui run adam@0.0002 plain --seeds 3-7"
    )
    assert fair(table(*BEFORE), "adam@0.0002").choosing_seeds == ()


def test_with_fresh_seeds_the_best_value_is_judged_on_these_alone() -> None:
    fresh = {3: 60.3, 4: 60.0, 5: 60.2, 6: 59.9, 7: 60.1}
    after = table(
        [*BEFORE[0], *of_base({seed: value + 0.1 for seed, value in fresh.items()})],
        BEFORE[1],
        [*BEFORE[2], *of_rate(1, fresh)],
        BEFORE[3],
    )
    found = fair(after, "adam@0.0002")
    assert (found.choosing_seeds, found.row_seeds.total, found.baseline_seeds.total) == ((0, 1, 2), 5, 5)
    assert found.delta == pytest.approx(-0.1, abs=1e-4)
    assert found.verdict is not Verdict.GAIN
    assert said(row(after, "adam@0.0002"), "selection").startswith(
        "the best of 3 by test/accuracy on seeds 0-2: judged on its other seeds alone (seeds 3-7)"
    )
    assert fair(after, "adam@0.0001").choosing_seeds == ()
    assert row(after, "adam@0.0002").n == 8


def test_the_look_that_chose_a_value_is_no_look_at_its_fresh_seeds_and_every_further_one_is() -> None:
    def with_fresh(number: int, looks: Looks) -> ComparisonTable:
        fresh = {seed: 60.0 + 0.1 * (seed % 4) for seed in range(3, 3 + number)}
        best, base = [*BEFORE[2], *of_rate(1, fresh)], [*BEFORE[0], *of_base(fresh)]
        return table(base, BEFORE[1], best, BEFORE[3], looks=looks)

    entries: list[LedgerEntry] = []
    showing = []
    for number in (0, 5, 6):
        history = History(entries)
        made = with_fresh(number, Looks(history=history))
        look = fair(made, "adam@0.0002").look
        assert look is not None
        showing.append((look.showing, look.number))
        entries += new_looks(history, looks_of_table(made).items(), 1.0)
    assert showing == [("fixed", 1), ("fixed", 1), ("always valid", 2)]


def test_fresh_seeds_of_one_side_alone_change_nothing_yet() -> None:
    after = table(BEFORE[0], BEFORE[1], [*BEFORE[2], *of_rate(1, {3: 60.3, 4: 60.0})], BEFORE[3])
    assert fair(after, "adam@0.0002").choosing_seeds == ()


def test_a_value_that_only_its_later_seeds_made_the_best_was_chosen_by_all_of_them() -> None:
    late = of_rate(2, {0: 59.9, 1: 60.3, 2: 60.1, 3: 70.0, 4: 70.2, 5: 70.1})
    base = [*BEFORE[0], *of_base({3: 60.0, 4: 60.2, 5: 60.1})]
    after = table(base, BEFORE[1], BEFORE[2], late)
    assert fair(after, "adam@0.0003").choosing_seeds == ()
    assert "the same seeds (0-5) selected it and judge it" in said(row(after, "adam@0.0003"), "selection")


def test_a_search_of_three_values_shows_its_expected_best_in_text_and_json() -> None:
    found = table(*BEFORE)
    line = "expected best of adam's 3 values of optimizer.lr: 60.72 after 1, 61.15 after 2, 61.44 after 3"
    assert line in " ".join(to_text(found, 160).split())
    assert '"searches": [' in to_json(found)
    assert table(*BEFORE[:3]).searches == ()


def test_a_value_whose_seeds_all_failed_was_tried_and_found_nothing() -> None:
    rates = (of_rate(place, dict.fromkeys(range(3), value)) for place, value in enumerate((10, 60, 10)))
    (search,) = table(BEFORE[0], *rates).searches
    assert search.means == (None, 60.0, None)
    assert search.expected[0] == pytest.approx(80 / 3)


def test_the_expected_best_is_the_mean_of_one_draw_and_nears_the_best_of_many() -> None:
    values = [50.0, 57.0, 62.0, 64.0]
    found = expected_best(values)
    assert found[0] == pytest.approx(58.25)
    draws = np.random.default_rng(1).choice(values, (200_000, 4))
    for tries in (2, 3, 4):
        assert found[tries - 1] == pytest.approx(draws[:, :tries].max(axis=1).mean(), abs=0.03)
    assert expected_best(values, higher_is_better=False)[1] == pytest.approx(draws[:, :2].min(axis=1).mean(), abs=0.03)


def seen(values: np.ndarray, seeds: range) -> dict[int, float]:
    return {seed: 60 + SD * float(values[seed]) for seed in seeds}


def simulated(tables: int, fresh: int, values: int = 10) -> tuple[float, int, float]:
    """Null grids: the mean apparent gain of the best in seed sds, its false gains, the standard error of the mean."""
    generator = np.random.default_rng(5)
    gains, claims = [], 0
    for _ in range(tables):
        drawn = generator.standard_normal((values + 1, 3 + fresh))
        best = int(drawn[1:, :3].mean(axis=1).argmax())
        groups = [of_rate(place, seen(drawn[place + 1], range(3 + fresh * (place == best)))) for place in range(values)]
        found = fair(table(of_base(seen(drawn[0], range(3 + fresh))), *groups), f"adam@{(best + 1) * 1e-4:g}")
        gains.append((found.delta or 0.0) / SD)
        claims += found.verdict is Verdict.GAIN
    return float(np.mean(gains)), claims, float(np.std(gains) / math.sqrt(tables))


def test_among_equal_values_the_best_looks_better_by_0_89_sd_and_not_at_all_on_fresh_seeds() -> None:
    apparent, _, error = simulated(20, fresh=0)
    assert apparent == pytest.approx(0.89, abs=3 * error)
    unbiased, claims, error = simulated(20, fresh=5)
    assert unbiased == pytest.approx(0.0, abs=3 * error)
    assert claims <= 4


@pytest.mark.long
def test_the_fresh_seed_verdict_has_no_bias_and_claims_no_more_than_it_says() -> None:
    tables = 2_000
    apparent, _, _ = simulated(tables, fresh=0)
    unbiased, claims, error = simulated(tables, fresh=5)
    assert apparent == pytest.approx(0.89, abs=0.06)
    assert unbiased == pytest.approx(0.0, abs=3 * error)
    assert claims <= 0.05 * tables
