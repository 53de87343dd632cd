"""One entry of the list of experiments and runs, the options of the list, and its marks. Pure, no numpy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from string import ascii_uppercase
from typing import NamedTuple

from labtui.compare.metrics import TableMetric
from labtui.compare.metrics import metric as metric_of
from labtui.console.data.plans import PlanProgress
from labtui.console.data.snapshot import Trend
from labtui.spec import Better, Variant
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import DEFAULT_METRIC, LIVE_ACCURACY
from labtui.text.numbers import accuracy, loss

DEFAULT = metric_of(DEFAULT_METRIC)
"""The metric that an entry is judged by if it declares no other."""

SORTS = ("catalog", "accuracy", "delta", "newest")
"""The orders that the sort key goes through."""

SETTING = "hyperparameter:"
"""How the key of a column of hyperparameters begins, which is also the name of an order."""


class EntryKind(StrEnum):
    """What an entry shows; the values are saved."""

    VARIANT = "arm"
    """A variant of the catalog, with its runs."""
    CELL = "cell"
    """Runs with overrides, or of an experiment that is not in the catalog."""
    RUN = "run"
    HEADING = "heading"
    PROBLEM = "fault"
    """A problem of the catalog."""


class EntryKey(NamedTuple):
    """The key of an entry, which stays the same from snapshot to snapshot; as text it is saved."""

    kind: EntryKind
    name: str
    """Name of the variant, title of the cell, id of the run."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "EntryKey | None":
        """The key of a saved text; None if it is not one."""
        kind, _, name = text.partition(":")
        return cls(EntryKind(kind), name) if kind in set(EntryKind) else None


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of the metric that an entry is judged by, and whether it is the final one of a finished run."""

    value: float
    """Accuracies in percent."""
    tag: str
    final: bool
    better: Better | None = "higher"
    """None where nobody declared it: then no order says which entry is best."""
    digits: int = 2

    @property
    def text(self) -> str:
        """The value as tables show it."""
        return self.written(self.value)

    def written(self, value: float) -> str:
        """Another value of the metric, as tables show it."""
        return accuracy(value) if self.digits == 2 else loss(value)


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference to a baseline, in the unit of the metric."""

    value: float
    against: str
    """The baseline's title."""
    confounds: tuple[str, ...] = ()
    """What differs beyond the declared factor, as compare words it: the difference may come from that."""
    unit: str = "points"
    digits: int = 2


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One line of the list."""

    key: EntryKey
    title: str
    note: str = ""
    variant: Variant | None = None
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
    delta: Delta | None = None
    is_baseline: bool = False
    plan: PlanProgress | None = None
    """The newest plan that has this entry as a row, else as a baseline."""

    @property
    def run(self) -> Run | None:
        """The run that the entry shows: an active one, else the newest."""
        return next((run for run in self.runs if run.state.is_active), self.runs[0] if self.runs else None)

    @property
    def tags(self) -> tuple[str, ...]:
        """The words that its runs are tagged with, each once."""
        return tuple(dict.fromkeys(tag for run in self.runs for tag in run.tags))

    @property
    def name(self) -> str:
        """The name that a comparison knows it by."""
        return self.variant.spec.name if self.variant else self.title

    @property
    def is_heading(self) -> bool:
        """Whether the line is a heading over others."""
        return self.key.kind is EntryKind.HEADING

    @property
    def is_problem(self) -> bool:
        """Whether the line shows a problem of the catalog."""
        return self.key.kind is EntryKind.PROBLEM


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How the list is filtered, sorted and unfolded; saved between starts."""

    filter: str = ""
    sort: str = "catalog"
    baseline: EntryKey | None = None
    """Key of the entry that deltas are taken against, instead of the declared baselines."""
    unfolded: frozenset[EntryKey] = frozenset()


def figure(run: Run, trend: Trend | None, metric: TableMetric = DEFAULT) -> Figure | None:
    """The final value of a finished run, else (of the default metric) the last live accuracy; None without either."""
    last = run.result.last if run.result else {}
    if metric.tag in last and run.state is State.FINISHED:
        return final_figure(last[metric.tag].number, metric)
    if trend is not None and run.spec is not None and not run.has_own_tags and trend.tag == metric.tag:
        return replace(final_figure(trend.last, metric), final=False)
    if metric.tag != DEFAULT_METRIC:
        return None
    if trend is not None and trend.is_accuracy:
        return Figure(trend.last, trend.tag, final=False)
    live = next((tag for tag in LIVE_ACCURACY if tag in last), None)
    return Figure(last[live].number, live, final=False) if live else None


def final_figure(value: float, metric: TableMetric) -> Figure:
    """A final value of a metric as it was logged."""
    shown = 100 * value if metric.percent else value
    return Figure(shown, metric.tag, final=True, better=metric.better, digits=metric.digits)


@dataclass(frozen=True, slots=True)
class Marks:
    """A letter A to Z per marked entry, which stays the same while other marks come and go. An immutable value."""

    letters: tuple[tuple[str, EntryKey], ...] = ()
    """(letter, key), in the order of the alphabet."""

    def letter(self, key: EntryKey) -> str:
        """The letter of a key; empty where it has none."""
        return next((letter for letter, marked in self.letters if marked == key), "")

    @property
    def keys(self) -> tuple[EntryKey, ...]:
        """The marked keys in the order of their letters."""
        return tuple(key for _, key in self.letters)

    def toggled(self, key: EntryKey) -> "Marks":
        """With this key marked by the first free letter, or its mark removed; unchanged if all 26 letters are taken."""
        if self.letter(key):
            return Marks(tuple(pair for pair in self.letters if pair[1] != key))
        taken = {letter for letter, _ in self.letters}
        free = next((letter for letter in ascii_uppercase if letter not in taken), "")
        return Marks(tuple(sorted((*self.letters, (free, key))))) if free else self

    def as_dict(self) -> dict[str, str]:
        """Keys by letter, as they are saved."""
        return {letter: str(key) for letter, key in self.letters}

    @classmethod
    def from_mapping(cls, letters: Mapping[str, str]) -> "Marks":
        """The marks that `as_dict` returned; what is not a letter is ignored."""
        keys = {letter: EntryKey.parse(text) for letter, text in letters.items()}
        valid = {letter: key for letter, key in keys.items() if key and len(letter) == 1 and letter in ascii_uppercase}
        return cls(tuple(sorted(valid.items())))


def ink_of(letter: str) -> int:
    """The series colour of a letter: the same in list, charts and tables."""
    from labtui.console.palettes import SERIES

    return (ord(letter) - ord("A")) % SERIES if letter else 0
