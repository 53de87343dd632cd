"""Which metric runs are compared by, and what its values mean: the first place that declares it counts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from labtui.api.lab import Lab
from labtui.catalog import load_metrics
from labtui.errors import LabError, UsageError
from labtui.spec import Better, EntryMetric, Experiment, Metric, MetricTerms
from labtui.store.tags import DEFAULT_METRIC, better_by_name

FILE_NAME = "metrics.toml"

T = TypeVar("T")


def resolve(
    lab: Lab,
    tag: str | None = None,
    *,
    better: Better | None = None,
    unit: str | None = None,
    take: str | None = None,
    percent: bool | None = None,
    names: Sequence[str] = (),
) -> Metric:
    """The metric of a tag; without a tag, the one that the named entries declare, else the default one.

    Each of direction, unit, percent and point comes from the first that says it: the options given here, the `metric`
    of the named entries (without names, of all that have runs), the catalog's `[metric."tag"]`, the user's
    metrics.toml, the words of the tag. Where none says which direction is better, the metric has none.

    Raises UsageError where two entries say different things, and for a metrics.toml with problems.
    """
    entries = _entries(lab, names)
    if not names and _entry_tag(entries) is None:
        entries = _with_runs(lab, entries)
    tag = tag or _entry_tag(entries) or DEFAULT_METRIC
    options = MetricTerms(better=better, unit=unit, take=take, percent=percent)
    own = _entry_terms(entries, tag, options)
    return _metric(tag, [options, own, *_shared_terms(lab, tag)])


class MetricRequest(NamedTuple):
    """The metric that a user asked for, with what was said about it, before anything is known about the runs."""

    tag: str | None
    terms: MetricTerms
    names: tuple[str, ...] = ()
    """The entries that are compared."""

    def resolve(self, lab: Lab) -> Metric:
        """The metric. Raises UsageError as `resolve` does."""
        return resolve(lab, self.tag, **msgspec.structs.asdict(self.terms), names=self.names)


class MetricBook:
    """The metrics of one lab, each resolved once. It never raises: what is in doubt has no direction."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._found: dict[tuple[str | None, str], Metric] = {}

    def of(self, tag: str | None, name: str = "") -> Metric:
        """The metric of a tag for the entry of this name; without a tag, the one that the entry is judged by."""
        if (tag, name) not in self._found:
            try:
                found = resolve(self._lab, tag, names=(name,) if name else ())
            except LabError:  # `labtui compare` says what is wrong
                found = Metric(tag=tag or DEFAULT_METRIC)
            self._found[tag, name] = found
        return self._found[tag, name]


def declared_tags(lab: Lab) -> frozenset[str]:
    """The tags that the catalog or the user's metrics.toml says something about. Raises UsageError as `resolve`."""
    return frozenset((*lab.catalog.metrics, *load_metrics(metrics_path())))


def metrics_path() -> Path:
    """The path of the user's metrics.toml, which says what the metrics of other programs mean."""
    import platformdirs  # deferred: 10 ms

    return platformdirs.user_config_path("labtui") / FILE_NAME


def _shared_terms(lab: Lab, tag: str) -> Iterable[MetricTerms]:
    """What the catalog and the user's own file say about a tag, whatever the entry."""
    found = (lab.catalog.metrics.get(tag), load_metrics(metrics_path()).get(tag))
    return [terms for terms in found if terms is not None]


def _entries(lab: Lab, names: Sequence[str]) -> list[Experiment]:
    """The named entries, by name, member or title; all of them without names."""
    if not names:
        return list(lab.catalog.experiments)
    wanted = {*names, *(name.partition("@")[0] for name in names)}
    return [one for one in lab.catalog.experiments if not wanted.isdisjoint((one.name, one.title, *_titles(one)))]


def _with_runs(lab: Lab, entries: list[Experiment]) -> list[Experiment]:
    """The entries that have runs: those that have none do not decide what a table is about. All if none has."""
    ran = {run.spec.experiment for run in lab.store.scan() if run.spec is not None}
    return [one for one in entries if one.name in ran] or entries


def _titles(experiment: Experiment) -> list[str]:
    return [variant.spec.title for variant in experiment.variants]


def _entry_tag(entries: Sequence[Experiment]) -> str | None:
    """The tag that the entries are judged by, where they agree; None means the default one."""
    declared = {(one.metric or EntryMetric()).tag for one in entries}
    return declared.pop() if len(declared) == 1 else None


def _entry_terms(entries: Sequence[Experiment], tag: str, options: MetricTerms) -> MetricTerms:
    """What the entries say about a tag. Raises UsageError where two say different things and no option decides."""
    said: dict[str, object] = {}
    by: dict[str, str] = {}
    for entry in entries:
        if entry.metric is None or (entry.metric.tag or DEFAULT_METRIC) != tag:
            continue
        for key in MetricTerms.__struct_fields__:
            value = getattr(entry.metric, key)
            if value is None or getattr(options, key) is not None:
                continue
            if said.setdefault(key, value) != value:
                raise UsageError(
                    f"{by[key]} and {entry.name} declare different values for {tag}: {key} = {said[key]} and {value}.",
                    advice=f"Decide it with --{key}, or compare them separately.",
                )
            by.setdefault(key, entry.name)
    return msgspec.convert(said, MetricTerms)


def _metric(tag: str, terms: Sequence[MetricTerms]) -> Metric:
    """What the terms declare, the first one first. A unit without `percent` is the one in which values were logged."""
    better: Better | None = _first(one.better for one in terms)
    unit = _first(one.unit for one in terms)
    percent = _first(one.percent for one in terms)
    return Metric(
        tag=tag,
        better=better or better_by_name(tag),
        unit=unit or "",
        percent=False if percent is None and unit is not None else percent,
        take=_first(one.take for one in terms) or "last",
    )


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
