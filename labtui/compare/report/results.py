"""The results of all rows: the table of verdicts with its footnotes, the plot of differences, and further tables."""

import math
from collections.abc import Sequence

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, Losses, Verdict
from labtui.compare.render import phrases
from labtui.compare.render.export import caption
from labtui.compare.render.notes import footnotes
from labtui.compare.report import broken_axis, difference_plots
from labtui.compare.report.document import (
    Block,
    Bullets,
    Footnote,
    Footnotes,
    Heading,
    LineKind,
    Paragraph,
    Picture,
    Piece,
    TableBlock,
    TableLine,
    Words,
    plain,
)
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.words import enumeration, sentence

_LEFT = frozenset({"", "against", "95% interval", "verdict", "published as"})
_KINDS: dict[Verdict, LineKind] = {Verdict.GAIN: "gain", Verdict.LOSS: "loss"}

_ONE_SCALE = (
    "The original lab report printed the root of (sum of the batch means / number of samples), which depends on the "
    "batch size: its Train Loss and Test Loss are not comparable. Here both are converted to cross-entropy: the mean "
    "over batches, in which a smaller last batch weighs as much as a full one, so that it can be up to 3% off the "
    "mean per image. The train loss is counted during the epoch, while the network still learns, and the test loss "
    "after it: equally well fitted images give a test loss below the train loss, so that “test over train” is not a "
    "pure measure of overfitting. The train loss includes the penalty if there is one; then no ratio is given. The "
    "last column is measured once, at the end, in evaluation mode, on the plain test images."
)

_DIFFERENCES = (
    "Each experiment against the baseline that differs in its factor alone, if there is one. Lines are 95% intervals, "
    "adjusted for all judged lines; one that ends in an arrow continues beyond the axis. Hollow and grey: confounded, "
    "not judged. Dotted: the smallest effect that matters."
)

_SEEDS = (
    "Every seed is a dot, at the same height in every row; the tick is the mean, and the line is the 95% interval of "
    "this mean over seeds, for this row alone; one that ends in an arrow continues beyond the axis."
)


def results(table: ComparisonTable) -> list[Block]:
    """Everything that is about all rows at once."""
    blocks: list[Block] = [Heading(2, "Results"), _main_table(table), _footnotes(table)]
    blocks += [
        _seeds(table, data, rows)
        for data in dict.fromkeys(row.data for row in table.rows)
        if (rows := difference_plots.with_seeds(table, data))
    ]
    if difference_plots.compared(table):
        blocks.append(_differences(table))
    blocks += _searches(table)
    for result in table.factorials:
        head, *rest = phrases.factorial(result, table.metric)
        blocks += [Heading(3, "Two factors, alone and together"), Paragraph(plain(sentence(head)))]
        blocks.append(Bullets(tuple(plain(sentence(text)) for text in rest)))
    blocks += [*_losses(table), *_published(table), *_budget(table)]
    notes = tuple(plain(sentence(note)) for note in table.notes)
    return [*blocks, Bullets(notes)] if notes else blocks


def _main_table(table: ComparisonTable) -> TableBlock:
    marks = footnotes(table).of_row
    lines: list[TableLine] = []
    for row in table.rows:
        spread = numbers.decimal(row.sd, table.metric.digits) if row.sd is not None else ""
        level = (row.title, row.seeds_text, numbers.decimal(row.mean, table.metric.digits), spread)
        lines.append(TableLine((*level, *_compared(row, row.declared, table)), marks[row.key], _kind(row.declared)))
        if row.matched:
            lines.append(TableLine(("", "", "", "", *_compared(row, row.matched, table)), (), _kind(row.matched)))
    head = ("", "n", "mean", "sd", "against", "Δ", "95% interval", "p (Holm)", "verdict")
    return TableBlock(caption=f"{caption(table)}.", head=head, left=_LEFT, lines=tuple(lines))


def _compared(row: ComparisonRow, comparison: Comparison | None, table: ComparisonTable) -> tuple[str, ...]:
    if comparison is None:
        return "", "", "", "", row.label
    digits = table.metric.digits
    interval = numbers.interval(comparison.shown_interval, digits) if comparison.shown_interval else ""
    return (
        comparison.against,
        numbers.signed(comparison.delta, digits),
        interval,
        phrases.p_cell(comparison),
        comparison.label,
    )


def _kind(comparison: Comparison | None) -> LineKind:
    if comparison is None:
        return ""
    return "confounded" if comparison.confounds else _KINDS.get(comparison.verdict, "")


def _footnotes(table: ComparisonTable) -> Footnotes:
    notes = [
        Footnote(note.number, (Piece(f"{note.label}: ", "strong"), Piece(note.text), *_remedy(note.remedy)))
        for note in footnotes(table).notes
    ]
    return Footnotes(tuple(notes))


def _remedy(text: str) -> Words:
    return (Piece(" → "), Piece(text, "code")) if text else ()


def _seeds(table: ComparisonTable, data: str, rows: Sequence[ComparisonRow]) -> Picture:
    digits = table.metric.digits
    parts = [_SEEDS]
    if any(row.failures for row in rows):
        parts.append("A cross at the edge is a seed that failed: it has no value and still counts in n.")
    parts.append(broken_axis.described(difference_plots.seed_spans(rows), lambda value: numbers.decimal(value, digits)))
    listed = "; ".join(f"{row.title} {_seed_values(row, digits)}" for row in rows)
    name = "seeds" if len({row.data for row in table.rows}) == 1 else f"seeds-{data}"
    text = " ".join(filter(None, parts))
    return Picture(name, text, f"Every seed: {listed}.", lambda: difference_plots.seeds(table, rows))


def _seed_values(row: ComparisonRow, digits: int) -> str:
    values = [numbers.decimal(value.value, digits) for value in row.values]
    return ", ".join([*values, *(failure.failure for failure in row.failures)])


def _differences(table: ComparisonTable) -> Picture:
    parts = [_DIFFERENCES]
    if any(difference_plots.other_images_of(comparison) for _, comparison in difference_plots.compared(table)):
        parts.append("The thin grey line below a row is the interval for other test images as well as other seeds.")
    digits = table.metric.digits
    spans = difference_plots.difference_spans(table)
    parts.append(broken_axis.described(spans, lambda value: numbers.signed(value, digits)))
    listed = "; ".join(
        f"{row.title} {numbers.signed(comparison.delta)} {comparison.label}"
        for row, comparison in difference_plots.compared(table)
    )
    alt = f"Differences: {listed}."
    return Picture("differences", " ".join(filter(None, parts)), alt, lambda: difference_plots.differences(table))


def _searches(table: ComparisonTable) -> list[Block]:
    if not table.searches:
        return []
    text = (
        "A search is expected to reach more the more values it tries, whatever is searched: rows that were tuned with "
        "different budgets are compared at equal numbers of values. Each point is the expected best of so many of the "
        "values tried, drawn at random with replacement (Dodge et al. 2019). The best of a search is judged on seeds "
        "that did not choose it, where it has them."
    )
    lines = [phrases.search(search, table.metric) for search in table.searches]
    picture = Picture(
        "expected-best",
        "The expected best against the budget.",
        f"{sentence('; '.join(lines))}",
        lambda: difference_plots.expected_best(table.searches, table.metric),
    )
    return [
        Heading(3, "Best of how many: what a smaller search would have found"),
        Paragraph(plain(text)),
        picture,
        Bullets(tuple(plain(sentence(line)) for line in lines)),
    ]


def _losses(table: ComparisonTable) -> list[Block]:
    lines = tuple(_loss_line(row, row.losses) for row in table.rows if row.losses)
    if not lines:
        return []
    head = ("", "Train Loss", "with penalty", "Test Loss", "test over train*", "test/loss")
    text = f"Cross-entropy, mean over batches{_guessing(table)}. * Train Loss during the epoch, Test Loss after it."
    block = TableBlock(caption=text, head=head, left=_LEFT, lines=lines)
    return [Heading(3, "Losses on one scale"), Paragraph(plain(_ONE_SCALE)), block]


def _guessing(table: ComparisonTable) -> str:
    numbers_of_classes = {len(row.classes) for row in table.rows if len(row.classes) > 1}
    guesses = (
        f"among {number} classes {numbers.decimal(math.log(number), 3)}" for number in sorted(numbers_of_classes)
    )
    return f"; guessing gives {enumeration(list(guesses))}" if numbers_of_classes else ""


def _loss_line(row: ComparisonRow, losses: Losses) -> TableLine:
    gap = "" if losses.gap is None else f"{numbers.signed(100 * losses.gap, 1)}%"
    train, test, plain_test = (numbers.decimal(value, 3) for value in (losses.train, losses.test, row.cross_entropy))
    return TableLine((row.title, train, "yes" if losses.penalty else "", test, gap, plain_test))


def _published(table: ComparisonTable) -> list[Block]:
    lines = tuple(line for row in table.rows for line in _published_lines(row))
    if not lines:
        return []
    head = ("", "published as", "published", "epoch", "after", "ours", "difference")
    text = (
        "The same tag at the same epoch or point; ours is the mean over seeds. After: the published time since the "
        "curve's first point."
    )
    return [
        Heading(3, "Published figures and ours"),
        TableBlock(caption=text, head=head, left=_LEFT, lines=lines),
    ]


def _published_lines(row: ComparisonRow) -> list[TableLine]:
    lines = []
    for index, figure in enumerate(row.published):
        digits = 4 if figure.value < 1 else 2
        shown = f"{'about ' if figure.around else ''}{figure.value:g}"
        ours, difference = numbers.decimal(figure.ours, digits), numbers.signed(figure.difference, digits)
        where = shown, str(figure.epoch or ""), figure.relative
        lines.append(TableLine(("" if index else row.title, figure.tag, *where, ours, difference)))
    return lines


def _budget(table: ComparisonTable) -> list[Block]:
    lines = tuple(_budget_line(row) for row in table.rows if row.values)
    if not lines:
        return []
    head = ("", "epochs", "steps", "images seen", "time", "images/s", "parameters", "FLOPs per image")
    text = "Means over seeds; the time is that of training; FLOPs are those of one forward pass."
    return [Heading(3, "What one run costs"), TableBlock(caption=text, head=head, left=_LEFT, lines=lines)]


def _budget_line(row: ComparisonRow) -> TableLine:
    budget = row.budget
    work = (numbers.count(value) for value in (budget.epochs, budget.steps, budget.images_seen))
    speed = duration(budget.seconds), numbers.count(budget.images_per_second)
    return TableLine(
        (row.title, *work, *speed, numbers.count(budget.parameters), numbers.compact(budget.flops_per_image))
    )
