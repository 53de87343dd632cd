"""Records looks at comparisons before they are shown, and the seeds that a command announces.

See `labtui.compare.looks` for what a look is, and docs/verdicts.md for what it costs.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from labtui.api.lab import Lab
from labtui.errors import LabError, MachineError
from labtui.spec import Spec, recipe_hash
from labtui.store.files import read_json
from labtui.store.ledger import Ledger, LedgerEntry, ledger_of, now
from labtui.store.process import alive, boot_id, process_id
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.compare.looks import Looks
    from labtui.compare.model import ComparisonTable
    from labtui.compare.plans import Outcomes, Plan, PlannedComparison, PlanState

T = TypeVar("T")

_NO_LEDGER = "there is no folder in which looks could be recorded: each comparison is taken for a first look"

_ATTEMPTS = 20
"""Times that a comparison is made anew because another process has recorded a look meanwhile."""


def recorded(
    lab: Lab,
    runs: Sequence[Run],
    make: "Callable[[Looks], T]",
    tables: "Callable[[T], Iterable[ComparisonTable]]",
    *,
    peek: bool = False,
    foreign: bool = False,
) -> T:
    """What `make` makes of the earlier looks, after the looks that its tables are have been recorded.

    `foreign` says that the folder is another tool's: nothing is written into it. If another process records a look
    meanwhile, it is made anew: two consoles never both have the first look. Raises MachineError if the looks cannot be
    recorded.
    """
    from labtui.compare.looks import History, Looks, looks_of_table, new_looks, new_tries  # deferred: numpy

    try:
        ledger = ledger_of(lab.store.root, writable=lab.store.writable and not foreign)
    except MachineError:
        if not foreign:
            raise
        return _with_looking(make(Looks(peek=peek)), [_NO_LEDGER])
    plans = () if foreign else stored_plans(lab)
    for _ in range(_ATTEMPTS):
        content = ledger.read()
        looks = Looks(
            history=History(content.entries), plans=plans, awaited=awaited_seeds(content.entries, runs), peek=peek
        )
        made = make(looks)
        shown = {key: seeds for table in tables(made) for key, seeds in looks_of_table(table).items()}
        tries = {
            (entry.row, entry.baseline): entry
            for table in tables(made)
            for entry in new_tries(looks.history, table, now())
        }
        if ledger.append((*tries.values(), *new_looks(looks.history, shown.items(), now())), after=content):
            return _with_remarks(made, ledger, content.damaged, foreign=foreign)
    raise MachineError(
        f"Other processes keep recording looks in {ledger.path}.", advice="Close other consoles, and try again."
    )


def record_plan(lab: Lab, state: "PlanState", outcomes: "Outcomes") -> None:
    """Record the looks that a plan has taken: without its file they would have been looks like any other.

    Raises MachineError if they cannot be recorded.
    """
    from labtui.compare.looks import History, looks_of_plan, new_looks

    ledger = ledger_of(lab.store.root, writable=lab.store.writable)
    ledger.append(new_looks(History(ledger.entries()), looks_of_plan(state, outcomes), now()))


def tried_before(lab: Lab, comparisons: "Sequence[PlannedComparison]", metric: str) -> int:
    """How many comparisons were tried against the baselines of a plan, its own included, if it is made after a seed of
    one of its rows has ended: its rows may have been chosen for how they looked. 0 if none has.
    """
    runs = lab.store.scan()
    started = {recipe_hash(run.spec) for run in runs if run.spec is not None and run.state.is_over}
    if not any(one.row.recipe in started for one in comparisons):
        return 0
    from labtui.api.comparison import tried_rows

    own = {tuple(sorted((one.row.recipe, one.baseline.recipe))) for one in comparisons}
    entries = ledger_of(lab.store.root, writable=lab.store.writable).entries()
    return len(own | tried_rows(lab, runs, entries, {one.baseline.name for one in comparisons}, metric))


def announce(lab: Lab, specs: Iterable[Spec], *, starts_them: bool = False) -> None:
    """Record that these seeds will be trained: they make one look together, which waits for the last of them.

    `starts_them` says that this process still has to start some of them: they are awaited as long as it lives. A runs
    folder that cannot take the entry cannot take the runs either, so no error is raised here.
    """
    seeds: dict[str, set[int]] = defaultdict(set)
    for spec in specs:
        seeds[recipe_hash(spec)].add(spec.seed)
    process = process_id(os.getpid()) if starts_them else None
    when = now()
    entries = [
        LedgerEntry(
            kind="declared",
            time=when,
            row=recipe,
            row_seeds=tuple(sorted(numbers)),
            process=process,
            boot_id=boot_id() if process else "",
        )
        for recipe, numbers in seeds.items()
    ]
    ledger_of(lab.store.root, writable=lab.store.writable).append(entries)


def record_removal(lab: Lab, run: Run) -> None:
    """Record that a run which had ended was removed: a seed that is left out because of its value makes a gain.

    Nothing is raised: removing runs is what one does on a full disk.
    """
    if run.spec is None or run.foreign or run.state not in (State.FINISHED, State.DIVERGED):
        return
    entry = LedgerEntry(
        kind="removed",
        time=now(),
        row=recipe_hash(run.spec),
        row_seeds=(run.spec.seed,),
        baseline=run.spec.baseline or "",
    )
    with suppress(MachineError):
        ledger_of(lab.store.root, writable=lab.store.writable).append([entry])


def awaited_seeds(entries: Iterable[LedgerEntry], runs: Iterable[Run]) -> dict[str, tuple[int, ...]]:
    """The announced seeds, by recipe, that have not ended and may still: they are queued, train, or wait for a command
    that is still running.
    """
    from labtui.compare.looks import missing_seeds

    announced: dict[str, set[int]] = defaultdict(set)
    held: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.kind != "declared":
            continue
        announced[entry.row].update(entry.row_seeds)
        here = entry.process is not None and entry.process.pid == os.getpid()
        if entry.process is not None and not here and alive(entry.process, entry.boot_id):
            held[entry.row].update(entry.row_seeds)
    if not announced:
        return {}
    active: dict[str, set[int]] = defaultdict(set)
    ended: dict[str, set[int]] = defaultdict(set)
    for run in runs:
        if run.spec is None:
            continue
        recipe = recipe_hash(run.spec)
        if recipe in announced:
            (active if _may_end(run) else ended)[recipe].add(run.spec.seed)
    awaited = {}
    for recipe, seeds in announced.items():
        waiting = active[recipe] | (held[recipe] - ended[recipe])
        if missing := missing_seeds(seeds, ended=(), active=waiting):
            awaited[recipe] = missing
    return awaited


def stored_plans(lab: Lab) -> "tuple[Plan, ...]":
    """The plans of the runs folder, the oldest first. Files that are damaged are left out."""
    folder = lab.store.paths.plans
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError:
        return ()
    if not paths:
        return ()
    from labtui.compare.plans import Plan

    plans = []
    for path in paths:
        try:
            plans.append(read_json(path, Plan))
        except (LabError, OSError, msgspec.MsgspecError):
            continue
    return tuple(sorted(plans, key=lambda plan: plan.created))


def _may_end(run: Run) -> bool:
    """Whether a run is queued or trains. One that is neither started nor in the queue says so in its reason."""
    return not run.state.is_over and not (run.state is State.QUEUED and bool(run.reason))


def _with_remarks(made: T, ledger: Ledger, damaged: int, *, foreign: bool) -> T:
    """A table with what the user should know about the ledger."""
    remarks = []
    if ledger.is_elsewhere:
        whose = "another tool's, and only read" if foreign else "read-only"
        remarks.append(f"the runs folder is {whose}: looks are recorded in {ledger.path}")
    if damaged:
        lines = plural(damaged, "line")
        remarks.append(f"{lines} of the ledger cannot be read and {'is' if damaged == 1 else 'are'} not counted")
    return _with_looking(made, remarks)


def _with_looking(made: T, remarks: Sequence[str]) -> T:
    from labtui.compare.model import ComparisonTable

    if not isinstance(made, ComparisonTable) or not remarks:
        return made
    return msgspec.structs.replace(made, looking=(*made.looking, *remarks))
