"""The options that choose a metric and say what its values mean."""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from labtui.errors import UsageError
from labtui.spec import TAKE_PATTERN, Metric, MetricTerms
from labtui.store.tags import DEFAULT_METRIC

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.api.metrics import MetricRequest

F = TypeVar("F", bound=Callable[..., Any])

_METRIC_OPTIONS = (
    click.option(
        "--metric", metavar="TAG", help=f"The metric to compare.  [default: the entries' own, else {DEFAULT_METRIC}]"
    ),
    click.option("--better", type=click.Choice(("higher", "lower")), help="Which values of the metric are better."),
    click.option("--unit", metavar="UNIT", help="The unit of the metric."),
    click.option(
        "--take",
        metavar="POINT",
        help="The point of a run's curve that counts: last, best or at:STEP.  [default: last]",
    ),
    click.option("--percent", is_flag=True, help="The metric is logged as 0..1: show it in percent."),
)


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """The metric that a command was asked for, and what was said about it."""

    tag: str | None
    terms: MetricTerms

    def resolve(self, lab: "Lab", names: Iterable[str | None] = ()) -> Metric:
        """The metric with what the catalog and its name say about it. Raises UsageError for contradictions."""
        from labtui.api.metrics import resolve

        return resolve(lab, self.tag, **msgspec.structs.asdict(self.terms), names=tuple(filter(None, names)))

    def request(self, names: Iterable[str | None] = ()) -> "MetricRequest":
        """The same, for when it is known what is compared."""
        from labtui.api.metrics import MetricRequest

        return MetricRequest(self.tag, self.terms, tuple(filter(None, names)))


def metric_options(function: F) -> F:
    """Add --metric and the options that say what it means, and pass them as `metric`."""

    @functools.wraps(function)
    def call(
        *arguments: Any, metric: str | None, better: Any, unit: str | None, take: str | None, percent: bool, **rest: Any
    ) -> Any:
        if take is not None and not re.match(TAKE_PATTERN, take):
            raise UsageError(
                f"--take {take!r} is unknown.", advice="Use last, best, or at: and a step such as at:1000."
            )
        terms = MetricTerms(better=better, unit=unit, take=take, percent=percent or None)
        return function(*arguments, metric=MetricOptions(metric, terms), **rest)

    for option in reversed(_METRIC_OPTIONS):
        option(call)
    return call  # type: ignore[return-value]  # only click calls it
