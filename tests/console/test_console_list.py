"""What the list of experiments and runs shows, and how."""

import math
from pathlib import Path

import pytest

from labtui.catalog import Problem
from labtui.console.experiments.details import details
from labtui.console.experiments.entries import EntryBuilder
from labtui.console.experiments.entry import EntryKey, EntryKind, ListOptions, Marks, figure, ink_of
from labtui.console.experiments.filters import Searched, parse_filter
from labtui.console.experiments.rows import COLUMNS, counts, row
from labtui.console.ui.glyphs import ASCII, UNICODE
from labtui.store import tags
from labtui.store.state import State
from labtui.text.spans import line_width, plain
from labtui.text.tables import changed_cells, header_line, lay_out, row_line
from tests.support.console.builders import FakeCatalog, curve, foreign, msgspec_replace, run, snapshot, spec, trend

CATALOG = FakeCatalog("network", "dropout", "adam@0.01", "adam@0.001")

DROPOUT = EntryKey(EntryKind.VARIANT, "dropout")


def cell(name: str) -> EntryKey:
    return EntryKey(EntryKind.CELL, name)


def keys(*runs, catalog=CATALOG, **choice):
    return [str(entry.key) for entry in EntryBuilder(catalog).entries(snapshot(*runs), ListOptions(**choice))]


def find(key, *runs, catalog=CATALOG, trends=None, **choice):
    shown = EntryBuilder(catalog).entries(snapshot(*runs, trends=trends or {}), ListOptions(**choice))
    return next(entry for entry in shown if str(entry.key) == key)


def texts(entry, shown=None, marks=None, glyphs=UNICODE):
    cells = row(entry, marks or Marks(), shown or snapshot(), glyphs).cells
    return {key: plain(cell) for key, cell in cells.items()}


def test_the_catalog_is_listed_before_anything_has_run():
    assert keys() == ["arm:network", "arm:dropout", "arm:adam@0.01", "arm:adam@0.001"]
    assert texts(find("arm:dropout"))["state"] == "not run"


def test_one_run_is_shown_in_the_line_of_its_experiment():
    entry = find("arm:dropout", run("dropout", final=61.04))
    assert entry.folded is None
    assert texts(entry)["accuracy"] == "61.04"
    assert texts(entry)["time"] == "1m 52s"


def test_several_seeds_make_a_mean_and_unfold_into_their_runs():
    seeds = [run("dropout", seed=seed, final=60.0 + seed, created=100 + seed) for seed in range(3)]
    entry = find("arm:dropout", *seeds)
    assert (entry.figure.value, entry.spread, entry.count) == (61.0, 1.0, 3)
    assert "▸3" in texts(entry)["name"]
    unfolded = keys(*seeds, unfolded=frozenset({DROPOUT}))
    assert unfolded[1:5] == ["arm:dropout", *(f"run:{one.id}" for one in seeds)]


def test_of_one_seed_the_newest_finished_run_counts():
    newer, older = run("dropout", final=62.0, created=200), run("dropout", final=50.0, created=100)
    failed = run("dropout", state=State.FAILED, created=300)
    assert find("arm:dropout", failed, newer, older).figure.value == 62.0


def test_the_line_stands_for_the_run_that_is_under_way():
    finished, live = (
        run("dropout", final=61.0, created=100),
        run("dropout", state=State.RUNNING, created=50, step=1_564),
    )
    entry = find("arm:dropout", finished, live)
    assert entry.run is live
    assert texts(entry)["state"].endswith("40%")
    assert texts(entry)["epoch"] == "4/10"
    assert texts(entry)["time"] == "1m 12s", "what is left"


def test_deltas_are_taken_against_the_declared_baseline_in_points():
    base, better = run("network", final=55.9), run("dropout", final=61.04)
    assert find("arm:dropout", base, better).delta.value == pytest.approx(5.14)
    assert texts(find("arm:dropout", base, better))["delta"].strip() == "+5.14"
    assert texts(find("arm:network", base, better))["delta"].strip() == "base"


def test_another_baseline_can_be_chosen():
    base, better = run("network", final=55.9), run("dropout", final=61.04)
    assert find("arm:network", base, better, baseline=DROPOUT).delta.value == pytest.approx(-5.14)
    assert find("arm:dropout", base, better, baseline=DROPOUT).is_baseline


def test_an_unfinished_run_has_no_delta_and_its_live_value_is_marked():
    live = run("dropout", state=State.RUNNING)
    entry = find("arm:dropout", run("network", final=55.9), live, trends={live.id: trend([40, 50.0])})
    assert entry.delta is None
    assert not entry.figure.final
    inks = {key: {span.style for span in cell} for key, cell in row(entry, Marks(), snapshot(), UNICODE).cells.items()}
    assert inks["accuracy"] == {"accent"}


def test_a_final_figure_counts_only_for_finished_runs():
    stopped = run("dropout", state=State.STOPPED, final=61.0)
    assert figure(stopped, None) is None or not figure(stopped, None).final


def test_runs_with_overrides_stand_apart():
    changed = run(own=spec("dropout", title="Dropout", overrides={"training.epochs": 1}), final=40.0)
    listed = keys(run("dropout", final=61.0), changed)
    assert listed[-2:] == ["heading:with overrides", "cell:Cifar/Dropout [epochs=1]"]


def test_runs_of_other_tools_stand_apart_and_are_called_by_their_folder():
    entry = find("run:lightning_logs/version_0", foreign())
    assert entry.title == "lightning_logs/version_0"
    assert texts(entry)["state"] == "quiet"


def test_without_a_catalog_there_is_no_heading():
    assert keys(foreign(), catalog=FakeCatalog()) == ["run:lightning_logs/version_0"]


def test_runs_on_the_stand_in_data_set_say_so():
    assert find("arm:dropout", run("dropout", group="Digits", final=97.0)).note == "Digits"


def test_problems_of_the_catalog_are_listed():
    problem = Problem(
        path=Path("x.toml"), line=12, column=None, key="l1.lrr", message="unknown \x1b[31mkey", experiment="l1"
    )
    entry = EntryBuilder(FakeCatalog("network", problems=[problem])).entries(snapshot(), ListOptions())[-1]
    assert entry.is_problem
    assert entry.title == "line 12: l1.lrr: unknown \ufffd[31mkey"
    assert plain(details(entry, {}, 40, UNICODE, 0.0)[1]) == entry.title


def test_lists_are_sorted_best_first_and_what_has_no_figure_comes_last():
    runs = [run("network", final=55.9), run("dropout", final=61.0), run("adam@0.01", final=40.0)]
    assert keys(*runs, sort="accuracy") == ["arm:dropout", "arm:network", "arm:adam@0.01", "arm:adam@0.001"]
    assert keys(*runs, sort="delta")[:2] == ["arm:dropout", "arm:adam@0.01"]
    newest = [run("network", created=1), run("adam@0.01", created=9)]
    assert keys(*newest, sort="newest")[:2] == ["arm:adam@0.01", "arm:network"]


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("adam", ["arm:adam@0.01", "arm:adam@0.001"]),
        ("ADAM -0.001", ["arm:adam@0.01"]),
        ("running", ["arm:dropout"]),
        ("state:fin", ["arm:network"]),
        ("/^adam.*1$/", ["arm:adam@0.01", "arm:adam@0.001"]),
        ("/[/", []),
        ("", ["arm:network", "arm:dropout", "arm:adam@0.01", "arm:adam@0.001"]),
    ],
)
def test_the_filter_takes_words_states_and_expressions(text, listed):
    assert keys(run("network", final=1.0), run("dropout", state=State.RUNNING), filter=text) == listed


def test_a_filter_of_one_character_is_no_negation():
    assert parse_filter("-")(Searched("a-b"))


def test_marks_take_the_first_free_letter_and_keep_theirs():
    marks = Marks().toggled(cell("x")).toggled(cell("y")).toggled(cell("z")).toggled(cell("y")).toggled(cell("w"))
    assert marks.as_dict() == {"A": "cell:x", "B": "cell:w", "C": "cell:z"}
    assert Marks.from_mapping(marks.as_dict()) == marks
    assert Marks.from_mapping({"AB": "cell:x", "a": "cell:y", "B": "z"}) == Marks()


def test_there_are_26_marks():
    marks = Marks()
    for number in range(30):
        marks = marks.toggled(cell(str(number)))
    assert len(marks.letters) == 26
    assert {ink_of(letter) for letter, _ in marks.letters} == set(range(8))


def test_a_mark_is_shown_in_the_colour_of_its_curve():
    entry = find("arm:dropout", run("dropout", final=61.0))
    marks = Marks().toggled(cell("a")).toggled(DROPOUT)
    (mark,) = row(entry, marks, snapshot(), UNICODE).cells["mark"]
    assert (mark.text, mark.style) == ("B", "series1")


def test_every_state_has_its_word_and_its_own_glyph_in_both_sets():
    for glyphs in (UNICODE, ASCII):
        assert len({glyphs.states[state] for state in State}) >= len(State) - 1
        for state in State:
            word = texts(find("arm:dropout", run("dropout", state=state)), glyphs=glyphs)["state"]
            assert word == str(state) or (state is State.RUNNING and word.endswith("%"))


def test_a_run_that_was_asked_to_stop_says_so():
    asked = msgspec_replace(run("dropout", state=State.STALLED), stop_requested=True)
    assert texts(find("arm:dropout", asked))["state"] == "stopping"


def test_counts_name_the_states_that_occur():
    shown = plain(
        counts((run("network"), run("dropout", state=State.RUNNING), run("l1", state=State.RUNNING)), UNICODE)
    )
    assert shown.split() == ["▶", "2", "running", "✓", "1", "finished"]


@pytest.mark.parametrize("room", [1, 10, 24, 40, 66, 80, 120, 300])
def test_rows_fit_their_room_and_the_name_goes_last(room):
    layout = lay_out(COLUMNS, room)
    entry = find("arm:dropout", run("dropout", final=61.0))
    line = row_line(layout, row(entry, Marks(), snapshot(), UNICODE))
    assert line_width(line) == line_width(header_line(layout))
    assert room < 28 or line_width(line) == room
    assert "name" in {column.key for column, _ in layout}


def test_a_sparkline_of_a_diverged_run_has_a_gap_not_an_end():
    shown = run("dropout", state=State.DIVERGED)
    entry = find("arm:dropout", shown)
    line = row(entry, Marks(), snapshot(shown, trends={shown.id: trend([10, 20, math.nan])}), UNICODE)
    assert plain(line.cells["trend"]) == "▂▂ "


def test_of_a_row_that_changed_only_the_columns_that_differ_are_painted():
    layout = lay_out(COLUMNS, 80)
    one = find("arm:dropout", run("dropout", state=State.RUNNING, step=1_000))
    two = find("arm:dropout", run("dropout", state=State.RUNNING, step=2_000))
    old, new = (row(entry, Marks(), snapshot(), UNICODE) for entry in (one, two))
    first, last = changed_cells(layout, old, new)
    assert 0 < first < last < 80
    before, after = (plain(row_line(layout, each)) for each in (old, new))
    assert before[:first] == after[:first]
    assert before[last:] == after[last:]
    assert before[first:last] != after[first:last]
    assert changed_cells(layout, old, old) == (0, 0)
    assert changed_cells(layout, old, row(find("arm:network"), Marks(), snapshot(), UNICODE)) is None


def test_minibatch_figures_that_were_written_twice_are_shown_once():
    live = run("dropout", state=State.RUNNING)
    entry = find("arm:dropout", live)
    curves = {tag: curve(tag, [2.0, 1.0]) for tag in (tags.MINIBATCH_LOSS, tags.TRAIN_LOSS, tags.REPORT_TEST_LOSS)}
    names = [plain(line).split("  ")[0] for line in details(entry, curves, 60, UNICODE, 2_000.0)]
    assert names.count("minibatch loss") == 1
    del curves[tags.MINIBATCH_LOSS]
    assert "minibatch loss" in [plain(line).split("  ")[0] for line in details(entry, curves, 60, UNICODE, 2_000.0)]
