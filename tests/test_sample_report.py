"""The sample report in the documentation can be given to anyone, and is linked where it exists."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SAMPLE = PROJECT / "docs" / "sample-report" / "report.html"
LARGEST = 4 << 20
"""Bytes."""

PRIVATE = (
    (r"(?<![\w/.<])/(?:home|Users|root|tmp|var|mnt|opt|data|work|private)\b", "an absolute path"),
    (r"\b[\w.-]+@[\w-]+\.[a-z]{2,}\b", "an address"),
    (r"\b(?:localhost|hostname)\b", "a machine"),
    (r"(?:src|href)=\"(?!data:|#)", "something to fetch"),
)


def test_the_readme_links_the_sample_report_exactly_if_there_is_one() -> None:
    assert ("docs/sample-report/report.html" in (PROJECT / "README.md").read_text()) == SAMPLE.exists()


@pytest.mark.skipif(not SAMPLE.exists(), reason="no sample report is committed")
@pytest.mark.parametrize(("pattern", "what"), PRIVATE, ids=[what for _, what in PRIVATE])
def test_the_sample_report_is_private_and_self_contained(pattern: str, what: str) -> None:
    text = re.sub(r"base64,[^\"]*", "", SAMPLE.read_text())
    assert re.findall(pattern, text) == [], what


@pytest.mark.skipif(not SAMPLE.exists(), reason="no sample report is committed")
def test_the_sample_report_is_about_all_thirteen_runs_and_small() -> None:
    assert SAMPLE.stat().st_size < LARGEST
    text = SAMPLE.read_text()
    for name in ("Network", "Norm_Aug", "Dropout", "L1", "L2", "Adam 0.0001", "SGD 0.0001"):
        assert f'id="{re.sub("[^a-z0-9]+", "-", name.lower())}"' in text or name in text
    for section in ("In short", "Threats to validity", "What was tried, failed and left out", "Data and recipe"):
        assert f">{section}</h2>" in text
