"""Which value is best is declared, never guessed: list, details and order read the metric that the catalog declares."""

from dataclasses import replace

import msgspec
import numpy as np

from labtui.api.metrics import MetricBook
from labtui.console.data.snapshot import Snapshot
from labtui.console.experiments.details import details
from labtui.console.experiments.entries import EntryBuilder
from labtui.console.experiments.entry import ListOptions
from labtui.console.experiments.rows import columns
from labtui.console.ui.glyphs import UNICODE
from labtui.store.curve import Curve
from labtui.store.state import State
from labtui.store.tags import StepUnit
from labtui.text.spans import plain
from tests.support.console.app import CATALOG, lab_at
from tests.support.console.builders import run

DECLARED = """
[metric."ppl/word"]
better = "lower"

[metric."reward"]
better = "higher"
"""

OWN = CATALOG.replace("[defaults]\n", '[defaults]\nmetric = {tag = "ppl/word", better = "lower"}\n')


def curve(tag: str) -> Curve:
    values = np.array([3.0, 1.0, 2.0], dtype=np.float32)
    return Curve(tag, StepUnit.STEP, np.array([10, 20, 30]), values, np.arange(3.0))


def figures(lab, *tags: str) -> dict[str, str]:
    """The line of each tag in the details."""
    builder = EntryBuilder(lab.catalog, MetricBook(lab))
    one = run("network", state=State.FINISHED, final=60.0)
    entry = next(entry for entry in builder.entries(Snapshot(runs=(one,)), ListOptions()) if entry.runs)
    lines = details(entry, {tag: curve(tag) for tag in tags}, 76, UNICODE, 0.0, MetricBook(lab))
    return {tag: plain(line) for line in lines for tag in tags if plain(line).startswith(tag)}


def test_the_best_value_follows_the_declared_direction_and_none_is_shown_without_one(tmp_path):
    lab = lab_at(tmp_path, CATALOG + DECLARED)
    lines = figures(lab, "ppl/word", "reward", "grad_norm_ratio")
    assert lines["ppl/word"].split()[:4] == ["ppl/word", "2.000", "1.000", "20"]
    assert lines["reward"].split()[:4] == ["reward", "2.000", "3.000", "10"]
    assert lines["grad_norm_ratio"].split()[:3] == ["grad_norm_ratio", "2.000", "undeclared"]


def ended(name: str, value: float, tag: str = "ppl/word"):
    """A finished run whose last value of the tag is this one."""
    one = run(name, state=State.FINISHED, final=60.0)
    last = one.result.last
    number = msgspec.structs.replace(next(iter(last.values())), value=value)
    return replace(one, result=msgspec.structs.replace(one.result, last={**last, tag: number}))


def test_the_list_shows_and_sorts_by_the_declared_metric_with_the_best_first(tmp_path):
    runs = (ended("network", 30.0), ended("dropout", 20.0), ended("adam@0.01", 25.0))
    lab = lab_at(tmp_path, OWN)
    builder = EntryBuilder(lab.catalog, MetricBook(lab))
    entries = builder.entries(Snapshot(runs=runs), ListOptions(sort="accuracy"))
    shown = [entry for entry in entries if entry.figure]
    assert [entry.figure.value for entry in shown] == [20.0, 25.0, 30.0], "lower perplexity is better"
    assert [entry.figure.text for entry in shown] == ["20.00", "25.00", "30.00"]
    assert columns(lab.catalog)[4].title == "word"
    assert columns(lab_at(tmp_path).catalog)[4].title == "test acc"


def test_without_a_declared_direction_no_order_says_which_is_best(tmp_path):
    lab = lab_at(tmp_path, OWN.replace(', better = "lower"', "").replace("ppl/word", "thing"))
    runs = (ended("adam@0.01", 25.0, "thing"), ended("network", 20.0, "thing"), ended("dropout", 30.0, "thing"))
    builder = EntryBuilder(lab.catalog, MetricBook(lab))
    entries = builder.entries(Snapshot(runs=runs), ListOptions(sort="accuracy"))
    assert [entry.title for entry in entries if entry.figure] == ["Network", "Dropout", "Adam 0.01"], (
        "as in the catalog"
    )
