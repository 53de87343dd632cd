"""The list's deltas, and their marks, are those of `labtui compare`."""

from pathlib import Path

import msgspec
import pytest

from labtui.api import Lab
from labtui.catalog import load
from labtui.console.comparison.screen import ComparisonQuery, answer
from labtui.console.experiments.details import details
from labtui.console.experiments.entries import EntryBuilder
from labtui.console.experiments.entry import EntryKey, ListEntry, ListOptions, Marks
from labtui.console.experiments.rows import row
from labtui.console.ui.glyphs import UNICODE
from labtui.spec import Data, Variant
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store
from labtui.text.spans import plain
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text
from tests.support.console.builders import FakeCatalog, run, snapshot, spec
from tests.support.console.pages import WIDE, done, opened
from tests.support.console.record_lab import LAB

CATALOG = FakeCatalog("network")
CATALOG.variants += (Variant(spec=msgspec.structs.replace(spec("dropout"), factor=("model.dropout",)), description=""),)
HALF = Data(name="cifar10", train_fraction=0.5)


def listed(lab: Lab, choice: ListOptions | None = None) -> dict[str, ListEntry]:
    shown = EntryBuilder(lab.catalog).entries(snapshot(*lab.store.scan()), choice or ListOptions())
    return {entry.title: entry for entry in shown}


def recorded() -> Lab:
    catalog = load(LAB / "experiments.toml", datasets=("digits",))
    return Lab(catalog=catalog, store=Store(LAB / "runs"), data_root=LAB / "data")


def dropout_entry(*runs: Run) -> ListEntry:
    entries = EntryBuilder(CATALOG).entries(snapshot(*runs), ListOptions())
    return next(entry for entry in entries if entry.title == "Dropout")


def half(name: str, final: float, **more):
    own = msgspec.structs.replace(spec(name, **more), data=HALF)
    return run(own=own, final=final)


@pytest.mark.parametrize("baseline", [None, "dropout"])
def test_every_delta_of_the_list_is_that_of_the_table_with_the_same_confounds(baseline):
    lab = recorded()
    chosen = ListOptions(baseline=EntryKey.parse(f"arm:{baseline}") if baseline else None)
    table, lines = answer(lab, ComparisonQuery(baseline=baseline)), listed(lab, chosen)
    compared = 0
    for one in table.rows:
        entry, declared = lines[one.title], one.declared
        if one.mean is not None:
            assert entry.figure.value == pytest.approx(one.mean)
            assert entry.count == one.n
        if declared is None or declared.delta is None:
            assert entry.delta is None
            continue
        compared += 1
        assert entry.delta.value == pytest.approx(declared.delta)
        assert entry.delta.against == declared.against
        assert entry.delta.confounds == tuple(finding.text for finding in declared.confounds)
    assert compared >= 2


def test_seeds_without_a_partner_enter_like_in_the_table(tmp_path: Path):
    lab = lab_at(tmp_path)
    for seed, accuracy in enumerate((80.0, 84.0, 90.0)):
        done(lab, "network", seed, accuracy=accuracy)
    for seed, accuracy in enumerate((81.0, 86.0)):
        done(lab, "dropout", seed, accuracy=accuracy)
    (row_,) = (one for one in answer(lab, ComparisonQuery()).rows if one.name == "dropout")
    assert listed(lab)["Dropout"].delta.value == pytest.approx(row_.declared.delta) == pytest.approx(83.5 - 254 / 3)


def test_a_delta_that_may_come_from_other_data_carries_the_mark_in_ink_and_in_text():
    base, unfair, fair = half("network", 55.0), run("dropout", final=66.0), half("dropout", 60.0)
    for one, shown, ink in ((unfair, "+11.00!", "warn"), (fair, "+5.00 ", "")):
        entry = dropout_entry(base, one)
        cell = row(entry, Marks(), snapshot(), UNICODE).cells["delta"]
        assert plain(cell) == shown
        assert [span.style for span in cell] == [ink]


def test_the_panel_says_what_differs_and_which_key_leads_to_a_fair_comparison():
    entry = dropout_entry(half("network", 55.0), run("dropout", final=66.0))
    text = " ".join(plain(line) for line in details(entry, {}, 76, UNICODE, 2_000.0))
    assert "+11.00! points against Network: not a fair comparison" in text
    assert "data.train_fraction: 0.5 in Network, 1 here" in text
    assert "M matched baseline" in text


def test_nothing_is_compared_across_data_sets():
    digits = spec("dropout", group="Digits")
    other = run(own=msgspec.structs.replace(digits, data=Data(name="digits")), final=97.0)
    entry = dropout_entry(run(final=50.0, name="network"), other)
    assert entry.figure.value == 97.0
    assert entry.delta is None


def test_runs_of_an_older_definition_are_not_averaged_in():
    older = [half("dropout", 90.0, seed=seed) for seed in (0, 1)]
    newer = run("dropout", final=60.0, created=2_000)
    entry = dropout_entry(newer, *older)
    assert (entry.figure.value, entry.count) == (60.0, 1)


def test_lines_whose_runs_are_the_same_are_not_made_anew():
    finished, live = run("network", final=55.0), run("dropout", state=State.RUNNING, step=10)
    builder = EntryBuilder(CATALOG)
    first = builder.entries(snapshot(finished, live), ListOptions())
    moved = run("dropout", state=State.RUNNING, step=20)
    second = builder.entries(snapshot(finished, moved), ListOptions())
    assert [one.run.beat.step for one in (first[1], second[1])] == [10, 20]
    assert builder.entries(snapshot(finished, moved), ListOptions()) == second
    assert second[0].figure == first[0].figure


async def test_the_screen_shows_the_mark(tmp_path: Path):
    app = ConsoleUnderTest(recorded(), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 12)
        await pilot.press("g", "j")
        shown = screen_text(app)
        assert "+8.27!" in shown
        assert "not a fair comparison" in shown
