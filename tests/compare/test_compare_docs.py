"""docs/verdicts.md explains every code and every word that a table can contain, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from labtui.api.continuing import continued_spec
from labtui.compare.model import ComparisonTable, Severity, Verdict
from labtui.compare.run_data import RunData
from labtui.spec import Adam, Cnn, Cosine, Data, EarlyStopping, Penalty, ProgramSpec, Reference, Sgd, Training
from labtui.store import tags
from labtui.store.curve import Curve
from labtui.store.records import LastValue, ProgramFile, Result
from labtui.store.state import State
from labtui.store.tags import StepUnit
from tests.support.comparisons import (
    AUGMENT,
    codes,
    judged,
    report_run_data,
    report_runs,
    report_variants,
    run,
    runs_of,
    spec,
    variant,
)

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
TABLE = TEXT.partition("| Severity | Codes | Meaning |")[2].partition("## ")[0]
EXPLAINED = {code for line in TABLE.splitlines()[2:] if line for code in re.findall(r"`([a-z-]+)`", line)} - {
    "test",
    "accuracy",
    "loss",
}
ENDS = {tags.TEST_ACCURACY: 60.0, tags.TEST_LOSS: 1.1}


def tables() -> Iterator[ComparisonTable]:
    """Tables that together contain every kind of finding: the report's runs, and what does not occur among them."""
    runs = report_runs()
    for metric in (tags.TEST_ACCURACY, tags.REPORT_TEST_ACCURACY, tags.REPORT_TRAIN_LOSS):
        yield judged(runs, report_variants(), run_data=report_run_data(runs), metric=metric)
    changes: list[dict[str, Any]] = [
        {"data": Data(name="cifar10", train_fraction=0.5)},
        {"model": Cnn(dropout=(0.1, 0.1))},
        {"penalty": Penalty(norm="l2", weight=0.1)},
        {"optimizer": Sgd(lr=0.1)},
        {"scheduler": Cosine()},
        {"training": Training(epochs=7)},
        {"protocol": "standard"},
        {"data": Data(name="cifar10", augment=AUGMENT)},
    ]
    for change in changes:
        yield of_two(runs_of(spec("other", "Other", factor=("optimizer.lr",), **change), [61, 62]))
    other = spec("other", "Other", optimizer=Adam(lr=0.02), factor=("optimizer.lr",))
    yield of_two([run(other, 0, {tags.TEST_ACCURACY: 10.0})])
    yield of_two([run(other, 0, ENDS)], [run(spec(), 0, ENDS)])
    yield of_two([run(spec("other", "Other"), 0, ENDS)], [run(spec(), 0, ENDS)])
    yield of_two([run(other, 0, {tags.TEST_LOSS: 1.0})])
    yield of_two([run(other, 0, ENDS), run(other, 0, ENDS, created=2_000.0)])
    yield of_two([run(other, 0, ENDS), run(other, 1, {}, state=State.DIVERGED), run(other, 2, {}, state=State.LOST)])
    yield of_two([run(other, 0, ENDS, versions={"torch": "3.0"})])
    yield of_two(runs_of(continued_spec(other, 20), [61, 62]))
    early = spec("other", "Other", protocol="standard", training=Training(early_stopping=EarlyStopping()))
    yield of_two([run(early, 0, ENDS, facts={"tested_epoch": 4})])
    yield of_programs()
    ours = [run(spec(), seed, {tags.REPORT_TEST_ACCURACY: 60 + seed / 10, **ENDS}) for seed in range(3)]
    yield judged(ours, [variant(spec(), reference=Reference(figures={tags.REPORT_TEST_ACCURACY: 70.0}, epoch=10))])


def of_programs() -> ComparisonTable:
    """The table of two seeds of a program that does not use them."""
    program = ProgramSpec(experiment="mine", title="Mine", group="G", seed=0, run="p")
    runs = []
    for seed in (0, 1):
        file = ProgramFile(
            run_id=f"G/Mine/s{seed}", created=1.0, labtui="0", program=msgspec.structs.replace(program, seed=seed)
        )
        result = Result(attempt=1, outcome="finished", last={"val/loss": LastValue(step=1, value=1.0 + seed)})
        runs.append(replace(run(spec(), seed, ENDS), id=file.run_id, spec_file=file, result=result))
    values = np.array([3.0, 1.0], np.float32)
    curve = Curve("val/loss", StepUnit.LOGGED, np.arange(2), values, values.astype(float))
    data = RunData(curves=lambda _: {"val/loss": curve})
    return judged(runs, [variant(program)], run_data=data, metric="val/loss")  # type: ignore[arg-type]


def of_two(other: list[Any], base: list[Any] | None = None) -> ComparisonTable:
    """The table of an experiment's runs and a baseline's."""
    base = base or runs_of(spec(), [60, 61])
    specs = [msgspec.structs.replace(runs[0].spec, baseline="network") for runs in (base, other)]
    return judged([*base, *other], [variant(of) for of in specs])


@pytest.fixture(scope="module")
def said() -> set[str]:
    return {code for table in tables() for row in table.rows for code in codes(row.all_findings)}


def test_every_code_of_a_finding_is_explained(said: set[str]) -> None:
    assert {code for code in said if not code.startswith("published-")} - EXPLAINED == set()


def test_every_code_that_is_explained_occurs(said: set[str]) -> None:
    assert EXPLAINED - said == set()


@pytest.mark.parametrize("word", [*(verdict.value for verdict in Verdict), *(severity.value for severity in Severity)])
def test_every_verdict_and_every_severity_is_explained(word: str) -> None:
    assert word in TEXT.lower()
