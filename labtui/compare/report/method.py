"""How the experiments were run and judged, with what, how to repeat them, and what the words mean."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from labtui.compare.cells import Cell, run_requests
from labtui.compare.findings.confounds import run_environment
from labtui.compare.model import ComparisonTable, RunRequest, Verdict
from labtui.compare.render.commands import joined_plans, run_command
from labtui.compare.report.document import (
    Block,
    Bullets,
    Commands,
    Heading,
    Paragraph,
    TableBlock,
    TableLine,
    Words,
    lead,
    plain,
)
from labtui.spec import RunSpec
from labtui.text.words import sentence, value_text

_PROTOCOLS = {
    "report": (
        "As the code of the original lab report, including its quirks: it tests after every epoch, never leaves "
        "training mode (dropout is active in tests), gives the last, smaller batch the weight of a full one, and "
        "prints losses on a scale of its own. At the end each network is tested once more, in evaluation mode, on "
        "the plain test images: this gives test/accuracy and test/loss."
    ),
    "standard": (
        "Mean cross-entropy, evaluation mode for every test, some training images held out for validation (val/…), and "
        "the test images used once, at the end."
    ),
}


_PROGRAMS = (
    "Each run is one execution of the command that its recipe shows, with its seed. What the program does, and on "
    "which data its metrics are measured, labtui does not see: it reads the metrics that the program records."
)


_FOREIGN = (
    "Other tools made these runs and recorded them for TensorBoard. Those with the same hyperparameters, but for the "
    "seed, are one row; labtui knows of a run what its folder says, and nothing else that may have differed."
)


def protocol(table: ComparisonTable, cells: Mapping[str, Cell]) -> list[Block]:
    """How training, selection and judging went."""
    known = [cells[row.key] for row in table.rows if row.key in cells]
    if not known:
        return []
    specs = [cell.engine_spec for cell in known if cell.engine_spec]
    items: list[Words] = [
        *(lead(f"The {name} protocol.", _PROTOCOLS[name]) for name in dict.fromkeys(spec.protocol for spec in specs)),
        *([lead("Training.", _training(specs))] if specs else []),
        *(
            [lead("Programs.", _PROGRAMS)]
            if any(not cell.engine_spec and not cell.spec.is_foreign for cell in known)
            else []
        ),
        *([lead("Other tools.", _FOREIGN)] if any(cell.spec.is_foreign for cell in known) else []),
        lead("Seeds.", _seeds(table)),
        lead("Selection.", f"{sentence(table.metric.selection)}"),
        lead("Judging.", _judging(table)),
    ]
    return [Heading(2, "Protocol"), Bullets(tuple(items))]


def _training(specs: list[RunSpec]) -> str:
    epochs = _several(str(spec.epochs) for spec in specs)
    batches = _several(str(spec.training.batch_size) for spec in specs)
    models = _several(str(type(spec.model).__struct_config__.tag) for spec in specs)
    sets = _several(value_text(spec.dataset) for spec in specs)
    return (
        f"{epochs} epochs in batches of {batches} on {sets}; model {models}. Every key of every recipe is listed below."
    )


def _seeds(table: ComparisonTable) -> str:
    what = " A seed fixes the initial weights and the order of the images." if table.metric.own else ""
    counts = sorted({row.n + len(row.failures) for row in table.rows})
    if counts == [1]:
        return (
            "One each. One seed shows no spread, so no difference is judged; each row says how many seeds are needed."
        )
    between = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"{between} per experiment.{what} Each number is a mean over seeds; sd is the standard deviation over seeds."


def _judging(table: ComparisonTable) -> str:
    comparisons = [comparison for row in table.rows for comparison in row.comparisons]
    effects = {f"{comparison.smallest_effect:g}" for comparison in comparisons if comparison.smallest_effect}
    least = (
        f" A difference of less than {_several(effects)} {table.metric.delta_unit} does not matter here."
        if effects
        else ""
    )
    if not table.metric.own:
        return (
            "A difference is judged by Welch's t test over seeds: whether a seed means the same draws in two programs "
            "is not known. The intervals are adjusted by Holm's method, so that at most one table of twenty has a "
            f"false gain or loss.{least} A row is not judged if anything but its declared factor differs from the "
            "baseline."
        )
    return (
        "A difference is judged by a paired t test over seeds if a seed means the same weights and image order on both "
        "sides, else by Welch's t test. The intervals are adjusted by Holm's method, so that at most one table of "
        f"twenty has a false gain or loss.{least} A row is not judged if anything but its declared factor differs "
        "from the baseline."
    )


def _several(words: Iterable[str]) -> str:
    return " or ".join(sorted(set(words)))


def environment(cells: Mapping[str, Cell], table: ComparisonTable) -> list[Block]:
    """Device, threads, versions and commit of all runs. Differences between rows are in the sections of these rows."""
    environments: dict[str, set[str]] = {}
    for row in table.rows:
        cell = cells.get(row.key)
        for key, values in (run_environment(cell) if cell else {}).items():
            environments.setdefault(key, set()).update(values)
    if not environments:
        return []
    lines = tuple(TableLine((key, ", ".join(sorted(values)))) for key, values in environments.items())
    head = ("", "of all runs")
    block = TableBlock(caption="Environment of the runs.", head=head, left=frozenset(head), lines=lines)
    return [Heading(2, "Environment"), block]


def repeat(cells: Mapping[str, Cell], table: ComparisonTable) -> list[Block]:
    """The commands that repeat the runs and this report, and those that would decide the undecided rows."""
    lines = [run_command([request]) for request in _joined([one for row in table.rows for one in row.again])]
    if cells and all(cell.spec.is_foreign for cell in cells.values()):
        return []
    blocks: list[Block] = [Heading(2, "How to reproduce"), Commands((*lines, "labtui report"))]
    missing = _missing_seeds(cells, table)
    return (
        [
            *blocks,
            Paragraph(plain("To decide the undecided rows (looking at a plan while it runs costs nothing):")),
            Commands(missing),
        ]
        if missing
        else blocks
    )


def _joined(requests: Sequence[RunRequest]) -> list[RunRequest]:
    """The requests, those with equal seeds and overrides as one."""
    joined: list[RunRequest] = []
    for request in (request for request in requests if request.seeds):
        same = [one for one in joined if (one.seeds, one.overrides) == (request.seeds, request.overrides)]
        if same:
            names = tuple(dict.fromkeys((*same[0].names, *request.names)))
            joined[joined.index(same[0])] = msgspec.structs.replace(same[0], names=names)
        else:
            joined.append(request)
    return joined


def _missing_seeds(cells: Mapping[str, Cell], table: ComparisonTable) -> tuple[str, ...]:
    """Plans that end when a row is decided; else one command per number of seeds, fewest first."""
    lacking: dict[int, dict[str, Cell]] = {}
    requests: list[RunRequest] = []
    for need in (comparison.need for row in table.rows for comparison in row.comparisons):
        if need and any(request.until for request in need.runs):
            requests += need.runs
        elif need and need.seeds:
            lacking.setdefault(need.seeds, {}).update({key: cells[key] for key in need.keys if key in cells})
    plans = tuple(run_command([plan]) for plan in joined_plans(requests))
    seeds = tuple(run_command(run_requests(lacking[seeds].values(), tuple(range(seeds)))) for seeds in sorted(lacking))
    return tuple(filter(None, (*plans, *seeds)))


_WORDS = {
    "Factor.": "What an experiment declares that it changes. Only that is under test.",
    "Baseline, matched baseline.": (
        "What a row is compared with. If the declared baseline differs in more than the factor, the row is judged "
        "against a run that differs in the factor alone: the matched baseline."
    ),
    "Confounded.": (
        "Something else differs as well, so the difference cannot be attributed to the factor. It is shown, not judged."
    ),
    "Gain, loss.": (
        "The whole interval lies on one side of zero. The direction is shown; the size is somewhere in the interval. "
        "“Budget ×2”: the row also processed twice as many images."
    ),
    f"{Verdict.NO_DIFFERENCE.capitalize()}.": (
        "The whole interval lies within the smallest effect that was declared to matter."
    ),
    "Undecided.": (
        "The interval contains both zero and effects that would matter. It is not “no effect”: more seeds are needed, "
        "and the row says how many."
    ),
    "Not judged.": "One seed, nothing to compare with, a confound, or a baseline that has learned nothing.",
    "95% interval.": (
        "95 of 100 such intervals contain the true difference if the values of seeds are normally distributed. Those "
        "of judged rows are wider (Holm), because a table of many rows gives chance many opportunities."
    ),
    "Image by image.": (
        "Which test images one trained network gets right and another gets wrong. It is about these two networks; "
        "other seeds give other results."
    ),
    "Not learning, not learning yet.": (
        "At chance: no better than guessing. Not learning: the loss is flat. Not learning yet: it is still falling."
    ),
}


def glossary() -> list[Block]:
    """What the words of the report mean."""
    return [
        Heading(2, "Glossary"),
        Bullets(tuple(lead(term, meaning) for term, meaning in _WORDS.items())),
    ]
