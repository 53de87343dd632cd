"""What is asked of a comparison, and when an answer is out of date. Knows no screen."""

from collections.abc import Iterable
from dataclasses import dataclass

from labtui.api import Lab
from labtui.api.comparison import compare_experiments
from labtui.compare.model import ComparisonTable
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import TEST_ACCURACY, TEST_LOSS


@dataclass(frozen=True, slots=True)
class Asked:
    """A comparison."""

    names: tuple[str, ...] = ()
    """Experiments, members or titles; none means everything that has run."""
    metric: str = TEST_ACCURACY
    baseline: str | None = None


def judge(lab: Lab, asked: Asked) -> ComparisonTable:
    """The answer. Raises LabErrors."""
    return compare_experiments(lab, asked.names, metric=asked.metric, baseline=asked.baseline)


def stamp(runs: Iterable[Run]) -> int:
    """Changes when an answer may have: a run has ended, come or gone."""
    return hash(frozenset((run.id, run.state, run.modified if run.state is State.FINISHED else 0.0) for run in runs))


def metrics(runs: Iterable[Run]) -> tuple[str, ...]:
    """What finished runs can be compared by: the final figures first, then everything else that they recorded."""
    found = {tag for run in runs if run.state is State.FINISHED and run.result for tag in run.result.last}
    first = [tag for tag in (TEST_ACCURACY, TEST_LOSS) if tag in found]
    return (*first, *sorted(found - set(first))) or (TEST_ACCURACY,)
