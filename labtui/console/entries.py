"""The list of experiments and runs: what stands in it, in which order, with which figures. Pure, no numpy.

An arm of the catalog is one entry, run or not. Its runs are told apart by seed; runs with overrides form an entry of
their own, as do runs of experiments that the catalog does not know, and foreign runs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from labtui.catalog import Catalog, Fault
from labtui.clean import clean_line
from labtui.console import filters
from labtui.console.snapshot import Snapshot, Trend
from labtui.spec import Arm
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import LIVE_ACCURACY, TEST_ACCURACY

SORTS = ("catalog", "accuracy", "delta", "newest")
"""What the sort key goes through."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An accuracy in percent, and whether it is the final one of a finished run."""

    value: float
    tag: str
    final: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    key: str
    """`arm:adam@0.01`, `cell:Cifar/Dropout [epochs=1]`, `run:` and the run's id, `heading:…`, `fault:…`."""
    title: str
    note: str = ""
    arm: Arm | None = None
    runs: tuple[Run, ...] = ()
    """Newest first; a single run's entry has one."""
    depth: int = 0
    folded: bool | None = None
    """None where there is nothing to unfold."""
    figure: Figure | None = None
    """Of the one run, or the mean of the finished ones."""
    spread: float | None = None
    """Unbiased standard deviation over `count` seeds, where there are several."""
    count: int = 0
    delta: float | None = None
    """Points above the baseline's mean."""
    is_baseline: bool = False

    @property
    def run(self) -> Run | None:
        """The run that the entry stands for: one that is under way, else the newest."""
        return next((run for run in self.runs if run.state.is_active), self.runs[0] if self.runs else None)

    @property
    def is_heading(self) -> bool:
        """Whether the line only divides others."""
        return self.key.startswith("heading:")

    @property
    def is_fault(self) -> bool:
        """Whether the line tells what is wrong with the catalog."""
        return self.key.startswith("fault:")


@dataclass(frozen=True, slots=True)
class Choice:
    """How the list is looked at; kept between starts."""

    filter: str = ""
    sort: str = "catalog"
    baseline: str | None = None
    """Key of the entry that deltas are taken against, in place of each one's declared baseline."""
    unfolded: frozenset[str] = frozenset()


def entries(catalog: Catalog, snapshot: Snapshot, choice: Choice) -> tuple[Entry, ...]:
    """The whole list, filtered, sorted, unfolded."""
    of_arms, others = _groups(catalog, snapshot.runs)
    top = [_arm_entry(arm, of_arms.get(arm.spec.name, ()), snapshot) for arm in catalog.arms]
    rest = [_cell_entry(key, runs, snapshot) for key, runs in others.items()]
    everything = _with_deltas([*top, *rest], choice)
    passing = _filtered(everything, choice.filter)
    if choice.sort != "catalog":
        passing = sorted(passing, key=_ORDERS[choice.sort])
        return tuple(line for entry in passing for line in _unfolded(entry, snapshot, choice))
    shown = [line for entry in passing if entry.arm for line in _unfolded(entry, snapshot, choice)]
    for entry in passing:
        if not entry.arm:
            if not any(line.key == "heading:others" for line in shown) and catalog.arms:
                shown.append(Entry("heading:others", "not in this catalog"))
            shown.extend(_unfolded(entry, snapshot, choice))
    return (*shown, *_faults(catalog))


def figure(run: Run, trend: Trend | None) -> Figure | None:
    """The final test accuracy of a run, else the live one as last seen."""
    last = run.result.last if run.result else {}
    if TEST_ACCURACY in last and run.state is State.FINISHED:
        return Figure(last[TEST_ACCURACY].number, TEST_ACCURACY, final=True)
    if trend is not None and trend.is_accuracy:
        return Figure(trend.last, trend.tag, final=False)
    live = next((tag for tag in LIVE_ACCURACY if tag in last), None)
    return Figure(last[live].number, live, final=False) if live else None


# --- Grouping -----------------------------------------------------------------------------------------------------


def _groups(catalog: Catalog, runs: Iterable[Run]) -> tuple[dict[str, list[Run]], dict[str, list[Run]]]:
    """Runs by arm of the catalog, and the others by cell; newest first in each."""
    names = {arm.spec.name for arm in catalog.arms}
    of_arms: dict[str, list[Run]] = defaultdict(list)
    others: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.spec is not None and run.name in names and not run.spec.overrides:
            of_arms[run.name].append(run)
        elif run.spec is not None:
            others[f"cell:{run.group}/{run.display_title}"].append(run)
        else:
            others[f"run:{run.id}"].append(run)
    return of_arms, others


def _arm_entry(arm: Arm, runs: Sequence[Run], snapshot: Snapshot) -> Entry:
    entry = Entry(f"arm:{arm.spec.name}", clean_line(arm.spec.display_title), arm=arm)
    if not runs:
        return entry
    group = runs[0].group
    note = "" if group == arm.spec.group else clean_line(group)
    return _summed(replace(entry, note=note), runs, snapshot)


def _cell_entry(key: str, runs: Sequence[Run], snapshot: Snapshot) -> Entry:
    first = runs[0]
    if first.foreign:
        return _summed(Entry(key, clean_line(first.id)), runs, snapshot)
    return _summed(Entry(key, first.display_title, note=clean_line(first.group)), runs, snapshot)


def _summed(entry: Entry, runs: Sequence[Run], snapshot: Snapshot) -> Entry:
    """With the figures of its runs: the mean over finished seeds, or what the one run has."""
    several = len(runs) > 1
    finished = _newest_per_seed(run for run in runs if run.state is State.FINISHED and run.group == runs[0].group)
    finals = [one for run in finished if (one := figure(run, None)) and one.final]
    entry = replace(entry, runs=tuple(runs), folded=True if several else None)
    if finals:
        values = [one.value for one in finals]
        spread = stdev(values) if len(values) > 1 else None
        return replace(entry, figure=Figure(fmean(values), TEST_ACCURACY, final=True), spread=spread, count=len(values))
    shown = entry.run
    return replace(entry, figure=figure(shown, snapshot.trends.get(shown.id)) if shown else None)


def _newest_per_seed(runs: Iterable[Run]) -> list[Run]:
    newest: dict[int | None, Run] = {}
    for run in runs:
        newest.setdefault(run.seed, run)
    return list(newest.values())


def _unfolded(entry: Entry, snapshot: Snapshot, choice: Choice) -> list[Entry]:
    """The entry and, where it is unfolded, a line for each of its runs."""
    if entry.folded is None or entry.key not in choice.unfolded:
        return [entry]
    children = [
        Entry(
            f"run:{run.id}",
            f"seed {run.seed}",
            note="" if run.group == entry.runs[0].group else clean_line(run.group),
            runs=(run,),
            depth=1,
            figure=figure(run, snapshot.trends.get(run.id)),
        )
        for run in entry.runs
    ]
    return [replace(entry, folded=False), *children]


def _faults(catalog: Catalog) -> list[Entry]:
    return [Entry(f"fault:{index}", clean_line(_place(fault))) for index, fault in enumerate(catalog.faults)]


def _place(fault: Fault) -> str:
    """Line, key and message; the file is the catalog's own, which the title names."""
    line = f"line {fault.line}: " if fault.line else ""
    key = f"{fault.key}: " if fault.key else ""
    return f"{line}{key}{fault.message}"


# --- Deltas, order, filter ----------------------------------------------------------------------------------------


def _with_deltas(everything: Sequence[Entry], choice: Choice) -> list[Entry]:
    """Final means against the mean of the chosen entry, or of the baseline that each arm's experiment declares."""
    finals = {entry.key: entry.figure.value for entry in everything if entry.figure and entry.figure.final}
    declared = _declared(everything)
    used = {choice.baseline} if choice.baseline else set(declared.values())
    return [
        replace(
            entry,
            delta=_delta(entry, choice.baseline or declared.get(entry.key), finals),
            is_baseline=entry.key in used,
        )
        for entry in everything
    ]


def _declared(everything: Iterable[Entry]) -> dict[str, str]:
    """The key of the entry that an entry's experiment names as its baseline."""
    specs = {entry.key: entry.arm.spec if entry.arm else entry.runs[0].spec for entry in everything}
    return {key: f"arm:{spec.baseline}" for key, spec in specs.items() if spec is not None and spec.baseline}


def _delta(entry: Entry, baseline: str | None, finals: Mapping[str, float]) -> float | None:
    if baseline is None or baseline == entry.key or baseline not in finals or entry.key not in finals:
        return None
    return finals[entry.key] - finals[baseline]


def _accuracy_first(entry: Entry) -> tuple[bool, float]:
    return entry.figure is None, -entry.figure.value if entry.figure else 0.0


def _delta_first(entry: Entry) -> tuple[bool, float]:
    return entry.delta is None, -(entry.delta or 0.0)


def _newest_first(entry: Entry) -> tuple[bool, float]:
    return not entry.runs, -max((run.created for run in entry.runs), default=0.0)


_ORDERS: dict[str, Callable[[Entry], tuple[bool, float]]] = {
    "accuracy": _accuracy_first,
    "delta": _delta_first,
    "newest": _newest_first,
}


def _filtered(everything: Sequence[Entry], text: str) -> list[Entry]:
    if not text.strip():
        return list(everything)
    test = filters.parse(text)
    return [entry for entry in everything if test(_fields(entry))]


def _fields(entry: Entry) -> filters.Fields:
    words = [entry.title, entry.note, entry.arm.spec.name if entry.arm else ""]
    words += [run.id for run in entry.runs]
    return filters.Fields(" ".join(words), frozenset(str(run.state) for run in entry.runs))
