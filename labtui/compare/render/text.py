"""The table as text for a terminal: it fits 80 columns, names its units and needs no colour."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Literal, get_args

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, Losses, PublishedFigure, Verdict
from labtui.compare.render import phrases
from labtui.compare.render.notes import note_lines, table_note_lines
from labtui.compare.render.secondary import HEADS, secondary_cells, secondary_notes, secondary_table
from labtui.text import numbers
from labtui.text.clean import in_ascii
from labtui.text.durations import duration
from labtui.text.spans import Line, Span, cut, labelled, lines_width, paragraph, plain_lines
from labtui.text.tables import Column, align

Section = Literal["verdicts", "effects", "losses", "published", "budget", "notes"]
SECTIONS: tuple[Section, ...] = get_args(Section)

NARROWEST = 80
"""On terminals with fewer columns lines are too long: numbers are not wrapped."""

_WIDE = 96
"""Columns from which p and the full verdict are shown."""

_HEADS = ("", "n", "mean", "sd", "Δ", "95% interval", "p (Holm)", "verdict")
_LEFT = ("", "95% interval", "verdict", *HEADS)

_WIDEST_TITLE = 40
_STYLES: dict[Verdict, str] = {Verdict.GAIN: "good", Verdict.LOSS: "bad"}


def to_text(
    table: ComparisonTable, width: int = 80, *, sections: Sequence[Section] = SECTIONS, ascii_only: bool = False
) -> str:
    """The table as plain lines of at most `width` characters (not below 80)."""
    text = plain_lines(to_lines(table, width, sections=sections))
    return in_ascii(text) if ascii_only else text


def to_lines(table: ComparisonTable, width: int = 80, *, sections: Sequence[Section] = SECTIONS) -> list[Line]:
    """The table as lines of styled spans."""
    width = max(width, NARROWEST)
    if not table.rows:
        return [(Span("nothing to compare: no run has finished yet"),), *table_note_lines(table, width)]
    writers: dict[Section, Callable[[ComparisonTable, int], list[Line]]] = {
        "verdicts": _verdicts,
        "effects": effect_lines,
        "losses": loss_lines,
        "published": published_lines,
        "budget": budget_lines,
        "notes": note_lines,
    }
    lines: list[Line] = []
    for block in filter(None, (writers[section](table, width) for section in sections)):
        lines += [(Span(""),), *block] if lines else block
    return lines


def _verdicts(table: ComparisonTable, width: int) -> list[Line]:
    lines = _head(table, width)
    sets = list(dict.fromkeys(row.data for row in table.rows))
    for data in sets:
        rows = [row for row in table.rows if row.data == data]
        lines.append((Span(data if len(sets) > 1 else "", "title"),))
        lines += _verdict_table(table, rows, width)
        if not _has_room(table, width):
            lines += _block(secondary_table(table, rows, width))
    lines += secondary_notes(table, width)
    for remark in table.looking:
        lines += paragraph(remark, width)
    return lines


def _block(lines: list[Line]) -> list[Line]:
    """The lines behind an empty one."""
    return [(Span(""),), *lines] if lines else []


def _head(table: ComparisonTable, width: int) -> list[Line]:
    metric = table.metric
    unit = f" in {metric.unit}" if metric.unit else ""
    lines = paragraph(f"{metric.tag}{unit}, mean and sd over seeds: {metric.selection}", width, "title")
    if any(comparison.delta is not None for row in table.rows for comparison in row.comparisons):
        lines += paragraph(_delta_caption(table, _common_baseline(table)), width)
    return lines


def _delta_caption(table: ComparisonTable, against: str) -> str:
    unit = table.metric.delta_unit or table.metric.tag
    adjusted = phrases.adjusted(table)
    return f"Δ in {unit} against {against} unless a line names another baseline; 95% intervals{adjusted}"


def _common_baseline(table: ComparisonTable) -> str:
    names = Counter(row.declared.against for row in table.rows if row.declared)
    return names.most_common(1)[0][0] if names else ""


def _verdict_table(table: ComparisonTable, rows: Sequence[ComparisonRow], width: int) -> list[Line]:
    lines = _verdict_lines(table, rows, _WIDEST_TITLE, 2, wide=width >= _WIDE, secondary=True)
    if _has_room(table, width):
        return lines
    for gap, title_width in ((2, _WIDEST_TITLE), *((1, narrower) for narrower in range(_WIDEST_TITLE, 7, -1))):
        lines = _verdict_lines(table, rows, title_width, gap, wide=width >= _WIDE)
        if lines_width(lines) <= width:
            break
    return lines


def _has_room(table: ComparisonTable, width: int) -> bool:
    """Whether the secondary columns fit beside the verdicts."""
    return lines_width(_verdict_lines(table, table.rows, _WIDEST_TITLE, 2, wide=True, secondary=True)) <= width


def _verdict_lines(
    table: ComparisonTable,
    rows: Sequence[ComparisonRow],
    title_width: int,
    gap: int,
    *,
    wide: bool,
    secondary: bool = False,
) -> list[Line]:
    common = _common_baseline(table)
    heads = (*_HEADS, *(HEADS if secondary else ()))
    columns = [Column(head, right=head not in _LEFT) for head in heads]
    cells = [_verdict_rows(row, table, common, title_width, wide=wide, secondary=secondary) for row in rows]
    return align(columns, list(chain.from_iterable(cells)), gap=gap, drop_empty=True)


def _verdict_rows(
    row: ComparisonRow, table: ComparisonTable, common: str, title_width: int, *, wide: bool, secondary: bool
) -> list[list[Span]]:
    digits, first = table.metric.digits, row.declared
    title = row.title if first is None or first.against == common else f"{row.title} vs {first.against}"
    level = _level(row.seeds_text, row.mean, row.sd, digits)
    more = [secondary_cells(one, digits) if secondary else [] for one in (first, row.matched, None)]
    lines = [[Span(cut(title, title_width)), *level, *_compared(first, row, digits, wide=wide), *more[0]]]
    if row.matched and row.values:
        label = Span(cut(f"  vs {row.matched.against}", title_width))
        lines.append([label, *[Span("")] * 3, *_compared(row.matched, row, digits, wide=wide), *more[1]])
    for folded in row.folded:
        label = Span(cut(f"  {folded.why}", title_width), "muted")
        lines.append([label, *_level(folded.seeds_text, folded.mean, folded.sd, digits), *[Span("")] * 4, *more[2]])
    return lines


def _level(n: str, mean: float | None, sd: float | None, digits: int) -> list[Span]:
    spread = numbers.decimal(sd, digits) if sd is not None else ""
    return [Span(n), Span(numbers.decimal(mean, digits)), Span(spread)]


def _compared(comparison: Comparison | None, row: ComparisonRow, digits: int, *, wide: bool) -> list[Span]:
    if comparison is None or comparison.delta is None:
        label = comparison.why if comparison and row.values else row.label
        return [Span(""), Span(""), Span(""), Span(label, "muted")]
    style = _STYLES.get(comparison.verdict, "warn" if comparison.confounds else "")
    label = comparison.label if wide else comparison.brief_label
    interval = numbers.interval(comparison.shown_interval, digits) if comparison.shown_interval else ""
    return [
        Span(numbers.signed(comparison.delta, digits), style),
        Span(interval, style),
        Span(phrases.p_cell(comparison) if wide else ""),
        Span(label, style),
    ]


def effect_lines(table: ComparisonTable, width: int) -> list[Line]:
    """The result of every 2x2 experiment."""
    lines: list[Line] = []
    for result in table.factorials:
        head, *rest = phrases.factorial(result, table.metric)
        lines += paragraph(head, width, "title")
        lines += [line for text in rest for line in labelled("", text, width, column=0)]
    return lines


def loss_lines(table: ComparisonTable, width: int) -> list[Line]:
    """Train and test losses on one scale."""
    rows = [_loss_cells(row) for row in table.rows if row.losses or row.cross_entropy is not None]
    if not rows:
        return []
    columns = [Column(title, right=bool(title)) for title in ("", "Train Loss ", "Test Loss", "gap", "test/loss")]
    lines = paragraph("losses as cross-entropy, whatever scale they were recorded on", width, "title")
    if any(row.losses for row in table.rows):
        text = "Train Loss and Test Loss are means over batches: "
        text += "a small last one weighs as much, up to 3% off the mean per image"
        lines += paragraph(text, width, "muted")
    if any(row.losses and row.losses.penalty for row in table.rows):
        lines += paragraph("+ after a Train Loss: it includes a penalty, which no test loss does", width)
    return [*lines, *align(columns, rows, drop_empty=True)]


def _loss_cells(row: ComparisonRow) -> list[Span]:
    losses = row.losses or Losses(train=None, test=None, train_tag="", test_tag="", penalty=False)
    gap = "" if losses.gap is None else f"{numbers.signed(100 * losses.gap, 1)}%"
    return [
        Span(cut(row.title, 24)),
        Span(numbers.decimal(losses.train, 3) + ("+" if losses.penalty else " ")),
        Span(numbers.decimal(losses.test, 3)),
        Span(gap),
        Span(numbers.decimal(row.cross_entropy, 3)),
    ]


def published_lines(table: ComparisonTable, width: int) -> list[Line]:
    """The first published figure of each row and ours."""
    rows = [_published_cells(row, row.published[0]) for row in table.rows if row.published]
    heads = ("", "", "published", "epoch", "ours", "difference")
    columns = [Column(head, right=bool(head)) for head in heads]
    head = "published figures and ours, at the same tag and epoch"
    return [*paragraph(head, width, "title"), *align(columns, rows, drop_empty=True)] if rows else []


def _published_cells(row: ComparisonRow, figure: PublishedFigure) -> list[Span]:
    digits = 4 if figure.value < 1 else 2
    return [
        Span(cut(row.title, 24)),
        Span(figure.tag),
        Span(f"{'about ' if figure.around else ''}{figure.value:g}"),
        Span(str(figure.epoch or "")),
        Span(numbers.decimal(figure.ours, digits)),
        Span(numbers.signed(figure.difference, digits)),
    ]


def budget_lines(table: ComparisonTable, width: int) -> list[Line]:
    """What one run of each row costs."""
    rows = _without_dashes([_budget_cells(row) for row in table.rows if row.values])
    heads = ("", "epochs", "steps", "images seen", "time", "images/s", "params", "FLOPs/img")
    columns = [Column(head, right=bool(head)) for head in heads]
    if not rows:
        return []
    head = paragraph("budget of one run, mean over seeds", width, "title")
    return [*head, *align(columns, rows, gap=1, drop_empty=True)]


def _without_dashes(rows: list[list[Span]]) -> list[list[Span]]:
    """The cells, empty in columns in which nothing is known of any row: they are left out then."""
    known = [any(row[place].text != numbers.DASH for row in rows) for place in range(len(rows[0]))] if rows else []
    return [[span if known[place] else Span("") for place, span in enumerate(row)] for row in rows]


def _budget_cells(row: ComparisonRow) -> list[Span]:
    budget = row.budget
    texts = (
        cut(row.title, 18),
        numbers.count(budget.epochs),
        numbers.count(budget.steps),
        numbers.count(budget.images_seen),
        duration(budget.seconds),
        numbers.count(budget.images_per_second),
        numbers.compact(budget.parameters),
        numbers.compact(budget.flops_per_image),
    )
    return [Span(text) for text in texts]
