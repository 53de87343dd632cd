"""What stands behind the whole screens: pure functions of values, without an app."""

import csv
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from labtui.api.comparison import compare_experiments
from labtui.compare.model import RunRequest
from labtui.console.charts import viewport as window
from labtui.console.charts.crosshair import place, read_at, reading_lines
from labtui.console.charts.options import ChartedRun, ChartOptions, each_seed
from labtui.console.charts.series import Frame, Series
from labtui.console.charts.ticks import Range
from labtui.console.charts.viewport import log_panned, log_zoomed, panned, within, zoomed
from labtui.console.charts.xaxis import XAxis
from labtui.console.comparison import export, spec_diff, table_rows
from labtui.console.data.snapshot import Machine
from labtui.console.launch import fields as form
from labtui.console.launch.preview import device_descriptions, make_preview, plan_lines
from labtui.console.launch.request import LaunchRequest, launch_request_of, request_of_run
from labtui.console.run.confusion import confusion_lines
from labtui.console.run.overview import beside, model_lines, overview, spec_lines
from labtui.console.run.predictions import RunPredictions, count
from labtui.console.ui.glyphs import ASCII, UNICODE, in_ascii
from labtui.console.ui.tabs import tabs
from labtui.errors import UsageError
from labtui.launch.devices import Device
from labtui.spec import Adam, Cnn, Sgd
from labtui.store.predictions import Predictions
from labtui.store.state import State
from labtui.text.spans import Span, line_width, plain
from tests.support.console.app import lab_at
from tests.support.console.builders import run, spec
from tests.support.console.pages import compared_lab, spec_of


def texts(lines) -> list[str]:
    return [plain(line) for line in lines]


def series(x, y=None, **more) -> Series:
    x = np.asarray(x, dtype=np.float64)
    y = x if y is None else np.asarray(y, dtype=np.float64)
    return Series("run", more.pop("label", "A"), x, y, **more)


# --- Tabs, zoom, crosshair ----------------------------------------------------------------------------------------


@given(
    some.lists(some.text("abcdefgh ", min_size=1, max_size=12), min_size=1, max_size=12),
    some.data(),
    some.integers(3, 80),
)
def test_tabs_fit_their_room_and_hold_as_much_of_the_chosen_one_as_fits(names, data, room):
    chosen = data.draw(some.integers(0, len(names) - 1))
    line = tabs(names, chosen, room)
    assert line_width(line) <= room
    assert any(span.style == "title" for span in line)


def test_tabs_show_the_neighbours_of_the_chosen_one():
    assert plain(tabs(["one", "two", "three", "four", "five"], 3, 18, numbered=True)).startswith("…")
    assert plain(tabs(["one", "two"], 0, 40, numbered=True)).rstrip() == "1 one  2 two"
    assert tabs([], 0, 10) == ()


@given(some.floats(-1e3, 1e3), some.floats(1, 1e6), some.floats(0.1, 10), some.floats(-0.5, 1.5))
def test_zooming_keeps_its_middle_where_it_was_and_scales_the_length(low, span, factor, share):
    ends = Range(low, low + span)
    about = min(ends.high, max(ends.low, low + share * span))
    near = zoomed(ends, factor, low + share * span)
    assert near.span == pytest.approx(factor * ends.span, rel=1e-6)
    assert (about - near.low) / near.span == pytest.approx((about - ends.low) / ends.span, abs=1e-6)


def test_a_window_stays_within_the_whole_axis_and_no_zoom_goes_below_the_precision_of_floats():
    assert within(Range(-3, 2), Range(0, 10)) == Range(0, 5)
    assert within(Range(8, 13), Range(0, 10)) == Range(5, 10)
    assert within(Range(-5, 50), Range(0, 10)) == Range(0, 10)
    tiny = Range(1.0, 1.0 + 1e-9)
    assert zoomed(tiny, 0.1) == tiny
    assert panned(Range(0, 10), 0.2) == Range(2, 12)
    assert log_zoomed(Range(1, 100), 0.5) == pytest.approx(Range(10**0.5, 10**1.5))
    assert log_panned(Range(1, 100), 0.5) == pytest.approx(Range(10, 1000))


def test_the_crosshair_passes_over_points_that_share_a_cell():
    crowded = series(np.arange(0, 1000))
    frame = Frame(Range(0, 1000), Range(0, 1), 0, 100, 10)
    look = window.cursor_moved(ChartOptions(cursor=500.0), [crowded], frame, 1)
    assert frame.column_of(look.cursor) == frame.column_of(500.0) + 1
    look = window.cursor_moved(ChartOptions(cursor=500.0), [crowded], frame, -1)
    assert frame.column_of(look.cursor) == frame.column_of(500.0) - 1
    assert window.cursor_moved(ChartOptions(cursor=999.0), [crowded], frame, 1).cursor == 999.0
    assert window.cursor_moved(ChartOptions(), [crowded], frame, -1).cursor == 999.0, "it begins at the last point"
    assert window.cursor_at(ChartOptions(), [series([])], frame, 3.0).cursor is None
    assert window.cursor_to_end(ChartOptions(), [series([])], frame, last=True).cursor is None


@given(some.integers(2, 400), some.integers(5, 120), some.lists(some.sampled_from([1, -1]), max_size=60))
def test_the_crosshair_always_stands_on_a_point(count_, across, moves):
    line = series(np.sort(np.random.default_rng(count_).uniform(0, 10, count_)))
    frame = Frame(Range(0, 10), Range(0, 1), 0, across, 10)
    look = ChartOptions()
    for move in moves:
        look = window.cursor_moved(look, [line], frame, move)
        assert look.cursor in line.x


def test_readings_tell_value_smoothed_step_time_and_spread():
    steps = np.array([50, 100], dtype=np.int64)
    one = series([1, 2], [0.5, 0.25], steps=steps, times=np.array([3.0, 90.0]), raw=np.array([0.6, 0.2]), unit="point")
    band = (np.array([60.0, 61.0]), np.array([62.0, 64.0]))
    mean = series([1, 2], [61, 62.5], label="B", band=band, counts=np.array([3, 2]))
    lines = texts(reading_lines(read_at([one, mean], 2.0), "loss", 100, UNICODE, smoothed=True))
    assert lines[0].split() == ["run", "smoothed", "value", "±", "sd", "over", "n", "step", "relative"]
    assert lines[1].split() == ["A", "run", "0.2500", "0.2000", "point", "100", "1m", "30s"]
    assert lines[2].split() == ["B", "run", "62.50", "±", "1.500", "n", "2"]
    assert all(
        len(line) <= 60 for line in texts(reading_lines(read_at([one, mean], 2.0), "loss", 60, ASCII, smoothed=True))
    )
    assert reading_lines((), "loss", 80, UNICODE, smoothed=False) == []


def test_the_place_of_the_crosshair_is_in_the_unit_of_the_axis():
    assert place(4.5, XAxis.EPOCH) == "epoch 4.5"
    assert place(4.0, XAxis.EPOCH) == "epoch 4"
    assert place(12_345.4, XAxis.STEP) == "step 12,345"
    assert place(80, XAxis.RELATIVE) == "1m 20s"


def test_seeds_apart_keep_their_letter_and_colour_and_differ_by_dashes():
    both = ChartedRun("Network", "A", (run("network", seed=0), run("network", seed=1)), 2)
    one, other = each_seed([both])
    assert (one.letter, other.letter) == ("A", "A")
    assert (one.colour, other.colour, one.dash, other.dash) == (2, 2, 0, 1)
    assert other.name == "Network seed 1"


def test_curves_are_written_as_one_line_per_point_with_nothing_where_there_is_no_number():
    one = series([1, 2], [0.5, float("nan")], steps=np.array([10, 20]), times=np.array([1.0, 2.0]), unit="point")
    rows = list(csv.DictReader(export.series_csv([one], "epoch").splitlines()))
    assert rows[0] == {
        "name": "run", "label": "A", "epoch": "1", "value": "0.5", "smoothed": "0.5", "sd": "", "n": "", "step": "10",
        "step_unit": "point", "relative_seconds": "1",
    }  # fmt: skip
    assert rows[1]["value"] == ""


# --- A run --------------------------------------------------------------------------------------------------------


def test_confusions_are_counted_and_named():
    found = count(
        "r", Predictions(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 0]), np.full(5, -2.0)), ("cat", "dog")
    )
    assert found.matrix.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 0]]
    assert found.classes == ("cat", "dog", "class 2")
    assert found.accuracy == 40.0
    assert found.cross_entropy == 2.0
    assert found.mistakes(5) == [("class 2", "cat", 2), ("cat", "dog", 1)]
    assert found.per_class == (50.0, 100.0, 0.0)


@pytest.mark.parametrize("labels", [[-1, 0], [0, 10_000]])
def test_classes_that_cannot_be_are_told_and_not_counted(labels):
    found = count("r", Predictions(np.array(labels), np.array([0, 0]), np.zeros(2)), ("cat",))
    assert found.matrix is None
    assert "classes outside" in found.note


def test_predictions_of_no_image_say_so():
    assert "no image" in count("r", Predictions(np.empty(0, int), np.empty(0, int), np.empty(0)), ()).note


@pytest.mark.parametrize("room", [30, 60, 100, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_test_images_fit_their_room(room, glyphs):
    names = tuple(f"a class of name {n}" for n in range(10))
    labels = np.arange(1000) % 10
    found = count("r", Predictions(labels, (labels + (labels > 7)) % 10, np.full(1000, -0.1)), names)
    lines = confusion_lines(found, room, glyphs)
    assert max(line_width(line) for line in lines) <= room
    assert any("80.00 %" in text for text in texts(lines))
    assert texts(confusion_lines(RunPredictions("r", "not yet"), room, glyphs)) == ["not yet"]


@pytest.mark.parametrize("room", [20, 40, 100])
def test_everything_about_a_run_fits_its_room_whatever_state_it_is_in(room):
    for state in State:
        one = run(state=state, final=50.0, step=10, reason="out of memory " * 5)
        for lines in (overview(one, {}, room, UNICODE, 2_000.0), spec_lines(one, room, UNICODE)):
            assert max(line_width(line) for line in lines) <= room
    assert any("known when the run has ended" in text for text in texts(model_lines(None, room, UNICODE)))


def test_the_command_that_repeats_a_run_can_be_pasted_from_its_panel():
    own = msgspec.structs.replace(
        spec("dropout"), overrides={"training.epochs": 3, "optimizer.lr": 0.01, "data.name": "digits"}
    )
    lines = texts(overview(run(own=own, final=50.0), {}, 40, UNICODE, 2_000.0))
    start = lines.index("repeat") + 1
    command = "\n".join(lines[start : lines.index("", start)])
    words = command.replace("\\\n", "").split()
    assert words[:3] == ["labtui", "run", "dropout"]
    assert "training.epochs=3" in words
    assert all(line.endswith("\\") for line in command.split("\n")[:-1]), "broken as a shell would take it"


def test_two_blocks_stand_beside_each_other():
    lines = beside([(Span("left"),), (Span("l"),)], [(Span("right"),)], 40)
    assert texts(lines) == ["left    right", "l       "]


# --- Specs, requests, the form --------------------------------------------------------------------------------------


def test_only_what_differs_is_contrasted_and_what_was_not_declared_stands_out():
    here = spec("dropout")
    here = msgspec.structs.replace(here, model=Cnn(dropout=(0.3, 0.2)), optimizer=Adam(lr=0.01))
    there = spec("network")
    lines = spec_diff.diff_lines([("Dropout", here), ("Network", there)], ("model.dropout",), 80, UNICODE)
    assert [text.split()[:2] for text in texts(lines)[1:3]] == [["model.dropout", "0.3,"], ["!", "optimizer.lr"]]
    assert "beyond the declared factor: model.dropout" in texts(lines)[-1]
    same = spec_diff.diff_lines([("A", here), ("B", here)], (), 80, UNICODE)
    assert "only the seed differs" in texts(same)[0]


def test_three_specs_and_a_part_that_one_lacks_are_contrasted():
    one, two = spec("a"), spec("b")
    three = msgspec.structs.replace(spec("c"), optimizer=Sgd(lr=0.1))
    assert spec_diff.differing_keys([one, two, three]) == ("optimizer.name", "optimizer.lr")
    lines = spec_diff.diff_lines([("A", one), ("B", two), ("C", three)], (), 100, UNICODE)
    assert texts(lines)[1].split() == ["optimizer.name", "adam", "adam", "sgd"]
    for room in (12, 30, 60):
        assert (
            max(line_width(line) for line in spec_diff.diff_lines([("A", one), ("C", three)], (), room, ASCII)) <= room
        )


def test_proposed_runs_become_requests():
    def request(names, seeds, **overrides):
        return launch_request_of(RunRequest(names=names, seeds=seeds, overrides=overrides))

    assert request(("l2", "adam@0.001"), (0, 1, 2)) == LaunchRequest(("l2", "adam@0.001"), "0-2")
    overrides = {"data.train_fraction": 1.0, "training.epochs": 6, "data.name": "digits", "model.dropout": (0.5, 0.5)}
    changes = ("data.train_fraction=1", "training.epochs=6", "data.name=digits", "model.dropout=[0.5,0.5]")
    assert request(("network",), (4,), **overrides) == LaunchRequest(("network",), "4,", changes)


def test_a_run_again_keeps_its_seed_and_what_was_changed(tmp_path):
    lab = lab_at(tmp_path)
    own = spec_of(lab, "dropout", 7)
    own = msgspec.structs.replace(own, overrides={"training.epochs": 2, "model.dropout": [0.3, 0.2]})
    request = request_of_run(own)
    assert (request.names, request.seeds) == (("dropout",), "7,")
    (planned,) = make_preview(lab, request).plan.runs
    assert planned.spec.seed == 7
    assert planned.spec.training.epochs == 2
    assert planned.spec.model.dropout == (0.3, 0.2)


def test_the_fields_hold_what_all_chosen_experiments_share(tmp_path):
    lab = lab_at(tmp_path)
    variants = lab.catalog.select(["adam"])
    fields = {field.key: field for field in form.form_fields(variants, (0,), {"cpu": ""}, {})}
    assert fields["optimizer.lr"].text == form.DIFFERS
    assert fields["training.epochs"].text == "2"
    assert fields["data.name"].choices[:1] == ("cifar10",)
    typed = {"optimizer.lr": "0.5", "training.epochs": "2", "seeds": "0,1", "at once": "99", "device": "tpu"}
    fields = {field.key: field for field in form.form_fields(variants, (0,), {"cpu": ""}, typed)}
    assert fields["optimizer.lr"].is_changed
    assert not fields["training.epochs"].is_changed, "the same as before is no change"
    assert "1 to 64" in fields["at once"].error
    assert "no such device" in fields["device"].error
    assert form.form_fields((), (0,), {}, {})[0].key == "seeds"


@pytest.mark.parametrize("room", [12, 40, 120])
def test_a_field_fits_its_room(tmp_path, room):
    variants = lab_at(tmp_path).catalog.select(["dropout"])
    typed = {"training.epochs": "x" * 50, "optimizer.name": "sgd"}
    found = form.form_fields(variants, (0,), {"cpu": "", "cuda:0": "busy"}, typed)
    keys = form.key_width(found, room)
    for field in found:
        for current in (False, True):
            assert line_width(form.field_line(field, room, UNICODE, key_width=keys, current=current)) <= room


def test_devices_are_offered_with_their_load():
    gpu = Device(name="cuda:0", title="NVIDIA H200", load=3.0, memory_free=130 << 30)
    cpu = Device(name="cpu", title="CPU", cores=16)
    broken = Device(name="cuda:1", title="old", obstacle="too old")
    descriptions = device_descriptions(Machine(cpu=41.0, devices=(cpu, gpu, broken)))
    assert descriptions == {"cpu": "16 cores, 41% busy", "cuda:0": "NVIDIA H200, 3% busy, 130 GiB free"}
    field = form.form_fields((), (0,), descriptions, {"device": "cuda:0"})[1]
    assert "130 GiB free" in plain(form.field_line(field, 100, UNICODE, key_width=10, current=True))
    assert device_descriptions(Machine()) == {"cpu": ""}


def test_an_invalid_request_has_no_plan_but_an_error(tmp_path):
    lab = lab_at(tmp_path)
    assert "Space marks one" in make_preview(lab, LaunchRequest()).error
    assert "not a key" in make_preview(lab, LaunchRequest(("network",), "", ("nonsense=1",))).error
    assert "not a list of seeds" in make_preview(lab, LaunchRequest(("network",), "a few")).error
    good = make_preview(lab, LaunchRequest(("adam",), "3"))
    assert good.can_start
    assert texts(plan_lines(good.plan, 80, UNICODE, at_once=2))[0].startswith("6 runs")
    assert max(line_width(line) for line in plan_lines(good.plan, 40, ASCII, at_once=1)) <= 40


# --- The comparison -----------------------------------------------------------------------------------------------


def test_rows_without_a_value_come_last_in_every_order(tmp_path):
    table = compare_experiments(compared_lab(tmp_path))
    for sort in table_rows.SORTS[1:]:
        for reverse in (False, True):
            shown = table_rows.ordered(table, table_rows.TableOptions(sort=sort, reverse=reverse))
            assert {row.key for row in shown} == {row.key for row in table.rows}
            assert table_rows.table_rows(table, table_rows.TableOptions(sort=sort), {}, UNICODE)
    by_p = table_rows.ordered(table, table_rows.TableOptions(sort="p", reverse=True))
    assert by_p[0].title == "Dropout", "the only one with a p"
    assert table_rows.ordered(table, table_rows.TableOptions(filter="drop"))[0].title == "Dropout"


def test_empty_columns_are_left_out(tmp_path):
    table = compare_experiments(compared_lab(tmp_path))
    lines = table_rows.table_rows(table, table_rows.TableOptions(), {}, UNICODE)
    keys = [column.key for column in table_rows.filled_columns(lines)]
    assert "published" not in keys
    assert "interval" in keys
    assert table_rows.filled_columns(())[0].key == "mark"


def test_nothing_is_ever_overwritten(tmp_path):
    place_ = tmp_path / "a.md"
    assert export.write_new(place_, "text") == f"written: {place_}"
    with pytest.raises(UsageError, match="exists already"):
        export.write_new(place_, "other")
    assert place_.read_text() == "text"
    with pytest.raises(UsageError, match="no known format"):
        export.format_of(tmp_path / "a.doc")
    table = compare_experiments(compared_lab(tmp_path))
    assert json.loads(export.format_of(tmp_path / "A.JSON")(table))["schema"] == 1


def test_every_sign_has_a_spelling():
    assert in_ascii("−1.5 ± 0.2 × 3 → Δ … “a”") == '-1.5 +- 0.2 x 3 -> d ... "a"'
    assert in_ascii("plain") == "plain"
    assert in_ascii("日本") == "??"
