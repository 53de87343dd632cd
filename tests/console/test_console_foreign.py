"""Folders of other tools: their tags mean nothing of ours, their runs come first, and no built-in catalog is shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from labtui.console.charts.build_series import build_series, build_view
from labtui.console.charts.chart import Chart
from labtui.console.charts.options import ChartedRun, ChartOptions, known_axes, with_known_axis
from labtui.console.charts.panels import KNOWN, Panel, panels_of
from labtui.console.charts.sparkline import trend_of
from labtui.console.charts.xaxis import XAxis
from labtui.console.comparison.screen import CompareScreen
from labtui.console.data.curve_loader import CurveLoader
from labtui.console.data.snapshot import Interest
from labtui.console.experiments.details import curve_lines, details
from labtui.console.experiments.entries import EntryBuilder
from labtui.console.experiments.entry import SETTING, ListOptions, Marks
from labtui.console.experiments.rows import COLUMNS, foreign_columns, row, setting_columns, with_room
from labtui.console.ui.glyphs import UNICODE
from labtui.store import encode_scalar, tags
from labtui.store.hyperparameters import Hyperparameters
from labtui.store.reader import read_curves
from labtui.store.run import Run
from labtui.text.spans import plain
from labtui.text.tables import lay_out, row_line
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text
from tests.support.console.builders import FakeCatalog, curve, foreign, run, snapshot
from tests.support.foreign import write_lightning

OURS = [tags.TRAIN_LOSS, tags.VAL_LOSS, tags.VAL_ACCURACY, tags.LEARNING_RATE, tags.TEST_LOSS, tags.TEST_ACCURACY]
"""Names that labtui uses too."""


def write_foreign(folder: Path, *names: str) -> Path:
    """An event file with 20 points of each tag, at steps 100 to 2,000, from 0.5 to 0.93."""
    folder.mkdir(parents=True)
    events = [
        encode_scalar.scalar_event(1.7e9 + step, step, tag, 0.5 + 0.43 * step / 2000)
        for step in range(100, 2001, 100)
        for tag in names
    ]
    (folder / "events.out.tfevents.1.host").write_bytes(b"".join(events))
    return folder


@pytest.fixture
def theirs(tmp_path: Path):
    return read_curves(write_foreign(tmp_path / "version_0", *OURS), foreign=True)


# --- what tags mean -----------------------------------------------------------------------------------------------


def test_every_tag_of_another_tool_has_a_chart_of_its_own_named_as_it_is(theirs):
    one = foreign()
    charted = [ChartedRun("version_0", "", (one,))]
    shown = panels_of(charted, {one.id: theirs})
    assert [panel.title for panel in shown] == sorted(OURS)
    options = with_known_axis(ChartOptions(), charted)
    for panel in shown:
        (line,) = build_series(panel, charted, {one.id: theirs}, options)
        assert (line.x.size, line.x[0], line.x[-1], line.unit) == (20, 100, 2000, "step")
        view = build_view(panel, charted, {one.id: theirs}, options)
        assert (view.number, view.bounds, view.x_label) == ("loss", None, "step"), "no percent is guessed"


def test_curves_of_ours_and_of_another_tool_are_never_drawn_over_each_other_by_their_names(theirs):
    own, other = run("dropout"), foreign()
    curves = {own.id: {tags.VAL_ACCURACY: curve(tags.VAL_ACCURACY, [40.0, 50.0])}, other.id: theirs}
    charted = [ChartedRun("own", "A", (own,)), ChartedRun("other", "B", (other,))]
    shown = panels_of(charted, curves)
    by_title = {panel.title: build_series(panel, charted, curves, ChartOptions(axis=XAxis.STEP)) for panel in shown}
    assert [line.label for line in by_title["validation accuracy %"]] == ["A"]
    assert [line.label for line in by_title["val/accuracy"]] == ["B"]


def test_there_are_no_empty_charts_of_ours_before_another_tools_curves_are_read():
    one = foreign()
    (panel,) = panels_of([ChartedRun("version_0", "", (one,))], {})
    assert panel.title == "curves"
    assert panels_of([], {}) == KNOWN[:4], "where nothing is selected, ours have their places"


def test_the_axis_key_passes_over_axes_on_which_another_tools_run_cannot_be_drawn():
    axes, options, seen = known_axes([ChartedRun("version_0", "", (foreign(),))]), ChartOptions(), []
    for _ in range(3):
        options, said = options.changed("axis", axes)
        seen.append(said)
    assert seen == ["x: relative", "x: wall", "x: step"], "epochs and samples are not known"
    mixed = known_axes([ChartedRun("a", "", (foreign(),)), ChartedRun("b", "", (run("dropout"),))])
    assert mixed == tuple(XAxis)


def test_the_details_name_each_tag_of_another_tool_as_it_is_without_epochs_or_percent(theirs):
    texts = [plain(line) for line in curve_lines(theirs, 76, UNICODE)][1:]
    assert [text.split()[0] for text in texts] == sorted(OURS)
    assert all("0.9300" in text and "93.00" not in text and "epoch" not in text for text in texts)


def test_another_tools_accuracy_is_not_taken_for_a_percentage_in_a_list(theirs):
    trend = trend_of(theirs)
    assert (trend.tag, trend.step, trend.is_accuracy) == (tags.VAL_ACCURACY, 2000, False)


# --- the list -----------------------------------------------------------------------------------------------------


def keys(catalog: FakeCatalog, *runs) -> list[str]:
    return [str(entry.key) for entry in EntryBuilder(catalog).entries(snapshot(*runs), ListOptions())]


def builtin(*names: str) -> FakeCatalog:
    catalog = FakeCatalog(*names)
    catalog.builtin = True
    return catalog


def test_the_built_in_catalog_is_not_shown_over_a_folder_of_other_tools():
    assert keys(builtin("network"), foreign()) == ["run:lightning_logs/version_0"]
    assert keys(builtin("network")) == ["arm:network"], "but over an empty one"
    assert keys(builtin("network"), run("network"), foreign())[0] == "arm:network"


def test_a_catalog_of_the_users_own_comes_after_the_runs_of_other_tools():
    assert keys(FakeCatalog("network"), foreign()) == ["run:lightning_logs/version_0", "heading:catalog", "arm:network"]


def test_the_list_shows_the_last_value_and_step_under_the_tag_that_the_runs_share(theirs):
    one, trend = foreign(), trend_of(theirs)
    (entry,) = EntryBuilder(builtin()).entries(snapshot(one, trends={one.id: trend}), ListOptions())
    cells = row(entry, Marks(), snapshot(one, trends={one.id: trend}), UNICODE, foreign=True).cells
    assert (plain(cells["epoch"]), plain(cells["accuracy"])) == ("2,000", "0.9300")
    titles = [column.title for column in foreign_columns([trend])]
    assert titles == ["", "run", "state", "step", "val/accu…", "curve"]
    other = trend_of({"loss": theirs[tags.VAL_LOSS]})
    assert "last" in [column.title for column in foreign_columns([trend, replace(other, tag="loss")])]


def tried(run_id: str, **values) -> Run:
    return replace(foreign(run_id), hyperparameters=Hyperparameters(values, "hparams.yaml"))


def test_hyperparameters_that_differ_have_columns_and_the_list_is_sorted_and_filtered_by_them():
    runs = (tried("a", lr=0.1, net="cnn", log_dir="x"), tried("b", lr=0.01, net="cnn"), tried("c", net="cnn"))
    (column,) = setting_columns(runs)
    assert (column.title, column.key, column.sortable) == ("lr", f"{SETTING}lr", True)

    def listed(**options) -> list[str]:
        return [one.title for one in EntryBuilder(builtin()).entries(snapshot(*runs), ListOptions(**options))]

    assert listed(sort=column.key) == ["b", "a", "c"], "a run without it comes last"
    assert listed(filter="lr=0.01") == ["b"]
    assert listed(filter="net=cnn -lr=0.1") == ["b", "c"]
    (entry,) = EntryBuilder(builtin()).entries(snapshot(runs[0]), ListOptions())
    cells = row(entry, Marks(), snapshot(runs[0]), UNICODE, foreign=True, settings=[column.key]).cells
    assert plain(cells[column.key]) == "0.1"
    text = " ".join(plain(line) for line in details(entry, {}, 76, UNICODE, 0.0))
    assert "lr=0.1, net=cnn, log_dir=x (hparams.yaml)" in text, "labels come last"


def test_a_run_that_gets_another_folder_is_read_anew(tmp_path: Path):
    folder = write_foreign(tmp_path / "run", "acc")
    loader, one = CurveLoader(), replace(foreign("run"), folder=folder)
    loader.read_on(Interest(charted=("run",)), {"run": one}, 5.0)
    assert set(loader.of(["run"])["run"].curves) == {"acc"}
    write_foreign(folder / "loss_train", "loss")
    loader.read_on(Interest(charted=("run",)), {"run": replace(one, below=("loss_train",))}, 5.0)
    assert set(loader.of(["run"])["run"].curves) == {"acc", "loss_train/loss"}


async def test_the_sort_key_goes_on_to_the_hyperparameters_of_another_tools_folder(tmp_path: Path):
    runs = tmp_path / "runs"
    for name, rate in (("a", 0.3), ("b", 0.1), ("c", 0.2)):
        write_foreign(runs / name, "loss")
        (runs / name / "hparams.yaml").write_text(f"lr: {rate}\n")
    lab = lab_at(tmp_path)
    console = ConsoleUnderTest(replace(lab, catalog=replace(lab.catalog, builtin=True)), tmp_path / "state")
    async with console.run_test(size=(160, 48)) as pilot:
        await console.settled(pilot, lambda snapshot: snapshot.curves and not snapshot.pending)
        await pilot.press("s", "s", "s", "s")
        await pilot.pause()
        lines = [line for line in screen_text(console).splitlines() if "quiet" in line and "0." in line]
        assert [next(rate for rate in ("0.1", "0.2", "0.3") if rate in line) for line in lines[:3]] == [
            "0.1",
            "0.2",
            "0.3",
        ]


async def test_the_first_frame_of_a_foreign_folder_has_no_catalog_and_one_tag_has_the_whole_width(tmp_path: Path):
    write_foreign(tmp_path / "runs" / "version_0", "loss")
    lab = lab_at(tmp_path)
    lab = replace(lab, catalog=replace(lab.catalog, builtin=True))
    console = ConsoleUnderTest(lab, tmp_path / "state")
    async with console.run_test(size=(160, 48)) as pilot:
        assert "Dropout" not in screen_text(console)
        await console.settled(pilot, lambda snapshot: snapshot.curves and not snapshot.pending)
        text = screen_text(console)
        assert "version_0" in text
        assert "Dropout" not in text
        charts = [chart for chart in console.screen.query(Chart) if chart.display]
        assert [chart.size.width for chart in charts] == [max(chart.parent.size.width for chart in charts) - 2]


def test_a_panel_of_ours_never_shows_a_curve_of_another_tool(theirs):
    assert KNOWN[0].curve_of(theirs) is None
    assert (
        Panel("train/loss", ("train/loss",), foreign=True).curve_of({"train/loss": curve("train/loss", [1.0])}) is None
    )


def test_names_take_the_room_of_columns_in_which_nothing_stands_and_are_cut_in_the_middle_if_they_begin_alike():
    long = "lightning_logs/an-experiment-with-a-long-name-lr0.001"
    runs = [foreign(f"{long}/version_{number}") for number in range(2)]
    entries = EntryBuilder(FakeCatalog()).entries(snapshot(*runs), ListOptions())
    rows = [row(entry, Marks(), snapshot(*runs), UNICODE) for entry in entries]
    layout = lay_out(with_room(COLUMNS, rows), 76)
    assert [column.key for column, _ in layout] == ["mark", "name", "state"]
    shown = [plain(row_line(lay_out(with_room(COLUMNS, rows), 50), one)) for one in rows]
    assert ["version_0" in shown[0], "version_1" in shown[1]] == [True, True]
    short = [
        row(entry, Marks(), snapshot(), UNICODE)
        for entry in EntryBuilder(FakeCatalog("a", "b")).entries(snapshot(), ListOptions())
    ]
    assert [column.key for column, _ in lay_out(with_room(COLUMNS, short), 76)] == [one.key for one in COLUMNS]


async def test_charts_are_turned_over_in_both_directions_and_say_how_many_there_are(tmp_path: Path):
    write_foreign(tmp_path / "runs" / "version_0", *(f"tag/{number:02d}" for number in range(9)))
    lab = lab_at(tmp_path)
    console = ConsoleUnderTest(replace(lab, catalog=replace(lab.catalog, builtin=True)), tmp_path / "state")
    async with console.run_test(size=(160, 48)) as pilot:
        await console.settled(pilot, lambda snapshot: snapshot.curves and not snapshot.pending)

        def shown() -> list[str]:
            return [str(chart.border_title).split()[0] for chart in console.screen.query(Chart) if chart.display]

        assert shown() == ["tag/00", "tag/01", "tag/02", "tag/03"]
        await pilot.press("N")
        assert shown() == ["tag/08"]
        assert "charts 3 of 3" in screen_text(console)
        await pilot.press("m")
        assert shown()[0] == "tag/00"


async def test_runs_of_another_tool_are_compared_in_groups_with_metric_baseline_and_differences(tmp_path: Path):
    trials = [
        ({"opt.lr": lr, "seed": seed}, mean + 0.001 * seed) for lr, mean in ((1, 0.9), (2, 0.93)) for seed in (0, 1, 2)
    ]
    write_lightning(tmp_path / "runs", trials)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    lab = lab_at(tmp_path)
    console = ConsoleUnderTest(replace(lab, catalog=replace(lab.catalog, builtin=True)), tmp_path / "state")
    async with console.run_test(size=(160, 48)) as pilot:
        await console.settled(pilot, lambda snapshot: len(snapshot.runs) == 6)
        await pilot.press("c")
        screen = console.screen
        assert isinstance(screen, CompareScreen)
        await console.until(pilot, lambda: screen.table is not None)
        assert screen.table is not None
        assert [row.title for row in screen.table.rows] == ["lr=1", "lr=2"]
        assert "without a baseline" in screen_text(console)
        await pilot.press("b")
        await console.until(pilot, lambda: "gain" in screen_text(console))
        await pilot.press("down", "d")
        await pilot.pause()
        assert "param.opt.lr" in screen_text(console)
        await pilot.press("escape", "m")
        await console.until(pilot, lambda: screen.table is not None and screen.table.metric.tag == "train_loss")
    after = sorted(str(path) for path in (tmp_path / "runs").rglob("*"))
    assert after == [path for path in before if path.startswith(str(tmp_path / "runs") + "/")]
