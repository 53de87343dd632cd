"""Which metric runs are compared by, and what its values mean: the first place that declares it counts."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from labtui.api.lab import Lab
from labtui.spec import Better, Metric, MetricTerms
from labtui.store.tags import DEFAULT_METRIC, better_by_name

T = TypeVar("T")


def resolve(
    lab: Lab,  # noqa: ARG001 - the catalog declares metrics
    tag: str | None = None,
    *,
    better: Better | None = None,
    unit: str | None = None,
    take: str | None = None,
    percent: bool | None = None,
    names: Sequence[str] = (),  # noqa: ARG001
) -> Metric:
    """The metric of a tag; without a tag, the default one.

    The options given here count first, then what the name of the tag tells. Where neither says which direction is
    better, the metric has none.
    """
    tag = tag or DEFAULT_METRIC
    terms = (MetricTerms(better=better, unit=unit, take=take, percent=percent),)
    return _metric(tag, terms)


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
