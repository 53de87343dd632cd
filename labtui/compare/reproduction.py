"""Whether our runs give what was published."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labtui.compare import notation
from labtui.compare.facts import mean_and_sd, report_test_images
from labtui.compare.findings.not_learning import at_chance, never_learned
from labtui.compare.rows import Finding, Grade, Interval, Published
from labtui.store.tags import REPORT_TEST_ACCURACY

if TYPE_CHECKING:
    from labtui.compare.cells import Cell

_FAR = 3.0
"""Points by which a single run of ours may differ before it is worth a word."""

_USUAL_IMAGES = 10_000


def expected(ours: Sequence[float], level: float = 0.95) -> Interval | None:
    """Where one more run like ours would lie: mean ± t sd sqrt(1 + 1/n), the prediction interval; None below two."""
    from scipy.special import stdtrit  # deferred: 60 ms

    mean, sd = mean_and_sd(ours)
    if mean is None or sd is None:
        return None
    half = float(stdtrit(len(ours) - 1, (1 + level) / 2)) * sd * math.sqrt(1 + 1 / len(ours))
    return mean - half, mean + half


def reproduction_findings(cell: "Cell", figures: Sequence[Published], factor: tuple[str, ...]) -> tuple[Finding, ...]:
    """A line where the published run learned nothing, and one where ours differ from it by more than seeds explain."""
    figure = next((one for one in figures if one.tag == REPORT_TEST_ACCURACY), None)
    if figure is None:
        return ()
    if at_chance(figure.value, report_test_images(cell) or _USUAL_IMAGES):
        return (_finding("published-at-chance", _learned_nothing(cell, figure, factor)),)
    told = _apart(figure)
    return (_finding("not-reproduced", told),) if told else ()


def _learned_nothing(cell: "Cell", figure: Published, factor: tuple[str, ...]) -> str:
    text = f"at chance ({notation.number(figure.value)}%): the published run learned nothing"
    learned = [run for run in cell.runs if not never_learned(run)]
    if not learned:
        return text
    who = f"{len(learned)} of our {len(cell.runs)} seeds" if len(cell.runs) > 1 else "our seed"
    keys = ", ".join(factor) or "the factor"
    return f"{text}; {who} did ({notation.number(figure.ours)}%): {keys} alone does not decide it"


def _apart(figure: Published) -> str:
    if figure.ours is None or figure.difference is None:
        return ""
    ours = f"ours is {notation.number(figure.ours)}, {notation.signed(figure.difference)} points from the published one"
    if figure.expected is None:
        unknown = f"{ours}: one seed of ours does not tell whether seeds explain that"
        return unknown if abs(figure.difference) > _FAR else ""
    low, high = figure.expected
    if low <= figure.value <= high:
        return ""
    within = f"[{notation.number(low)}, {notation.number(high)}]"
    return f"{ours}: more than seeds explain, one more run of ours would lie in {within}"


def _finding(code: str, text: str) -> Finding:
    return Finding(grade=Grade.PUBLISHED, code=code, text=text)
