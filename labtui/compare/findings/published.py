"""Published figures: compared with ours at the same tag and epoch, and what they can show by themselves."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from labtui.compare.baselines import is_own_match
from labtui.compare.cells import mean, mean_and_sd, report_test_images
from labtui.compare.findings.confounds import has_active_dropout, image_set_text, same_test_images
from labtui.compare.findings.losses import published_losses, scale_text
from labtui.compare.model import Finding, Interval, PublishedFigure, Severity
from labtui.compare.outcomes import never_learned
from labtui.compare.spec_diff import undeclared
from labtui.learning import at_chance
from labtui.spec import Reference
from labtui.store import tags
from labtui.text import numbers
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.compare.run_data import RunData
    from labtui.store.run import Run


_FIRST = (tags.REPORT_TEST_ACCURACY, tags.REPORT_TRAIN_ACCURACY, tags.REPORT_TEST_LOSS, tags.REPORT_TRAIN_LOSS)


class CellWithReference(Struct, frozen=True, kw_only=True):
    """A cell with the published figures of its variant."""

    cell: "Cell"
    title: str
    reference: Reference

    @property
    def accuracy(self) -> float | None:
        """The published test accuracy."""
        return self.reference.figures.get(tags.REPORT_TEST_ACCURACY)

    @property
    def accuracy_epoch(self) -> int | None:
        """The epoch of the published test accuracy."""
        return epoch_of(self.reference, tags.REPORT_TEST_ACCURACY)


def epoch_of(reference: Reference, tag: str) -> int | None:
    """The epoch at which a figure was published; None for tags whose steps are not epochs."""
    if tags.step_unit(tag) is not tags.StepUnit.EPOCH:
        return None
    return reference.epochs.get(tag, reference.epoch)


def published(cell: "Cell", reference: Reference, run_data: "RunData") -> tuple[PublishedFigure, ...]:
    """Every published figure of a variant with the mean of our runs at the same tag and step, test accuracy first."""
    order = sorted(reference.figures, key=lambda tag: _FIRST.index(tag) if tag in _FIRST else len(_FIRST))
    return tuple(_figure(cell, reference, tag, run_data) for tag in order)


def _figure(cell: "Cell", reference: Reference, tag: str, run_data: "RunData") -> PublishedFigure:
    step = reference.steps.get(tag) or epoch_of(reference, tag)
    ours = [value for run in cell.runs if (value := _at(run, tag, step, run_data)) is not None]
    return PublishedFigure(
        tag=tag,
        value=reference.figures[tag],
        around=tag in reference.around,
        epoch=epoch_of(reference, tag),
        step=step,
        ours=mean(ours),
        n=len(ours),
        expected=expected(ours),
        relative=reference.relative.get(tag, ""),
    )


def _at(run: "Run", tag: str, step: int | None, run_data: "RunData") -> float | None:
    """A run's value at a step; its last value if the step was not published."""
    last = run.result.last.get(tag) if run.result else None
    if last is not None and step in (None, last.step):
        return last.number
    curve = run_data.curves(run).get(tag)
    if curve is None or step is None:
        return None
    places = (curve.steps == step).nonzero()[0]
    return float(curve.values[places[0]]) if len(places) else None


def published_findings(
    here: CellWithReference,
    baseline: CellWithReference | None,
    matched: CellWithReference | None,
    factor: tuple[str, ...],
) -> tuple[Finding, ...]:
    """What the published figures of a row can and cannot show."""
    texts = [
        *_against(here, baseline, matched, factor),
        *_other_images(here, baseline),
        *_other_epoch(here, baseline),
        *_dropout(here),
        *_losses(here),
        *_kind(here),
    ]
    return tuple(Finding(severity=Severity.PUBLISHED, code=code, text=text) for code, text in texts)


def _against(
    here: CellWithReference,
    baseline: CellWithReference | None,
    matched: CellWithReference | None,
    factor: tuple[str, ...],
) -> list[tuple[str, str]]:
    if baseline is None or here.accuracy is None or baseline.accuracy is None:
        return []
    delta = numbers.signed(here.accuracy - baseline.accuracy)
    text = f"{delta} against {baseline.title} ({_pair(here, baseline)})"
    confounds = undeclared(here.cell.spec, baseline.cell.spec, factor)
    mixed = ", ".join(f"{change.key} ({change.sides(baseline.title)})" for change in confounds)
    if mixed and is_own_match(here.cell, baseline.cell, factor):
        text += f" is not due to {_factor(factor)}, which is the same, but to {mixed}"
    elif mixed:
        text += f" includes the effect of {mixed}"
    if matched and matched.accuracy is not None:
        fair = numbers.signed(here.accuracy - matched.accuracy)
        text += f"; against {matched.title}, which differs in {_factor(factor)} alone, "
        text += f"it is {fair} ({_pair(here, matched)})"
    return [("published-delta", f"{text}; one seed each: their spread is unknown")]


def _other_images(here: CellWithReference, baseline: CellWithReference | None) -> list[tuple[str, str]]:
    if baseline is None or here.accuracy is None or baseline.accuracy is None:
        return []
    if same_test_images(here.cell, baseline.cell):
        return []
    ours, theirs = image_set_text(here.cell, "test"), image_set_text(baseline.cell, "test")
    return [("published-test-set", f"on other test images: {theirs} for {baseline.title}, {ours} here")]


def _other_epoch(here: CellWithReference, baseline: CellWithReference | None) -> list[tuple[str, str]]:
    ours, theirs = here.accuracy_epoch, baseline.accuracy_epoch if baseline else None
    if baseline is None or ours == theirs or ours is None or theirs is None:
        return []
    return [("published-epoch", f"at epoch {ours}, {baseline.title} at epoch {theirs}")]


def _dropout(here: CellWithReference) -> list[tuple[str, str]]:
    if here.accuracy is None or not has_active_dropout(here.cell, "test"):
        return []
    text = "with dropout active in the test: the original lab report never calls model.eval()"
    return [("published-eval-mode", text)]


def _losses(here: CellWithReference) -> list[tuple[str, str]]:
    figures = here.reference.figures
    train, test = figures.get(tags.REPORT_TRAIN_LOSS), figures.get(tags.REPORT_TEST_LOSS)
    text = scale_text(here.cell, published_losses(here.cell, figures), train, test)
    return [("published-loss-scale", text)] if text else []


def _kind(here: CellWithReference) -> list[tuple[str, str]]:
    note = clean_line(here.reference.note, 300)
    if here.reference.in_kind:
        return [("published-in-kind", f"only roughly comparable: {note or 'part of the published setting is unknown'}")]
    return [("published-note", note)] if note else []


def _pair(here: CellWithReference, there: CellWithReference) -> str:
    return f"{numbers.decimal(here.accuracy)} and {numbers.decimal(there.accuracy)}"


def _factor(factor: tuple[str, ...]) -> str:
    return ", ".join(factor) or "the factor"


_FAR = 3.0
"""Points by which a single run of ours may differ without a remark."""

_USUAL_IMAGES = 10_000


def expected(ours: Sequence[float], level: float = 0.95) -> Interval | None:
    """The 95% prediction interval of one more run like ours, mean ± t sd sqrt(1 + 1/n); None below two runs."""
    from scipy.special import stdtrit  # deferred: 60 ms

    mean, sd = mean_and_sd(ours)
    if mean is None or sd is None:
        return None
    half = float(stdtrit(len(ours) - 1, (1 + level) / 2)) * sd * math.sqrt(1 + 1 / len(ours))
    return mean - half, mean + half


class ReproductionLevel(NamedTuple):
    """At which level a row's published figure is tested, once all rows of a table are."""

    level: float
    rows: int


def reproduction_levels(
    rows: Mapping[str, tuple["Cell", Sequence[PublishedFigure]]], alpha: float = 0.05
) -> dict[str, ReproductionLevel]:
    """Holm's levels by row key: the chance that any faithful row is called not reproduced stays under `alpha`."""
    from labtui.compare.statistics import holm  # deferred: numpy

    tested = {
        key: figure
        for key, (cell, figures) in rows.items()
        if (figure := _accuracy(figures)) and figure.expected and not _is_at_chance(cell, figure)
    }
    if not tested:
        return {}
    levels = holm([_reproduction_p(figure) for figure in tested.values()], alpha).level.tolist()
    return {key: ReproductionLevel(level, len(tested)) for key, level in zip(tested, levels, strict=True)}


def reproduction_findings(
    cell: "Cell", figures: Sequence[PublishedFigure], factor: tuple[str, ...], level: ReproductionLevel | None
) -> tuple[Finding, ...]:
    """A finding if the published run learned nothing, or if our runs differ from it by more than seeds explain."""
    figure = _accuracy(figures)
    if figure is None:
        return ()
    if _is_at_chance(cell, figure):
        return (_finding("published-at-chance", _learned_nothing(cell, figure, factor)),)
    text = _not_reproduced(figure, level)
    return (_finding("not-reproduced", text),) if text else ()


def _accuracy(figures: Sequence[PublishedFigure]) -> PublishedFigure | None:
    return next((figure for figure in figures if figure.tag == tags.REPORT_TEST_ACCURACY), None)


def _is_at_chance(cell: "Cell", figure: PublishedFigure) -> bool:
    images = report_test_images(cell) or _USUAL_IMAGES
    return bool(cell.classes) and at_chance(figure.value, cell.classes or 0, images)


def _scale(figure: PublishedFigure) -> float:
    """Standard error of one more run of ours minus our mean."""
    from scipy.special import stdtrit  # deferred: 60 ms

    low, high = figure.expected or (math.nan, math.nan)
    return (high - low) / 2 / float(stdtrit(figure.n - 1, 0.975))


def _reproduction_p(figure: PublishedFigure) -> float:
    from scipy.special import stdtr  # deferred: 60 ms

    scale, off = _scale(figure), abs(figure.difference or 0.0)
    if not scale > 0:
        return 0.0 if off else 1.0
    return 2 * float(stdtr(figure.n - 1, -off / scale))


def _within(figure: PublishedFigure, level: float) -> Interval:
    """Where one more run of ours would lie at this level."""
    from scipy.special import stdtrit  # deferred: 60 ms

    ours, half = figure.ours or 0.0, float(stdtrit(figure.n - 1, (1 + level) / 2)) * _scale(figure)
    return ours - half, ours + half


def _learned_nothing(cell: "Cell", figure: PublishedFigure, factor: tuple[str, ...]) -> str:
    text = f"at chance ({numbers.decimal(figure.value)}%): the published run learned nothing"
    learned = [run for run in cell.runs if not never_learned(run, cell.classes)]
    if not learned:
        return text
    share = f"{len(learned)} of our {len(cell.runs)} seeds" if len(cell.runs) > 1 else "our seed"
    keys = ", ".join(factor) or "the factor"
    return f"{text}, but {share} learned ({numbers.decimal(figure.ours)}%), so {keys} alone is not the cause"


def _not_reproduced(figure: PublishedFigure, level: ReproductionLevel | None) -> str:
    if figure.ours is None or figure.difference is None:
        return ""
    ours = f"ours is {numbers.decimal(figure.ours)}, {numbers.signed(figure.difference)} points from the published one"
    if figure.expected is None or level is None:
        unknown = f"{ours}: with one seed of ours, it is unknown whether the spread over seeds explains it"
        return unknown if abs(figure.difference) > _FAR else ""
    low, high = _within(figure, level.level)
    if low <= figure.value <= high:
        return ""
    within = f"[{numbers.decimal(low)}, {numbers.decimal(high)}]"
    holm = f" (Holm over {level.rows} rows)" if level.rows > 1 else ""
    return f"{ours}: more than the spread over seeds explains; another run would be expected in {within}{holm}"


def _finding(code: str, text: str) -> Finding:
    return Finding(severity=Severity.PUBLISHED, code=code, text=text)
