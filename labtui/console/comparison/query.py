"""What a comparison asks for, and when its answer is out of date. No Textual here."""

from collections.abc import Iterable
from dataclasses import dataclass

from labtui.api import Lab
from labtui.api.comparison import compare_experiments
from labtui.compare.model import ComparisonTable
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import TEST_ACCURACY, TEST_LOSS


@dataclass(frozen=True, slots=True)
class ComparisonQuery:
    """What is compared."""

    names: tuple[str, ...] = ()
    """Experiments, members or titles; none means everything that has run."""
    metric: str = TEST_ACCURACY
    baseline: str | None = None


def answer(lab: Lab, query: ComparisonQuery) -> ComparisonTable:
    """The table of a query. Raises LabErrors."""
    return compare_experiments(lab, query.names, metric=query.metric, baseline=query.baseline)


def results_version(runs: Iterable[Run]) -> int:
    """A number that changes when an answer may change: when a run ends, appears or disappears."""
    return hash(frozenset((run.id, run.state, run.modified if run.state is State.FINISHED else 0.0) for run in runs))


def metrics(runs: Iterable[Run]) -> tuple[str, ...]:
    """The metrics that finished runs can be compared by: the final ones first, then the other recorded tags."""
    tags = {tag for run in runs if run.state is State.FINISHED and run.result for tag in run.result.last}
    first = [tag for tag in (TEST_ACCURACY, TEST_LOSS) if tag in tags]
    return (*first, *sorted(tags - set(first))) or (TEST_ACCURACY,)
