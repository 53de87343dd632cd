"""Programs of the user's own in the console: no epochs, no images, no accuracy of ours."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from labtui.catalog import load
from labtui.compare.metrics import metric
from labtui.console.charts.options import ChartedRun, ChartOptions, known_axes, with_known_axis
from labtui.console.charts.panels import panels_of
from labtui.console.charts.sparkline import trend_of
from labtui.console.charts.xaxis import XAxis
from labtui.console.experiments.details import run_lines
from labtui.console.experiments.entry import figure
from labtui.console.experiments.rows import columns
from labtui.console.run.overview import recipe_lines
from labtui.console.run.predictions import read_test_predictions
from labtui.console.ui.glyphs import UNICODE
from labtui.spec import Metric, ProgramSpec
from labtui.store.curve import Curve
from labtui.store.records import LastValue, ProgramFile, Result
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import StepUnit

SPEC = ProgramSpec(
    experiment="gpt", title="gpt", group="g", seed=0, run="python t.py {params}", param={"lr": 0.1},
    metric=Metric(tag="val/loss", better="lower"), steps=20,
)  # fmt: skip


def run(**fields: object) -> Run:
    file = ProgramFile(run_id="g/gpt/s0", created=1.0, labtui="0", program=SPEC)
    values = {"state": State.RUNNING, "reason": "", "modified": 1.0, "spec_file": file} | fields
    return Run(id="g/gpt/s0", folder=Path("/r"), **values)  # type: ignore[arg-type]


def curve(tag: str, values: list[float]) -> Curve:
    steps = np.arange(len(values), dtype=np.int64)
    return Curve(tag, StepUnit.LOGGED, steps, np.array(values, np.float32), steps.astype(float))


CURVES = {tag: curve(tag, values) for tag, values in {"test/accuracy": [0.1, 0.2], "val/loss": [3.0, 2.0]}.items()}


def test_its_charts_are_its_own_tags_by_step() -> None:
    charted = [ChartedRun("gpt", "", (run(),))]
    assert [panel.title for panel in panels_of(charted, {"g/gpt/s0": CURVES})] == ["test/accuracy", "val/loss"]
    assert known_axes(charted) == (XAxis.STEP, XAxis.RELATIVE, XAxis.WALL)
    assert with_known_axis(ChartOptions(), charted).axis is XAxis.STEP


def test_the_list_shows_the_declared_metric_also_while_it_runs() -> None:
    trend = trend_of(CURVES, "val/loss")
    assert (trend.tag, trend.last) == ("val/loss", 2.0)
    shown = figure(run(), trend, metric(SPEC.metric or ""))
    assert shown
    assert (shown.text, shown.final) == ("2.000", False)
    ended = run(state=State.FINISHED, result=Result(attempt=1, outcome="finished", steps=20, seconds=3, last={
        "val/loss": LastValue(step=20, value=1.5)}))  # fmt: skip
    final = figure(ended, trend, metric(SPEC.metric or ""))
    assert final
    assert final.final


def test_a_catalog_of_programs_counts_steps(tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    path.write_text('[experiment.gpt]\nrun = "p {seed}"\nmetric = { tag = "val/loss", better = "lower" }\n')
    titles = [column.title for column in columns(load(path, datasets=()))]
    assert "step" in titles
    assert "epoch" not in titles
    assert "loss" in titles


def test_its_pages_speak_of_steps_and_of_its_command() -> None:
    ended = run(state=State.FINISHED, result=Result(attempt=1, outcome="finished", steps=20, seconds=3))
    from labtui.console.experiments.entry import EntryKey, EntryKind, ListEntry

    entry = ListEntry(key=EntryKey(EntryKind.RUN, ended.id), title="gpt", runs=(ended,))
    text = "\n".join("".join(span.text for span in line) for line in run_lines(entry, ended, 80, UNICODE, 2.0))
    assert "20 steps in 3s" in text
    spec = "\n".join("".join(span.text for span in line) for line in recipe_lines(ended, 140, UNICODE))
    assert "python t.py --lr=0.1" in spec
    assert "model" not in spec
    assert "a program of yours" in read_test_predictions(ended).note


def test_a_spec_of_schema_2_survives_its_file() -> None:
    file = ProgramFile(run_id="x", created=1.0, labtui="0", program=SPEC)
    assert msgspec.json.decode(msgspec.json.encode(file), type=ProgramFile) == file
    assert pytest.approx(SPEC.stall) == 300
