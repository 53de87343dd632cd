"""One line of the list of experiments and runs, and how the list is looked at. Pure, no numpy."""

from dataclasses import dataclass

from labtui.console.data.snapshot import Trend
from labtui.spec import Variant
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
class Delta:
    """Points above a baseline."""

    value: float
    against: str
    """The baseline's title."""
    confounds: tuple[str, ...] = ()
    """What differs beyond the declared factor, in compare's words: then the points may come from that."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    key: str
    """`arm:adam@0.01`, `cell:Cifar/Dropout [epochs=1]`, `run:` and the run's id, `heading:…`, `fault:…`."""
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


def figure(run: Run, trend: Trend | None) -> Figure | None:
    """The final test accuracy of a run, else the live one as last seen."""
    last = run.result.last if run.result else {}
    if TEST_ACCURACY in last and run.state is State.FINISHED:
        return Figure(last[TEST_ACCURACY].number, TEST_ACCURACY, final=True)
    if trend is not None and trend.is_accuracy:
        return Figure(trend.last, trend.tag, final=False)
    live = next((tag for tag in LIVE_ACCURACY if tag in last), None)
    return Figure(last[live].number, live, final=False) if live else None
