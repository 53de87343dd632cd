"""The tables beside the verdicts: effects, losses, published figures, budget."""

from labtui.compare import notation
from labtui.compare.layout import Column, Line, Span, aligned, cut, paragraph, wrapped
from labtui.compare.render import phrases as sentences
from labtui.compare.rows import Losses, Published, Row, Table


def effects(table: Table, width: int) -> list[Line]:
    """The readout of every 2x2 experiment."""
    lines: list[Line] = []
    for one in table.factorials:
        head, *rest = sentences.factorial(one, table.metric)
        lines += paragraph(head, width, "title")
        lines += [line for text in rest for line in wrapped("", text, width, column=0)]
    return lines


def losses(table: Table, width: int) -> list[Line]:
    """Train and test losses on one scale."""
    rows = [_loss_cells(row) for row in table.rows if row.losses or row.cross_entropy is not None]
    if not rows:
        return []
    columns = [Column("", right=False), Column("Train Loss "), Column("Test Loss"), Column("gap"), Column("test/loss")]
    lines = paragraph("losses as cross-entropy per image, whatever scale they were recorded on", width, "title")
    if any(row.losses and row.losses.penalty for row in table.rows):
        lines += paragraph("Train Loss + includes a penalty, which no test loss does", width)
    return [*lines, *aligned(columns, rows, gap=2)]


def _loss_cells(row: Row) -> list[Span]:
    found = row.losses or Losses(train=None, test=None, train_tag="", test_tag="", penalty=False)
    gap = "" if found.gap is None else f"{notation.signed(100 * found.gap, 1)}%"
    return [
        Span(cut(row.title, 24)),
        Span(notation.number(found.train, 3) + ("+" if found.penalty else " ")),
        Span(notation.number(found.test, 3)),
        Span(gap),
        Span(notation.number(row.cross_entropy, 3)),
    ]


def published(table: Table, width: int) -> list[Line]:
    """The first published figure of each row beside ours."""
    rows = [_published_cells(row, row.published[0]) for row in table.rows if row.published]
    heads = ("", "", "published", "epoch", "ours", "difference")
    columns = [Column(head, right=bool(head)) for head in heads]
    head = "published figures beside ours, at the same tag and epoch"
    return [*paragraph(head, width, "title"), *aligned(columns, rows, gap=2)] if rows else []


def _published_cells(row: Row, one: Published) -> list[Span]:
    digits = 4 if one.value < 1 else 2
    return [
        Span(cut(row.title, 24)),
        Span(one.tag),
        Span(f"{'about ' if one.around else ''}{one.value:g}"),
        Span(str(one.epoch or "")),
        Span(notation.number(one.ours, digits)),
        Span(notation.signed(one.difference, digits)),
    ]


def budget(table: Table, width: int) -> list[Line]:
    """What one run of each row costs."""
    rows = [_budget_cells(row) for row in table.rows if row.values]
    heads = ("", "epochs", "steps", "images seen", "time", "images/s", "params", "FLOPs/img")
    columns = [Column(head, right=bool(head)) for head in heads]
    return [*paragraph("budget of one run, mean over seeds", width, "title"), *aligned(columns, rows)] if rows else []


def _budget_cells(row: Row) -> list[Span]:
    spent = row.budget
    texts = (
        cut(row.title, 18),
        notation.count(spent.epochs),
        notation.count(spent.steps),
        notation.count(spent.images_seen),
        notation.duration(spent.seconds),
        notation.count(spent.images_per_second),
        notation.large(spent.parameters),
        notation.large(spent.flops_per_image),
    )
    return [Span(text) for text in texts]
