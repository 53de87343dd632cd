"""The results: the judged table with its footnotes, the differences drawn, and the tables beside them."""

from labtui.compare.model import Comparison, Losses, Row, Table, Verdict
from labtui.compare.render import phrases
from labtui.compare.render.export import caption
from labtui.compare.render.notes import footnotes
from labtui.compare.report import difference_plots
from labtui.compare.report.document import (
    Block,
    Bullets,
    Cells,
    Footnote,
    Footnotes,
    Grid,
    Heading,
    Kinds,
    Paragraph,
    Picture,
    Piece,
    Words,
    plain,
)
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.words import sentence

_LEFT = frozenset({"", "against", "95% interval", "verdict", "published as"})
_KINDS: dict[Verdict, Kinds] = {Verdict.GAIN: "gain", Verdict.LOSS: "loss"}

_ONE_SCALE = (
    "The report printed the root of (sum of the batch means / number of samples), which depends on the batch size: its "
    "Train Loss and Test Loss cannot be read side by side. Here both are turned back into mean cross-entropy per "
    "image. The train figure is counted while the network still learns, and contains the penalty where there is one; "
    "then no gap is given. The last column is measured once, at the end, in evaluation mode, on the plain test images."
)


_DIFFERENCES = (
    "Each experiment against the baseline that differs in its factor alone, where there is one. Lines are 95% "
    "intervals that hold over all judged lines at once. Hollow and grey: confounded, not judged. Dotted: the smallest "
    "effect that matters."
)


def results(table: Table) -> list[Block]:
    """Everything that is about all rows at once."""
    blocks: list[Block] = [Heading(2, "Results"), _main_table(table), _footnotes(table)]
    if difference_plots.compared(table):
        blocks.append(_differences(table))
    for one in table.factorials:
        head, *rest = phrases.factorial(one, table.metric)
        blocks += [Heading(3, "Two factors, alone and together"), Paragraph(plain(sentence(head)))]
        blocks.append(Bullets(tuple(plain(sentence(text)) for text in rest)))
    blocks += [*_losses(table), *_published(table), *_budget(table)]
    notes = tuple(plain(sentence(note)) for note in table.notes)
    return [*blocks, Bullets(notes)] if notes else blocks


def _main_table(table: Table) -> Grid:
    marks = footnotes(table).of_row
    lines: list[Cells] = []
    for row in table.rows:
        spread = numbers.decimal(row.sd, table.metric.digits) if row.sd is not None else ""
        level = (row.title, str(row.n), numbers.decimal(row.mean, table.metric.digits), spread)
        lines.append(Cells((*level, *_compared(row, row.declared, table)), marks[row.key], _kind(row.declared)))
        if row.matched:
            lines.append(Cells(("", "", "", "", *_compared(row, row.matched, table)), (), _kind(row.matched)))
    head = ("", "n", "mean", "sd", "against", "Δ", "95% interval", "p (Holm)", "verdict")
    return Grid(caption=f"{caption(table)}.", head=head, left=_LEFT, lines=tuple(lines))


def _compared(row: Row, one: Comparison | None, table: Table) -> tuple[str, ...]:
    if one is None:
        return "", "", "", "", row.word
    digits = table.metric.digits
    interval = numbers.interval(one.shown_interval, digits) if one.shown_interval else ""
    p = numbers.p_value(one.p_adjusted).removeprefix("p = ").removeprefix("p ")
    return one.against, numbers.signed(one.delta, digits), interval, p, one.word


def _kind(one: Comparison | None) -> Kinds:
    if one is None:
        return ""
    return "confounded" if one.confounds else _KINDS.get(one.verdict, "")


def _footnotes(table: Table) -> Footnotes:
    notes = [
        Footnote(one.number, (Piece(f"{one.label}: ", "strong"), Piece(one.text), *_mend(one.mend)))
        for one in footnotes(table).notes
    ]
    return Footnotes(tuple(notes))


def _mend(command: str) -> Words:
    return (Piece(" → "), Piece(command, "code")) if command else ()


def _differences(table: Table) -> Picture:
    parts = [_DIFFERENCES]
    if noise := difference_plots.noise_band(table):
        images = numbers.count(table.test_images)
        parts.append(
            f"The grey band is the ruler: two equally good networks, each tested on {images} images of its own, would "
            f"lie up to {numbers.decimal(noise)} points apart."
        )
    if edge := difference_plots.linear_to(table):
        parts.append(f"The axis is linear up to {numbers.decimal(edge, 0)} points and logarithmic beyond.")
    told = "; ".join(
        f"{row.title} {numbers.signed(one.delta)} {one.word}" for row, one in difference_plots.compared(table)
    )
    return Picture("differences", " ".join(parts), f"Differences: {told}.", lambda: difference_plots.differences(table))


def _losses(table: Table) -> list[Block]:
    lines = tuple(_loss_line(row, row.losses) for row in table.rows if row.losses)
    if not lines:
        return []
    head = ("", "Train Loss", "with penalty", "Test Loss", "test over train", "test/loss")
    text = "Mean cross-entropy per image; guessing among ten classes costs 2.303."
    grid = Grid(caption=text, head=head, left=_LEFT, lines=lines)
    return [Heading(3, "Losses on one scale"), Paragraph(plain(_ONE_SCALE)), grid]


def _loss_line(row: Row, found: Losses) -> Cells:
    gap = "" if found.gap is None else f"{numbers.signed(100 * found.gap, 1)}%"
    train, test, plain_test = (numbers.decimal(one, 3) for one in (found.train, found.test, row.cross_entropy))
    return Cells((row.title, train, "yes" if found.penalty else "", test, gap, plain_test))


def _published(table: Table) -> list[Block]:
    lines = tuple(line for row in table.rows for line in _published_lines(row))
    if not lines:
        return []
    head = ("", "published as", "published", "epoch", "ours", "difference")
    text = "The same tag at the same epoch or point; ours is the mean over seeds."
    return [
        Heading(3, "Published figures beside ours"),
        Grid(caption=text, head=head, left=_LEFT, lines=lines),
    ]


def _published_lines(row: Row) -> list[Cells]:
    lines = []
    for index, one in enumerate(row.published):
        digits = 4 if one.value < 1 else 2
        shown = f"{'about ' if one.around else ''}{one.value:g}"
        ours, off = numbers.decimal(one.ours, digits), numbers.signed(one.difference, digits)
        lines.append(Cells(("" if index else row.title, one.tag, shown, str(one.epoch or ""), ours, off)))
    return lines


def _budget(table: Table) -> list[Block]:
    lines = tuple(_budget_line(row) for row in table.rows if row.values)
    if not lines:
        return []
    head = ("", "epochs", "steps", "images seen", "time", "images/s", "parameters", "FLOPs per image")
    text = "Means over seeds; time is of training; FLOPs are of one forward pass."
    return [Heading(3, "What one run costs"), Grid(caption=text, head=head, left=_LEFT, lines=lines)]


def _budget_line(row: Row) -> Cells:
    spent = row.budget
    work = (numbers.count(one) for one in (spent.epochs, spent.steps, spent.images_seen))
    pace = duration(spent.seconds), numbers.count(spent.images_per_second)
    return Cells((row.title, *work, *pace, numbers.count(spent.parameters), numbers.compact(spent.flops_per_image)))
