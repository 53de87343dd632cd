"""The secondary estimates of a table as quiet columns: beside the verdicts where they fit, else in their own table."""

from collections.abc import Iterable, Sequence

from labtui.compare.model import BorrowedSpread, Comparison, ComparisonRow, ComparisonTable, OtherImages, Superiority
from labtui.text import numbers
from labtui.text.spans import Line, Span, cut, lines_width, paragraph
from labtui.text.tables import Column, align
from labtui.text.words import plural

HEADS = ("on other images", "borrowed spread", "P(A > B)")

_STYLE = "muted"


def secondary_texts(comparison: Comparison | None, digits: int) -> tuple[str, str, str]:
    """What the three columns say about a comparison; empty where there is nothing."""
    if comparison is None:
        return "", "", ""
    images, borrowed = comparison.other_images, comparison.borrowed
    return (
        numbers.interval(images.interval, digits) if images and images.interval else "",
        numbers.interval(borrowed.interval, digits) if borrowed and borrowed.interval else "",
        superiority_text(comparison.superiority) if comparison.superiority else "",
    )


def superiority_text(found: Superiority) -> str:
    """`0.83 [0.52, 0.98] *`, with the star if it is meaningful."""
    low, high = (numbers.decimal(bound) for bound in found.interval)
    return f"{numbers.decimal(found.probability)} [{low}, {high}]{' *' if found.is_meaningful else ''}"


def other_images_text(comparison: Comparison, digits: int) -> str:
    """`on 10,000 other images: +1.94 [-0.60, +4.40]`, or why that is not known; empty where it does not apply."""
    found = comparison.other_images
    if found is None:
        return ""
    if found.interval is None:
        return f"on other images: not known, {found.why}"
    numbers_text = f"{numbers.signed(comparison.delta, digits)} {numbers.interval(found.interval, digits)}"
    return f"on {numbers.count(found.images)} other images: {numbers_text}"


def beside_texts(comparison: Comparison, digits: int) -> list[str]:
    """The borrowed spread and P(A > B) of a comparison in words, as far as it has them."""
    texts, borrowed, found = [], comparison.borrowed, comparison.superiority
    if borrowed and borrowed.interval:
        shown = f"{numbers.signed(comparison.delta, digits)} {numbers.interval(borrowed.interval, digits)}"
        texts.append(f"{shown} with spread borrowed from {plural(borrowed.rows, 'row')}")
    if found:
        other = (
            f"the run of {comparison.against} with the same seed" if found.paired else f"a run of {comparison.against}"
        )
        meaning = ", meaningful" if found.is_meaningful else ""
        low, high = (numbers.decimal(bound) for bound in found.interval)
        share = f"{numbers.decimal(found.probability)} [{low}, {high}]{meaning}"
        texts.append(f"P(A > B), chance that a run beats {other}: {share}")
    return texts


def secondary_cells(comparison: Comparison | None, digits: int) -> list[Span]:
    """The cells of the three columns."""
    return [Span(text, _STYLE) for text in secondary_texts(comparison, digits)]


def secondary_table(table: ComparisonTable, rows: Sequence[ComparisonRow], width: int) -> list[Line]:
    """A table of the three columns alone, in lines of at most `width` cells; empty if they are."""
    digits = table.metric.digits
    columns = [*map(Column, ("", *HEADS))]
    lines: list[Line] = []
    for title_width in range(40, 7, -1):
        cells = [
            [Span(cut(title, title_width), _STYLE), *secondary_cells(one, digits)]
            for row in rows
            for title, one in _titled(row, digits)
        ]
        lines = align(columns, cells, drop_empty=True) if cells else []
        if lines_width(lines) <= width:
            break
    return lines


def secondary_notes(table: ComparisonTable, width: int) -> list[Line]:
    """What the columns mean, and why they are empty where one would expect something."""
    found = [(row, one) for row in table.rows for one in row.comparisons]
    lines: list[Line] = []
    if meaning := _meaning([one for _, one in found], table.metric.delta_unit):
        text = (
            "additional estimates; they do not affect the verdicts and use the confidence level of the row's interval: "
        )
        lines += paragraph(f"{text}{'; '.join(meaning)}", width, _STYLE)
    for head, reasons in (
        (HEADS[0], [(row, one, one.other_images) for row, one in found]),
        (HEADS[1], [(row, one, one.borrowed) for row, one in found]),
    ):
        for why, titles in _by_reason(reasons).items():
            whose = "" if head == HEADS[1] else f"{', '.join(titles)}: "
            lines += paragraph(f"{head}: {whose}{why}", width, _STYLE)
    return lines


def _meaning(found: Sequence[Comparison], unit: str) -> list[str]:
    meaning = []
    images = [one.other_images.images for one in found if one.other_images and one.other_images.interval]
    if images:
        text = f"the difference with another {numbers.count(max(images))} test images as well as other seeds"
        meaning.append(f"{HEADS[0]}, {text}, in {unit}")
    lenders = [one.borrowed.rows for one in found if one.borrowed and one.borrowed.interval]
    if lenders:
        meaning.append(
            f"{HEADS[1]}, the interval if seeds spread here as in {plural(max(lenders), 'other row')}, adjusted for all"
        )
    if shares := [one.superiority for one in found if one.superiority]:
        text = f"{HEADS[2]}, how often a run of the row is better than one of its baseline"
        star = " (* meaningful: above 0.5, and reaching above 0.75)" if any(one.is_meaningful for one in shares) else ""
        meaning.append(f"{text}{star}")
    return meaning


def _by_reason(
    found: Iterable[tuple[ComparisonRow, Comparison, OtherImages | BorrowedSpread | None]],
) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for row, one, estimate in found:
        if estimate is not None and estimate.why:
            reasons.setdefault(estimate.why, []).append(_title(row, one).strip())
    return reasons


def _title(row: ComparisonRow, comparison: Comparison) -> str:
    return f"{row.title} vs {comparison.against}" if row.declared and row.matched else row.title


def _titled(row: ComparisonRow, digits: int) -> list[tuple[str, Comparison | None]]:
    """The comparisons of a row that have something to show, as the verdicts name them."""
    filled = [one for one in row.comparisons if any(secondary_texts(one, digits))]
    if not filled:
        return []
    declared = row.declared if row.declared in filled else None
    others = [(f"  vs {one.against}", one) for one in filled if one.matched]
    return [(row.title, declared), *others]
