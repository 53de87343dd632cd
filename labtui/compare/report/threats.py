"""Threats to validity, as far as the runs themselves show them, and what was tried besides the rows of the table."""

from collections import Counter
from collections.abc import Mapping, Sequence

from labtui.compare.cells import Cell, plain_test_images, plain_train_images
from labtui.compare.model import BUDGET_MARGIN, Comparison, ComparisonRow, ComparisonTable, Look
from labtui.compare.outcomes import has_failed
from labtui.compare.report.data_and_recipe import all_runs, total_cost
from labtui.compare.report.document import Block, Bullets, Heading, Paragraph, TableBlock, TableLine, Words, lead, plain
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text import numbers
from labtui.text.words import enumeration, ordinal, plural, sentence

_FEW = 5
"""Seeds below which a t interval leans on the normal distribution and cannot check it."""

_RUNNING = (State.QUEUED, State.STARTING, State.RUNNING, State.STALLED)


def threats(table: ComparisonTable, cells: Sequence[Cell]) -> list[Block]:
    """Everything that a sceptical reader would ask about, answered from the runs."""
    by_key = {cell.key: cell for cell in cells}
    rows = [row for row in table.rows if row.values or row.failures]
    if not rows:
        return []
    items: list[Words] = [
        *_images(rows, by_key),
        *_number_of_seeds(rows),
        *_looks(table, rows),
        *_choices(table, rows),
        *_failed(rows),
        *_left_out(table, cells),
        *_budgets(rows),
        *_confounded(rows),
    ]
    return [Heading(2, "Threats to validity"), Bullets(tuple(items))]


def _images(rows: Sequence[ComparisonRow], cells: Mapping[str, Cell]) -> list[Words]:
    items = []
    for data in dict.fromkeys(row.data for row in rows):
        own = [cells[row.key] for row in rows if row.data == data and row.key in cells]
        if not any(cell.engine_spec for cell in own):
            items.append(lead("The data of the programs.", _PROGRAMS))
            continue
        train = max((images for cell in own if (images := plain_train_images(cell))), default=None)
        test = next((images for cell in own if (images := plain_test_images(cell))), None)
        train_size, test_size = (f" of {numbers.count(size)} images" if size else "" for size in (train, test))
        text = f"All rows on {data} learn from one training set{train_size} and are tested on one test set{test_size}. "
        text += "The intervals are over seeds: they say what other seeds would give on these images."
        wider = [
            one
            for row in rows
            if row.data == data
            for one in row.comparisons
            if one.other_images and one.other_images.interval
        ]
        if wider:
            text += (
                f" Where every run has predictions ({len(wider)} of {plural(_compared(rows, data), 'comparison')}), a "
            )
            text += "second interval also covers other test images. Other training images would change results by more "
            text += "than either interval shows."
        else:
            text += (
                " What other images would give is not known. Other training images would change results by more than "
            )
            text += "the intervals show."
        items.append(lead("One training set, one test set.", text))
    return items


_PROGRAMS = (
    "Which data the programs learn from and are tested on, and whether the metric was used to choose anything, labtui "
    "does not see. The intervals are over seeds: they say what other seeds would give on the same data. Other training "
    "data would change results by more."
)


def _compared(rows: Sequence[ComparisonRow], data: str) -> int:
    return sum(one.delta is not None for row in rows if row.data == data for one in row.comparisons)


def _number_of_seeds(rows: Sequence[ComparisonRow]) -> list[Words]:
    counts = Counter(row.n + len(row.failures) for row in rows)
    if len(counts) == 1:
        text = f"Every row has {plural(next(iter(counts)), 'seed')}."
    else:
        text = f"The rows have {min(counts)} to {max(counts)} seeds: rows with more are decided more easily."
    planned = [row.title for row, look in _looked_at(rows) if look.plan]
    if planned:
        text += f" A plan that was written before its first run decides when to stop for {enumeration(planned)}."
    if len(planned) < len(_fair(rows)) or not planned:
        rest = "For the others the runs" if planned else "The runs"
        text += f" {rest} do not say how that number was chosen. If it was chosen by looking at results elsewhere, the "
        text += "intervals are too narrow."
    few = [row.title for row in rows if 1 < row.n < _FEW]
    if few:
        text += f" With fewer than {_FEW} seeds ({enumeration(few)}) nothing shows whether values are normally "
        text += "distributed, as the intervals assume."
    alone = [row.title for row in rows if row.n + len(row.failures) == 1]
    if alone:
        text += f" One seed shows no spread ({enumeration(alone)})."
    return [lead("How n was chosen.", text)]


def _looks(table: ComparisonTable, rows: Sequence[ComparisonRow]) -> list[Words]:
    looked = _looked_at(rows)
    again = [f"{row.title} ({ordinal(look.number)} look)" for row, look in looked if look.number > 1 and not look.plan]
    waiting = [row.title for row, look in looked if look.showing == "withheld"]
    metrics = sorted({metric for _, look in looked for metric in look.other_metrics})
    if again:
        text = "Looked at before with other seeds, so that the interval is valid for any number of looks: "
        text += f"{enumeration(again)}."
    elif looked:
        text = "Every comparison that no plan decides is shown for the first time with these seeds, or has not "
        text += "changed since it was first shown."
    else:
        text = "No comparison is shown."
    if waiting:
        text += f" Not shown until the announced seeds have ended: {enumeration(waiting)}."
    if metrics:
        text += (
            f" Compared by other metrics as well: {enumeration(metrics)}; no verdict accounts for a choice among them."
        )
    text += (
        " Looks are recorded when a table is shown. Reading values from event files or charts is not recorded. "
        "Stopping as soon as a usual interval decides makes 17 false claims in 100 cases (a look after each of 3 to 10 "
        "seeds) instead of 5."
    )
    return [lead("Looks.", " ".join((text, *(sentence(remark) for remark in table.looking))))]


def _looked_at(rows: Sequence[ComparisonRow]) -> list[tuple[ComparisonRow, Look]]:
    return [(row, comparison.look) for row, comparison in _fair(rows) if comparison.look is not None]


def _choices(table: ComparisonTable, rows: Sequence[ComparisonRow]) -> list[Words]:
    judged = plural(table.judged, "comparison") if table.judged else "No comparison"
    text = f"{judged} of this table {'are' if table.judged > 1 else 'is'} judged"
    text += ", together, by Holm's method" if table.judged > 1 else ""
    if table.family > table.judged:
        text += f", among {table.family} that were tried, shown or not"
    text += f". {table.metric.tag}: {table.metric.selection}."
    chosen = [(row.title, finding.text) for row in rows for finding in row.all_findings if finding.code == "selection"]
    text += "".join(f" {title} is {words}." for title, words in chosen)
    sizes = Counter(row.experiment for row in rows)
    several = [f"{name} ({number} settings)" for name, number in sizes.items() if number > 1]
    if several:
        text += f" Tuned: {enumeration(several)}; the others were tried with one setting each."
    return [lead("Best of how many.", text)]


def _failed(rows: Sequence[ComparisonRow]) -> list[Words]:
    failed = [(row, Counter(failure.failure for failure in row.failures)) for row in rows if row.failures]
    if not failed:
        return [lead("Failed runs.", "No seed of a row diverged, crashed or learned nothing.")]
    listed = [
        f"{row.title}: {enumeration([f'{number} {what}' for what, number in kinds.items()])}, of "
        f"{plural(row.n + len(row.failures), 'seed')}"
        for row, kinds in failed
    ]
    text = (
        f"{'; '.join(listed)}. Means and intervals are of the seeds that learned; a gain is claimed only if it holds "
        "with the failed seeds counted at the worst value."
    )
    return [lead("Failed runs.", text)]


def _left_out(table: ComparisonTable, cells: Sequence[Cell]) -> list[Words]:
    shown, other = _shown(table, cells)
    hidden = [run for cell in other for run in all_runs(cell)]
    in_rows = _counted(table)
    further = [run for cell in shown for run in all_runs(cell) if run.id not in in_rows]
    if not hidden and not further:
        return [lead("Runs not shown.", "None: every run of this folder is in the table.")]
    parts = []
    if further:
        parts.append(f"{plural(len(further), 'run')} of the rows themselves ({_states(further)})")
    if hidden:
        titles = dict.fromkeys(cell.title for cell in other)
        parts.append(f"{plural(len(hidden), 'run')} of {enumeration([*titles])} ({_states(hidden)})")
    text = f"{enumeration(parts)}. The section on what was tried lists all of them."
    return [lead("Runs not shown.", text[0].upper() + text[1:])]


def _shown(table: ComparisonTable, cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells of the rows, and all others that have runs."""
    keys = {row.key for row in table.rows}
    return [cell for cell in cells if cell.key in keys], [cell for cell in cells if cell.key not in keys]


def _budgets(rows: Sequence[ComparisonRow]) -> list[Words]:
    unequal = [
        f"{row.title}: {numbers.ratio(comparison.budget)} compared with {comparison.against}"
        for row, comparison in _fair(rows)
        if abs(comparison.budget - 1) > BUDGET_MARGIN
    ]
    if not any(row.budget.images_seen for row in rows):
        return [lead("Budgets.", "Images seen are not known; the steps of each row are in the table of costs.")]
    if not unequal:
        return [lead("Budgets.", "Each row saw as many images as its baseline.")]
    text = f"Images seen differ. {'; '.join(unequal)}. A gain may come from the longer training alone."
    return [lead("Budgets.", text)]


def _confounded(rows: Sequence[ComparisonRow]) -> list[Words]:
    listed = []
    for row in rows:
        if comparison := row.declared:
            keys = list(dict.fromkeys(finding.key for finding in comparison.confounds))
            if keys:
                listed.append((row.title, comparison.against, ", ".join(keys), row.matched))
    if not listed:
        return [lead("Confounds.", "No row differs from its baseline in more than its declared factor.")]
    matched = [title for title, _, _, match in listed if match]
    by_cause: dict[str, list[str]] = {}
    for title, against, causes, _ in listed:
        by_cause.setdefault(f"{causes} ({against})", []).append(title)
    all_causes = "; ".join(f"{enumeration(titles)}: {cause}" for cause, titles in by_cause.items())
    text = f"These rows differ from their declared baseline in more than their factor: {all_causes}."
    if matched:
        text += f" Judged against a baseline that differs in the factor alone: {enumeration(matched)}."
    return [lead("Confounds.", text)]


def _fair(rows: Sequence[ComparisonRow]) -> list[tuple[ComparisonRow, Comparison]]:
    return [(row, row.comparison) for row in rows if row.comparison and row.comparison.delta is not None]


# --- What was tried -----------------------------------------------------------------------------------------------

_COLUMNS = ("finished", "failed", "stopped", "ended by the machine", "not finished yet", "counted")


def tried(table: ComparisonTable, cells: Sequence[Cell]) -> list[Block]:
    """Every setting of which any run was started, in the table or not, with what became of its runs."""
    counted = _counted(table)
    titles = {row.key: row.title for row in table.rows}
    lines = []
    for cell in cells:
        runs = all_runs(cell)
        if not runs:
            continue
        kinds = Counter(map(_kind, runs))
        numbers_of = (*(kinds[name] for name in _COLUMNS[:-1]), sum(run.id in counted for run in runs))
        place = "" if cell.key in titles else "not in the table"
        title = titles.get(cell.key, cell.title)
        lines.append(TableLine((title, str(len(runs)), *(str(number or "") for number in numbers_of), place)))
    if not lines:
        return []
    head = ("", "runs", *_COLUMNS, "in the table")
    caption = (
        "One line per setting and kind of device. Runs that the machine ended (disk, memory, device, a kill) say "
        "nothing about a setting and are not counted; earlier runs of a seed that ran again are counted only if they "
        "failed."
    )
    block = TableBlock(caption=caption, head=head, left=frozenset({"", "in the table"}), lines=tuple(lines))
    text = f"{total_cost(cells)} Runs whose folders were deleted are not in this list."
    return [Heading(2, "What was tried, failed and left out"), block, Paragraph(plain(text))]


def _kind(run: Run) -> str:
    if run.state is State.FINISHED:
        return "finished"
    if has_failed(run):
        return "failed"
    if run.state is State.STOPPED:
        return "stopped"
    return "not finished yet" if run.state in _RUNNING else "ended by the machine"


def _counted(table: ComparisonTable) -> set[str]:
    """The ids of the runs that decide a seed of a row."""
    values = (value.run for row in table.rows for value in row.values)
    return {*values, *(failure.run for row in table.rows for failure in row.failures)}


def _states(runs: Sequence[Run]) -> str:
    counts = Counter(_kind(run) for run in runs)
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())
