"""Reads the runs of other tools for a comparison: their last values, the metric, their groups."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.api.lab import Lab
from labtui.api.metrics import MetricRequest, declared_tags, metrics_path
from labtui.compare.foreign import NO_RULES, GroupRules, grouped, title_of, titles_of
from labtui.errors import UsageError
from labtui.spec import Metric, MetricTerms, ProgramSpec
from labtui.store.recorder import as_stored
from labtui.store.records import LastValue, ProgramFile, Result
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import better_by_name
from labtui.text.words import enumeration, plural

if TYPE_CHECKING:
    from labtui.compare.run_data import RunData
    from labtui.store.curve import Curve

RECENT = 120.0
"""Seconds since the last change of a run within which it may still be training."""

_FEW = 12
"""Tags that a message lists."""


@dataclass(frozen=True, slots=True)
class ForeignRuns:
    """Runs of other tools, ready to be compared."""

    runs: tuple[Run, ...]
    """Each with a spec, and finished if it has a value of the metric."""
    metric: Metric
    run_data: "RunData"
    titles: tuple[str, ...]
    """Of the groups."""
    by_run: Mapping[str, str]
    """The title of each run's group, by the run's id."""
    baseline: str | None
    """The title of the group that the others are compared with."""
    remarks: tuple[str, ...]

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        """The titles of the groups that these names select. Raises UsageError."""
        return tuple(dict.fromkeys(title for name in names for title in self._titles(name)))

    def title(self, name: str) -> str:
        """The title of the only group that a name fits: a run's, a title, or a part of one. Raises UsageError."""
        return self.by_run.get(name) or title_of(name, self.titles)

    def _titles(self, name: str) -> tuple[str, ...]:
        return (self.by_run[name],) if name in self.by_run else titles_of(name, self.titles)


def are_foreign(runs: Sequence[Run]) -> bool:
    """Whether a folder holds runs of other tools and none of labtui's own: then these are compared."""
    return any(run.foreign for run in runs) and all(run.foreign for run in runs)


def without_entries(lab: Lab) -> Lab:
    """The lab without the entries of its catalog: they are about other runs."""
    return replace(lab, catalog=replace(lab.catalog, experiments=()))


def open_foreign(
    lab: Lab,
    runs: Sequence[Run],
    *,
    metric: Metric | MetricRequest | str | None = None,
    rules: GroupRules | None = None,
    baseline: str | None = None,
    guess: bool = False,
) -> ForeignRuns:
    """Read what the runs recorded, and group them.

    Without a metric it is the only one that the catalog or the user's metrics.toml declares and the runs have; with
    `guess`, else the first that they have in common. Raises UsageError if there is no metric, and for names that no
    group or hyperparameter has.
    """
    from labtui.compare.run_data import RunData  # deferred: numpy

    curves = _reader(runs)
    results = {run.id: _result(curves(run.folder)) for run in runs}
    found = _metric(lab, metric, results, guess=guess)
    rules = rules or NO_RULES
    name = lab.store.root.absolute().name
    groups = grouped(runs, rules, found, group=name)
    by_run = {run_id: spec.title for run_id, spec in groups.specs.items()}
    if baseline is not None:
        baseline = by_run.get(baseline) or title_of(baseline, groups.titles)
        groups = grouped(runs, rules, found, baseline=baseline, group=name)
    known = [_as_finished(run, groups.specs[run.id], results[run.id], found) for run in runs if run.id in groups.specs]
    lacking = sum(run.state is not State.FINISHED for run in known)
    remarks = [*groups.remarks, *_recent(known)]
    if lacking and lacking < len(known):
        remarks.append(f"{plural(lacking, 'run')} without a value of {found.tag}, or still training: not counted")
    if lacking == len(known):
        raise _no_metric(f"No run has {found.tag!r}.", results)
    return ForeignRuns(
        tuple(known),
        found,
        RunData(curves).without_predictions(),
        groups.titles,
        by_run,
        baseline,
        tuple(remarks),
    )


def recorded_tags(results: Mapping[str, Result]) -> dict[str, int]:
    """In how many runs each tag was recorded: those of most runs first, then by name."""
    counts = Counter(tag for result in results.values() for tag in result.last)
    return {tag: counts[tag] for tag in sorted(counts, key=lambda tag: (-counts[tag], tag))}


def foreign_tags(runs: Sequence[Run], most: int = 20) -> tuple[str, ...]:
    """The tags by which runs of other tools can be compared, as the newest of them recorded them."""
    curves = _reader(runs)
    return tuple(recorded_tags({run.id: _result(curves(run.folder)) for run in runs[:most]}))


# --- Metric -------------------------------------------------------------------------------------------------------


def _metric(
    lab: Lab, metric: Metric | MetricRequest | str | None, results: Mapping[str, Result], *, guess: bool
) -> Metric:
    if isinstance(metric, Metric):
        return metric
    request = metric if isinstance(metric, MetricRequest) else MetricRequest(metric, MetricTerms())
    tag = request.tag
    tags = recorded_tags(results)
    declared = [tag for tag in tags if tag in declared_tags(lab)]
    if tag is None and len(declared) == 1:
        tag = declared[0]
    if tag is None and guess and tags:
        tag = min(tags, key=lambda one: (better_by_name(one) is None, "train" in one.lower()))
    if tag is None:
        raise _no_metric("Which metric are these runs compared by?", results)
    return request._replace(tag=tag, names=()).resolve(without_entries(lab))


def _no_metric(message: str, results: Mapping[str, Result]) -> UsageError:
    tags = recorded_tags(results)
    if not tags:
        return UsageError(
            "No run has recorded any scalar: there is nothing to compare.", advice="`labtui ps` lists them."
        )
    listed = [f"{tag} ({plural(count, 'run')})" for tag, count in [*tags.items()][:_FEW]]
    more = [f"{len(tags) - _FEW:,} more"] if len(tags) > _FEW else []
    return UsageError(
        message,
        advice=f"They recorded {enumeration([*listed, *more])}. Choose one with --metric TAG; declare it once for all "
        f'folders in {metrics_path()}: [metric."TAG"] with better = "higher" or "lower".',
    )


# --- Runs ---------------------------------------------------------------------------------------------------------


def _reader(runs: Iterable[Run]) -> "Callable[[Path], Mapping[str, Curve]]":
    """Reads the curves of a run's folder; none if they cannot be read."""
    from labtui.store.curve_cache import CurveCache  # deferred: numpy
    from labtui.store.reader import read_curves

    below = {run.folder: run.below for run in runs}
    cache = CurveCache.of_user(os.environ)

    def curves(folder: Path) -> "Mapping[str, Curve]":
        try:
            return read_curves(folder, cache, foreign=True, below=below.get(folder, ()))
        except OSError:
            return {}

    return curves


def _result(curves: "Mapping[str, Curve]") -> Result:
    """What a run recorded, as the result of a run of labtui's own says it."""
    known = [curve for curve in curves.values() if len(curve)]
    times = [float(time) for curve in known for time in (curve.wall_times[0], curve.wall_times[-1]) if time == time]
    return Result(
        attempt=0,
        outcome="finished",
        last={
            curve.tag: LastValue(step=int(curve.steps[-1]), value=as_stored(float(curve.values[-1]))) for curve in known
        },
        steps=max((int(curve.steps[-1]) for curve in known), default=0),
        seconds=max(times) - min(times) if times else 0.0,
    )


def _as_finished(run: Run, spec: ProgramSpec, result: Result, metric: Metric) -> Run:
    """The run with its spec; with its result, and finished, if it is quiet and has a value of the metric."""
    content = ProgramFile(run_id=run.id, created=run.modified, labtui="", program=spec)
    if run.state.is_active or metric.tag not in result.last:
        return replace(run, spec_file=content)
    return replace(run, spec_file=content, state=State.FINISHED, result=result)


def _recent(runs: Iterable[Run]) -> list[str]:
    """A remark on runs that changed a moment ago: only an observer that stays sees whether they still grow."""
    recent = [run for run in runs if run.state is State.FINISHED and time.time() - run.modified < RECENT]
    if not recent:
        return []
    count = plural(len(recent), "run")
    return [f"{count} changed less than {RECENT / 60:.0f} minutes ago and may still be training: {recent[-1].id}"]
