"""docs/verdicts.md knows every word that a table can say."""

import re
from pathlib import Path

import pytest

from labtui.compare.rows import Grade, Verdict

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "labtui" / "compare").rglob("*.py"))
CODES = sorted(
    set(re.findall(r'(?:code=|code = |_confound\(\s*|_finding\(|\[\(|return \[\()"([a-z][a-z-]+)"', SOURCES))
)


def test_the_codes_are_found() -> None:
    assert {"dead-run", "grid-edge", "test-set", "published-delta", "not-reproduced"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    known = re.findall(r"`([a-z-]+)`", TEXT)
    assert code in known or (code.startswith("published-") and "`published-…`" in TEXT)


@pytest.mark.parametrize("word", [*(verdict.value for verdict in Verdict), *(grade.value for grade in Grade)])
def test_every_verdict_and_every_grade_is_explained(word: str) -> None:
    assert word in TEXT.lower()
