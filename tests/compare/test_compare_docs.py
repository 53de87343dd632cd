"""docs/verdicts.md knows every word that a table can say, and no others."""

import re

import pytest

from labtui.compare.model import Grade, Verdict
from labtui.store import tags
from tests.support.comparisons import codes, judged, report_evidence, report_runs, report_variants
from tests.support.processes import ROOT

TEXT = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "labtui" / "compare").rglob("*.py"))
TABLE = TEXT.partition("| Grade | Codes | Meaning |")[2].partition("## ")[0]
EXPLAINED = {
    code for line in TABLE.splitlines()[2:] if line for code in re.findall(r"`([a-z-]+)`", line.split("|")[2] + line)
}
RECIPE_PARTS = {"data", "model", "penalty", "optimizer", "scheduler", "training", "protocol"}


def test_every_code_of_the_reports_tables_is_explained() -> None:
    runs = report_runs()
    known = report_evidence(runs)
    said: set[str] = set()
    for metric in (tags.TEST_ACCURACY, tags.REPORT_TEST_ACCURACY, tags.REPORT_TRAIN_LOSS):
        table = judged(runs, report_variants(), evidence=known, metric=metric)
        said |= {code for row in table.rows for code in codes(row.all_findings)}
    assert len(said) > 20
    assert {code for code in said if not code.startswith("published-")} <= EXPLAINED


@pytest.mark.parametrize("code", sorted(EXPLAINED - RECIPE_PARTS - {"train-set", "test-set"}))
def test_every_code_that_is_explained_can_be_said(code: str) -> None:
    assert f'"{code}"' in SOURCES


@pytest.mark.parametrize("word", [*(verdict.value for verdict in Verdict), *(grade.value for grade in Grade)])
def test_every_verdict_and_every_grade_is_explained(word: str) -> None:
    assert word in TEXT.lower()
