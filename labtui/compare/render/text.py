"""The table as text for a terminal: it fits 80 columns, has its units in the head and needs no colour."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from labtui.compare.model import Comparison, Losses, Published, Row, Table, Verdict
from labtui.compare.render import phrases
from labtui.compare.render.notes import note_lines, table_note_lines
from labtui.compare.statistics import ruler
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.spans import Line, Span, cut, labelled, lines_width, paragraph, plain_lines
from labtui.text.tables import Column, align

Section = Literal["verdicts", "effects", "losses", "published", "budget", "notes"]
SECTIONS: tuple[Section, ...] = get_args(Section)

NARROWEST = 80
"""Characters below which lines run over: numbers are not broken."""

_WIDE = 96

_HEADS = ("", "n", "mean", "sd", "Δ", "95% interval", "p (Holm)", "verdict")
_LEFT = ("", "95% interval", "verdict")
_STYLES: dict[Verdict, str] = {Verdict.GAIN: "good", Verdict.LOSS: "bad"}
_ASCII = str.maketrans({
    "\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{EN DASH}": "-", "\N{GREEK CAPITAL LETTER DELTA}": "d",
    "\N{PLUS-MINUS SIGN}": "+-", "\N{MIDDLE DOT}": "|", "\N{HORIZONTAL ELLIPSIS}": "...", "\N{RIGHTWARDS ARROW}": "->",
    "\N{SUPERSCRIPT TWO}": "2",
})  # fmt: skip


def to_text(table: Table, width: int = 80, *, sections: Sequence[Section] = SECTIONS, ascii_only: bool = False) -> str:
    """The table as plain lines of at most `width` characters (not below 80)."""
    text = plain_lines(to_lines(table, width, sections=sections))
    return text.translate(_ASCII) if ascii_only else text


def to_lines(table: Table, width: int = 80, *, sections: Sequence[Section] = SECTIONS) -> list[Line]:
    """The same as styled spans, for whoever has colours."""
    width = max(width, NARROWEST)
    if not table.rows:
        return [(Span("nothing to compare: no run has finished yet"),), *table_note_lines(table, width)]
    writers: dict[Section, Callable[[Table, int], list[Line]]] = {
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


def _verdicts(table: Table, width: int) -> list[Line]:
    lines = _head(table, width)
    sets = list(dict.fromkeys(row.data for row in table.rows))
    for data in sets:
        rows = [row for row in table.rows if row.data == data]
        lines.append((Span(data if len(sets) > 1 else "", "title"),))
        lines += _verdict_table(table, rows, width)
    return lines


def _head(table: Table, width: int) -> list[Line]:
    metric = table.metric
    unit = f" in {metric.unit}" if metric.unit else ""
    lines = paragraph(f"{metric.tag}{unit}, mean and sd over seeds: {metric.selection}", width, "title")
    if any(one.delta is not None for row in table.rows for one in row.comparisons):
        lines += paragraph(_delta_told(table, _common_baseline(table)), width)
    several = sum(row.mean is not None for row in table.rows) > 1
    if several and metric.is_plain_test and metric.is_accuracy and table.test_images:
        lines += paragraph(_ruler_told(table), width, "muted")
    return lines


def _delta_told(table: Table, against: str) -> str:
    held = f", held over all {table.judged} judged lines at once (Holm)" if table.judged > 1 else ""
    return f"Δ in {table.metric.delta_unit or table.metric.tag} against {against}, or as said; 95% intervals{held}"


def _ruler_told(table: Table) -> str:
    best = max((row.mean for row in table.rows if row.mean is not None), default=50.0)
    noise = numbers.decimal(ruler(best, table.test_images or 1))
    images = numbers.count(table.test_images)
    return f"ruler: by other {images} test images alone, equal networks at {best:.0f}% lie up to {noise} points apart"


def _common_baseline(table: Table) -> str:
    names = Counter(row.declared.against for row in table.rows if row.declared)
    return names.most_common(1)[0][0] if names else ""


def _verdict_table(table: Table, rows: Sequence[Row], width: int) -> list[Line]:
    common = _common_baseline(table)
    columns = [Column(head, right=head not in _LEFT) for head in _HEADS]
    lines: list[Line] = []
    for gap, room in ((2, 40), *((1, room) for room in range(40, 7, -1))):
        cells = [one for row in rows for one in _verdict_rows(row, table, common, room, wide=width >= _WIDE)]
        lines = align(columns, cells, gap=gap, drop_empty=True)
        if lines_width(lines) <= width:
            break
    return lines


def _verdict_rows(row: Row, table: Table, common: str, room: int, *, wide: bool) -> list[list[Span]]:
    digits, first = table.metric.digits, row.declared
    title = row.title if first is None or first.against == common else f"{row.title} vs {first.against}"
    numbers = _level(row.n, row.mean, row.sd, digits)
    lines = [[Span(cut(title, room)), *numbers, *_compared(first, row, digits, wide=wide)]]
    if row.matched:
        label = Span(cut(f"  vs {row.matched.against}", room))
        lines.append([label, *[Span("")] * 3, *_compared(row.matched, row, digits, wide=wide)])
    for one in row.folded:
        label = Span(cut(f"  {one.why}", room), "muted")
        lines.append([label, *_level(one.n, one.mean, one.sd, digits), *[Span("")] * 4])
    return lines


def _level(n: int, mean: float | None, sd: float | None, digits: int) -> list[Span]:
    spread = numbers.decimal(sd, digits) if sd is not None else ""
    return [Span(str(n)), Span(numbers.decimal(mean, digits)), Span(spread)]


def _compared(one: Comparison | None, row: Row, digits: int, *, wide: bool) -> list[Span]:
    if one is None or one.delta is None:
        word = one.why if one else "baseline" if row.is_baseline else row.word
        return [Span(""), Span(""), Span(""), Span(word, "muted")]
    style = _STYLES.get(one.verdict, "warn" if one.confounds else "")
    short = one.word if wide else one.word.replace(Verdict.NO_DIFFERENCE.value, "no difference")
    return [
        Span(numbers.signed(one.delta, digits), style),
        Span(numbers.interval(one.shown_interval, digits) if one.shown_interval else "", style),
        Span(numbers.p_value(one.p_adjusted).removeprefix("p = ").removeprefix("p ") if wide else ""),
        Span(short, style),
    ]


def effect_lines(table: Table, width: int) -> list[Line]:
    """The readout of every 2x2 experiment."""
    lines: list[Line] = []
    for one in table.factorials:
        head, *rest = phrases.factorial(one, table.metric)
        lines += paragraph(head, width, "title")
        lines += [line for text in rest for line in labelled("", text, width, column=0)]
    return lines


def loss_lines(table: Table, width: int) -> list[Line]:
    """Train and test losses on one scale."""
    rows = [_loss_cells(row) for row in table.rows if row.losses or row.cross_entropy is not None]
    if not rows:
        return []
    columns = [Column(title, right=bool(title)) for title in ("", "Train Loss ", "Test Loss", "gap", "test/loss")]
    lines = paragraph("losses as cross-entropy per image, whatever scale they were recorded on", width, "title")
    if any(row.losses and row.losses.penalty for row in table.rows):
        lines += paragraph("Train Loss + includes a penalty, which no test loss does", width)
    return [*lines, *align(columns, rows, drop_empty=True)]


def _loss_cells(row: Row) -> list[Span]:
    found = row.losses or Losses(train=None, test=None, train_tag="", test_tag="", penalty=False)
    gap = "" if found.gap is None else f"{numbers.signed(100 * found.gap, 1)}%"
    return [
        Span(cut(row.title, 24)),
        Span(numbers.decimal(found.train, 3) + ("+" if found.penalty else " ")),
        Span(numbers.decimal(found.test, 3)),
        Span(gap),
        Span(numbers.decimal(row.cross_entropy, 3)),
    ]


def published_lines(table: Table, width: int) -> list[Line]:
    """The first published figure of each row beside ours."""
    rows = [_published_cells(row, row.published[0]) for row in table.rows if row.published]
    heads = ("", "", "published", "epoch", "ours", "difference")
    columns = [Column(head, right=bool(head)) for head in heads]
    head = "published figures beside ours, at the same tag and epoch"
    return [*paragraph(head, width, "title"), *align(columns, rows, drop_empty=True)] if rows else []


def _published_cells(row: Row, one: Published) -> list[Span]:
    digits = 4 if one.value < 1 else 2
    return [
        Span(cut(row.title, 24)),
        Span(one.tag),
        Span(f"{'about ' if one.around else ''}{one.value:g}"),
        Span(str(one.epoch or "")),
        Span(numbers.decimal(one.ours, digits)),
        Span(numbers.signed(one.difference, digits)),
    ]


def budget_lines(table: Table, width: int) -> list[Line]:
    """What one run of each row costs."""
    rows = [_budget_cells(row) for row in table.rows if row.values]
    heads = ("", "epochs", "steps", "images seen", "time", "images/s", "params", "FLOPs/img")
    columns = [Column(head, right=bool(head)) for head in heads]
    if not rows:
        return []
    head = paragraph("budget of one run, mean over seeds", width, "title")
    return [*head, *align(columns, rows, gap=1, drop_empty=True)]


def _budget_cells(row: Row) -> list[Span]:
    spent = row.budget
    texts = (
        cut(row.title, 18),
        numbers.count(spent.epochs),
        numbers.count(spent.steps),
        numbers.count(spent.images_seen),
        duration(spent.seconds),
        numbers.count(spent.images_per_second),
        numbers.compact(spent.parameters),
        numbers.compact(spent.flops_per_image),
    )
    return [Span(text) for text in texts]
