"""From runs to the lines of a chart, and which charts there are."""

import msgspec
import numpy as np
import pytest

from labtui.console.charts.build_series import build_series, build_view, step_scale, without_axis
from labtui.console.charts.options import ChartedRun, ChartOptions, shown_runs
from labtui.console.charts.panels import KNOWN, panels
from labtui.console.charts.xaxis import XAxis
from labtui.store import tags
from labtui.store.state import State
from tests.support.console.builders import curve, foreign, msgspec_replace, run, spec

LOSS, ACCURACY = KNOWN[0], KNOWN[3]


def of(one, letter="", **more) -> ChartedRun:
    return ChartedRun(one.display_title, letter, (one,) if not isinstance(one, tuple) else one, **more)


def epochs(values, tag=tags.REPORT_TEST_ACCURACY):
    return {tag: curve(tag, values)}


def test_minibatch_points_lie_where_their_batches_were():
    one = run("dropout", state=State.RUNNING)
    points = {tags.MINIBATCH_LOSS: curve(tags.MINIBATCH_LOSS, np.arange(14.0))}
    (line,) = build_series(LOSS, [of(one)], {one.id: points}, ChartOptions(axis=XAxis.STEP))
    assert line.x[[0, 6, 7]].tolist() == [50, 350, 441]
    (line,) = build_series(LOSS, [of(one)], {one.id: points}, ChartOptions())
    assert line.x[13] == pytest.approx(1 + 350 / 391)


def test_a_single_run_is_shown_with_its_training_side():
    one = run("dropout")
    both = epochs([1.0, 2.0]) | epochs([3.0, 4.0], tags.REPORT_TRAIN_ACCURACY)
    lines = build_series(ACCURACY, [of(one)], {one.id: both}, ChartOptions())
    assert [line.label for line in lines] == ["test", "train"]
    other = run("network")
    lines = build_series(
        ACCURACY, [of(one, "A"), of(other, "B", colour=1)], {one.id: both, other.id: both}, ChartOptions()
    )
    assert [(line.label, line.colour) for line in lines] == [("A", 0), ("B", 1)]


def test_seeds_make_a_mean_with_a_band():
    seeds = tuple(run("dropout", seed=seed) for seed in range(3))
    curves = {one.id: epochs([10.0 + seed, 20.0 + seed]) for seed, one in enumerate(seeds)}
    (line,) = build_series(ACCURACY, [ChartedRun("Dropout", "A", seeds)], curves, ChartOptions())
    assert line.y.tolist() == [11, 21]
    assert line.band[0].tolist() == [10, 20]
    assert line.counts.tolist() == [3, 3]


def test_smoothing_keeps_the_raw_values_behind():
    one = run("dropout")
    (line,) = build_series(ACCURACY, [of(one)], {one.id: epochs([0.0, 10.0, 0.0])}, ChartOptions(smoothing=0.6))
    assert line.raw.tolist() == [0, 10, 0]
    assert line.y[1] == pytest.approx((0.4 * 10) / (1 - 0.36))


def test_a_resumed_run_whose_clock_went_back_is_drawn_in_order_of_time():
    one = run("dropout")
    jumped = curve(tags.REPORT_TEST_ACCURACY, [1.0, 2.0, 3.0])
    jumped.wall_times.setflags(write=True)
    jumped.wall_times[:] = [100.0, 300.0, 200.0]
    (line,) = build_series(ACCURACY, [of(one)], {one.id: {jumped.tag: jumped}}, ChartOptions(axis=XAxis.WALL))
    assert line.x.tolist() == [100, 200, 300]
    assert line.y.tolist() == [1, 3, 2]


def test_the_axis_ends_where_the_longest_run_will():
    one, other = run("dropout"), run("network")
    shown = build_view(ACCURACY, [of(one), of(other)], {}, ChartOptions())
    assert shown.planned == 10
    assert shown.bounds == (0, 100)
    assert build_view(ACCURACY, [of(one), of(foreign())], {}, ChartOptions()).planned is None, (
        "one that is not known has no end"
    )
    assert build_view(ACCURACY, [of(one)], {}, ChartOptions(axis=XAxis.RELATIVE)).planned is None


def test_the_scale_of_a_run_comes_from_its_own_files():
    assert step_scale(run("dropout"), {}).steps_per_epoch == 391
    one = run("dropout")
    unplanned = msgspec_replace(one, spec_file=msgspec.structs.replace(one.spec_file, planned_steps=None))
    assert step_scale(unplanned, {}).steps_per_epoch == 391, "from what the result counts"
    assert step_scale(foreign(), epochs([1.0])).first_event == 1_001.0
    assert step_scale(foreign(), {}).steps_per_epoch is None


def test_a_run_without_a_scale_is_named_where_it_cannot_be_placed():
    one = foreign("other/run")
    curves = {one.id: {"loss": curve("loss", [1.0, 2.0])}}
    (panel,) = panels(["loss"])
    assert build_series(panel, [of(one)], curves, ChartOptions()) == ()
    assert without_axis(panel, [of(one)], curves, ChartOptions()) == ("run",)
    assert len(build_series(panel, [of(one)], curves, ChartOptions(axis=XAxis.STEP))) == 1


def test_for_each_seed_the_newest_that_says_something_stands():
    newer, older = run("dropout", created=9), run("dropout", created=1)
    failed = run("dropout", created=20, state=State.FAILED)
    other = run("dropout", seed=1, created=5)
    assert shown_runs([failed, newer, other, older]) == (newer, other)
    assert shown_runs([failed]) == (failed,)


def test_charts_of_our_runs_have_their_place_before_their_points():
    assert panels([]) == KNOWN[:4]
    assert panels([tags.MINIBATCH_LOSS]) == KNOWN[:4]
    assert [panel.title for panel in panels([tags.TRAIN_LOSS, tags.LEARNING_RATE])][-1] == "learning rate"


def test_validation_is_called_validation():
    titles = [panel.title for panel in panels([tags.VAL_LOSS, tags.VAL_ACCURACY])]
    assert "validation accuracy %" in titles
    assert "test accuracy %" not in titles


def test_tags_of_other_tools_each_have_a_chart_and_final_points_have_none():
    assert [panel.title for panel in panels(["b/loss", "a/acc", tags.TEST_ACCURACY])] == ["a/acc", "b/loss"]
    assert {panel.number for panel in panels(["a/acc"])} == {"loss"}, "a fraction is not written as percent"


def test_a_spec_of_its_own_is_placed_by_its_own_epochs():
    own = spec("dropout")
    assert step_scale(run(own=own), {}).epochs == own.training.epochs
