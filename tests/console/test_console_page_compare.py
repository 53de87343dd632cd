"""The comparison on the whole screen, driven by keys: the same rows as the command line's."""

import csv
import json
from pathlib import Path

import pytest
from textual.widgets import Input

from labtui.api.comparison import compare_experiments
from labtui.compare.render.export import to_markdown
from labtui.console.charts.chart import Chart
from labtui.console.charts.screen import ChartsScreen
from labtui.console.comparison.screen import CompareScreen
from labtui.console.comparison.spec_diff import DiffScreen
from labtui.console.experiments.screen import MainScreen
from labtui.console.launch.screen import LaunchScreen
from labtui.console.run.screen import RunScreen
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextPanel
from tests.support.console.app import ConsoleUnderTest, assert_fits, lab_at, screen_text
from tests.support.console.pages import NARROW, SIZES, WIDE, compared_lab, done, opened


def page(app: ConsoleUnderTest) -> CompareScreen:
    assert isinstance(app.screen, CompareScreen)
    return app.screen


def cells(app: ConsoleUnderTest) -> list[dict[str, str]]:
    rows = app.screen.query_one(LiveTable).rows
    return [{key: "".join(span.text for span in cell).strip() for key, cell in row.cells.items()} for row in rows]


def column(app: ConsoleUnderTest, key: str) -> list[str]:
    return [row.get(key, "") for row in cells(app)]


def findings(app: ConsoleUnderTest) -> str:
    return "\n".join("".join(span.text for span in line) for line in app.screen.query_one("#findings", TextPanel).lines)


async def asked(app: ConsoleUnderTest, pilot, count: int = 7) -> None:
    await opened(app, pilot, count)
    await pilot.press("c")
    await answered(app, pilot)


async def answered(app: ConsoleUnderTest, pilot) -> None:
    await app.until(pilot, lambda: page(app).table and page(app).asked.metric in ("", page(app).table.metric.tag))


async def written(app: ConsoleUnderTest, pilot, path: Path) -> None:
    before = len(app.said)
    await pilot.press("e")
    app.screen.query_one(Input).value = str(path)
    await pilot.press("enter")
    await app.until(pilot, lambda: len(app.said) > before)


@pytest.fixture
def app(tmp_path: Path) -> ConsoleUnderTest:
    return ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")


async def test_the_rows_are_those_of_the_command_line(app):
    compare_experiments(app.lab)  # the first look: the second and the third know its time
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        table = compare_experiments(app.lab)
        assert page(app).table == table
        assert [cell["name"].rstrip(" ▸") for cell in cells(app)] == [row.title for row in table.rows]
        network, dropout, adam = cells(app)
        assert (network["n"], network["mean"], network["verdict"]) == ("3", "80.47", "baseline")
        assert dropout["mean"] == "★ 86.57", "the best is marked"
        assert (dropout["delta"], dropout["verdict"]) == ("+6.10", "gain")
        assert dropout["interval"] == "[+5.74, +6.46]", "Adam was tried, too"
        assert adam["verdict"] == "one seed"
        await pilot.press("j")
        assert "That is a gain" in findings(app)
        assert "model.dropout" in findings(app), "what differs stands beside it"
        assert "accuracy by class" in findings(app)


async def test_a_row_unfolds_to_its_seeds_and_a_seed_opens_its_run(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        await pilot.press("enter")
        assert column(app, "name") == ["Network ▾", "seed 0", "seed 1", "seed 2", "Dropout ▸", "Adam 0.01"]
        assert column(app, "mean")[1:4] == ["80.00", "81.00", "80.40"]
        await pilot.press("j", "j", "enter")
        assert isinstance(app.screen, RunScreen)
        assert "/Network/s1-" in app.screen.run_id
        await pilot.press("q", "h")
        assert len(cells(app)) == 3
        assert page(app).panes.row.title == "Network", "the cursor stays with the row"
        await pilot.press("l", "enter")
        assert len(cells(app)) == 3


async def test_rows_are_sorted_by_every_column_and_the_other_way_round(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        await pilot.press("s")
        assert [name.rstrip(" ▸") for name in column(app, "name")] == ["Adam 0.01", "Dropout", "Network"]
        await pilot.press("s", "s")
        assert app.screen.query_one(LiveTable).sorted_by == "mean"
        assert column(app, "mean")[0].endswith("86.57"), "the best first"
        await pilot.press("i")
        assert column(app, "mean")[0] == "70.00"
        for _ in range(9):
            await pilot.press("s")
        assert [name.rstrip(" ▸") for name in column(app, "name")] == ["Network", "Dropout", "Adam 0.01"]
        await pilot.click("#rows", offset=(5, 1))
        assert app.screen.query_one(LiveTable).sorted_by == "name"


async def test_baseline_and_metric_are_chosen_by_key(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        await pilot.press("j", "b")
        await app.until(pilot, lambda: column(app, "verdict")[1] == "baseline")
        assert column(app, "delta")[0] == "−6.10"
        await pilot.press("b")
        await app.until(pilot, lambda: column(app, "verdict")[0] == "baseline")
        await pilot.press("m")
        await answered(app, pilot)
        assert page(app).asked.metric == "test/loss"
        assert "test/loss" in screen_text(app).splitlines()[0]


async def test_a_key_reads_every_run_at_an_equal_budget_of_each_kind_and_then_at_its_end(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        for unit in ("epochs", "steps", "images", "seconds"):
            await pilot.press("B")
            await app.until(pilot, lambda unit=unit: _unit(app) == unit)
        assert "the largest budget that all runs reached" in screen_text(app)
        await pilot.press("B")
        await app.until(pilot, lambda: _unit(app) is None)


def _unit(app: ConsoleUnderTest) -> str | None:
    table = page(app).table
    return table.equal_budget.unit if table and table.equal_budget else None


async def test_the_filter_narrows_the_rows_while_one_types(app):
    async with app.run_test(size=NARROW) as pilot:
        await asked(app, pilot)
        await pilot.press("slash", *"drop")
        assert [name.rstrip(" ▸") for name in column(app, "name")] == ["Dropout"]
        await pilot.press("enter", "escape")
        assert len(cells(app)) == 3
        await pilot.press("slash", *"zzz")
        assert "Nothing matches the filter" in screen_text(app)
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, MainScreen)


async def test_only_what_is_marked_is_compared_with_its_baseline_and_all_on_a_key(app):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g", "j", "space", "c")
        await answered(app, pilot)
        assert [name.rstrip(" ▸") for name in column(app, "name")] == ["Network", "Dropout"]
        assert column(app, "mark") == ["", "A"], "the letter of the list"
        await pilot.press("a")
        await app.until(pilot, lambda: len(cells(app)) == 3)


async def test_difference_and_charts_of_a_row_and_its_baseline(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        await pilot.press("d")
        assert "no second spec" in screen_text(app), "the baseline itself"
        await pilot.press("j", "d")
        assert isinstance(app.screen, DiffScreen)
        assert "0.3, 0.2" in screen_text(app)
        await pilot.press("d", "v")
        assert isinstance(app.screen, ChartsScreen)
        await app.until(pilot, lambda: len(app.screen.query_one(Chart).series) == 2)
        assert [one.label for one in app.screen.query_one(Chart).series] == ["A", "B"]


async def test_the_table_is_copied_and_written_as_the_command_line_has_it(app, tmp_path):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        table = compare_experiments(app.lab)
        await pilot.press("y")
        assert app.clipboard == to_markdown(table)
        for name, holds in (
            ("a.md", lambda text: text == to_markdown(table)),
            ("a.csv", lambda text: len(list(csv.DictReader(text.splitlines()))) == 3),
            ("a.json", lambda text: json.loads(text)["judged"] == table.judged),
            ("a.tex", lambda text: "\\begin{tabular}" in text),
            ("a.txt", lambda text: "Dropout" in text),
        ):
            await written(app, pilot, tmp_path / name)
            assert holds((tmp_path / name).read_text())
            assert app.said[-1] == f"written: {tmp_path / name}"
        await written(app, pilot, tmp_path / "a.md")
        assert "exists already" in app.said[-1]
        await written(app, pilot, tmp_path / "a.xyz")
        assert "no known format" in app.said[-1]
        await pilot.press("e", "escape")
        assert isinstance(app.screen, CompareScreen)


async def test_a_row_with_one_seed_offers_to_run_more_with_the_command_that_was_found(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        await pilot.press("G", "M")
        assert isinstance(app.screen, LaunchScreen)
        assert app.screen.request.names == ("adam@0.01",)
        assert app.screen.request.seeds == "0-2"
        await pilot.press("escape", "g", "M")
        assert "needs no other baseline" in screen_text(app)
        await pilot.press("q", "G", "k", "M")
        await app.until(pilot, lambda: isinstance(app.screen, LaunchScreen))
        assert app.screen.request.names == ("adam@0.01",)


async def test_what_differs_beyond_the_factor_is_pointed_at(tmp_path):
    lab = compared_lab(tmp_path)
    own = lab.catalog.select(["dropout"])[0].spec
    for seed in range(2):
        both = {"overrides": {"model.dropout": [0.5, 0.5]}}
        model = type(own.model)(dropout=(0.5, 0.5))
        done(lab, "adam@0.001", seed, accuracy=75.0 + seed, model=model, **both)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot, 9)
        index = next(index for index, name in enumerate(column(app, "name")) if name.startswith("Adam 0.001"))
        await pilot.press("g", *["j"] * index)
        assert column(app, "verdict")[index] == "confounded"
        assert "! model.dropout" in findings(app)
        assert "beyond the declared factor" in findings(app)


async def test_a_run_that_ends_meanwhile_is_judged_without_being_asked(app):
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        done(app.lab, "adam@0.01", 1, accuracy=72.0)
        await app.until(pilot, lambda: column(app, "n")[-1] == "2")
        assert column(app, "mean")[-1] == "71.00"


async def test_without_a_finished_run_it_says_so(tmp_path):
    app = ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot, 0)
        assert "Nothing has finished yet" in screen_text(app)
        await pilot.press("enter", "b", "d", "v", "q", "M", "l", "s", "i", "m", "z")
        assert isinstance(app.screen, CompareScreen)


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_it_fits_every_size(tmp_path, ascii_only):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state", ascii_only=ascii_only)
    async with app.run_test(size=WIDE) as pilot:
        await asked(app, pilot)
        for size in SIZES[ascii_only]:
            await pilot.resize_terminal(*size)
            await pilot.press("j", "l", "z")
            assert_fits(app, ascii_only=ascii_only)
