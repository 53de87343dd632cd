"""Which data set a planned run gets, decided once per data set that is wanted, and what there is to say about it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from labtui import datasets
from labtui.api.lab import Lab
from labtui.api.resolve import on_dataset
from labtui.spec import RunSpec, Variant

if TYPE_CHECKING:
    from labtui.datasets import Decision

Progress = Callable[[int, int], None]
"""Called with the bytes fetched and the bytes in all."""


class DataChoice:
    """Decisions about data sets within one plan; `notices` collects what a person should read.

    Without `fetch` nothing touches the network: the wanted data set is planned, here or not.
    """

    def __init__(self, lab: Lab, *, pinned: str | None, fetch: bool, progress: Progress | None = None) -> None:
        self.notices: list[str] = []
        self._lab = lab
        self._pinned = datasets.get(pinned).name if pinned else None
        self._fetch = fetch
        self._progress = progress
        self._decided: dict[tuple[str, str | None, bool], Decision] = {}

    def resolve(self, variant: Variant, spec: RunSpec, offline: str | None) -> tuple[RunSpec, bool]:
        """The spec (of this variant, with its overrides) on the data set that it gets, and whether that one is here.

        Raises UsageError for an unknown data set, EnvironmentFault where it cannot be had and nothing may stand in.
        """
        named = variant.spec.data.name
        pinned = self._pinned or (spec.data.name if spec.data.name != named else None)
        decision = self._decide(pinned or named, offline, pinned=pinned is not None)
        present = datasets.is_present(decision.name, self._lab.data_root)
        info = datasets.get(decision.name)
        if decision.name == named:
            return on_dataset(spec, info), present
        if pinned is not None and pinned != offline:
            spec = msgspec.structs.replace(spec, overrides={**spec.overrides, "data.name": pinned})
        return on_dataset(spec, info, stand_in_for=named, fallback=decision.fallback), present

    def _decide(self, wanted: str, offline: str | None, *, pinned: bool) -> "Decision":
        key = (wanted, offline, pinned)
        if key not in self._decided:
            self._decided[key] = self._ask(wanted, offline, pinned=pinned)
        return self._decided[key]

    def _ask(self, wanted: str, offline: str | None, *, pinned: bool) -> "Decision":
        if self._fetch:
            decision = datasets.decide(wanted, offline, self._lab.data_root, pinned=pinned, progress=self._progress)
            if decision.fallback:
                self.notices.append(fallback_text(decision))
            return decision
        if not datasets.is_present(wanted, self._lab.data_root):
            self.notices.append(absent_text(wanted, None if pinned else offline))
        return datasets.Decision(name=wanted, fallback=False, wanted=wanted, why="")


def fallback_text(decision: "Decision") -> str:
    """The one line about a data set that stands in."""
    wanted, chosen = datasets.get(decision.wanted), datasets.get(decision.name)
    kind = "the embedded" if chosen.embedded else "the"
    return (
        f"{wanted.title} is not here ({decision.why.rstrip('.')}): this runs on {kind} {chosen.title} instead, goes to "
        f"runs/{chosen.group} and is not comparable with figures on {wanted.title}."
    )


def absent_text(wanted: str, offline: str | None) -> str:
    """What a plan that may not touch the network says about a data set that is not here."""
    title = datasets.get(wanted).title
    otherwise = f"; where that fails, it runs on {datasets.get(offline).title} instead" if offline else ""
    return f"{title} is not here: a run fetches it first (`labtui data get {wanted}` does so now){otherwise}."
