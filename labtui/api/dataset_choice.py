"""Chooses the data set of each planned run, once per requested data set, and collects what the user should know."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from labtui import datasets
from labtui.api.data_info import data_info, with_weights_fingerprint
from labtui.api.lab import Lab
from labtui.api.resolve import on_dataset
from labtui.api.sources import with_sources
from labtui.errors import UsageError
from labtui.program import uses_seed
from labtui.spec import ProgramSpec, RunSpec, Spec, Variant

if TYPE_CHECKING:
    from labtui.datasets import Decision

Progress = Callable[[int, int], None]
"""Called with the bytes downloaded so far and the total."""


class DatasetChooser:
    """Chooses data sets within one plan; `notices` collects messages for the user.

    Without `fetch` nothing touches the network: the requested data set is planned whether it is present or not.
    """

    def __init__(self, lab: Lab, *, pinned: str | None, fetch: bool, progress: Progress | None = None) -> None:
        self.notices: list[str] = []
        self._lab = lab
        self._pinned = None if pinned is None else datasets.get(pinned).name
        self._fetch = fetch
        self._progress = progress
        self._decisions: dict[tuple[str, str | None, bool], Decision] = {}

    def resolve(self, variant: Variant, spec: Spec, offline: str | None) -> tuple[Spec, bool]:
        """The spec (of this variant, with its overrides) on the chosen data set, and whether that data set is present.

        A program reads data of its own: its spec gets the fingerprints of its code and inputs. Raises UsageError for an
        unknown data set, and MachineError if it is not available and has no fallback.
        """
        if not isinstance(spec, RunSpec) or not isinstance(variant.spec, RunSpec):
            return self._program(spec), True
        spec, present = self._on_data(spec, variant.spec.data.name, offline)
        return with_weights_fingerprint(spec, self._lab.folder), present

    def _on_data(self, spec: RunSpec, in_catalog: str, offline: str | None) -> tuple[RunSpec, bool]:
        if self._pinned is None and spec.data.source is not None:
            return spec, True
        if self._pinned is None and spec.data.name in datasets.OWN_KINDS:
            return self._on_own(spec, in_catalog), True
        pinned = self._pinned or (spec.data.name if spec.data.name != in_catalog else None)
        decision = self._decide(pinned or in_catalog, offline, pinned=pinned is not None)
        present = datasets.is_present(decision.name, self._lab.data_root)
        info = datasets.get(decision.name)
        if decision.name == in_catalog:
            return on_dataset(spec, info), present
        if pinned is not None and pinned != offline:
            spec = msgspec.structs.replace(spec, overrides={**spec.overrides, "data.name": pinned})
        return on_dataset(spec, info, replacing=in_catalog, fallback=decision.fallback), present

    def _program(self, spec: Spec) -> Spec:
        if self._pinned:
            raise UsageError(f"{spec.name} is a program, which reads its own data: --dataset cannot change that.")
        if not isinstance(spec, ProgramSpec):
            return spec
        if not uses_seed(spec):
            self.notices.append(
                f"{spec.name}: nothing passes the seed to the program: write {{seed}} into its command. Without it, "
                "all seeds may train the same thing."
            )
        return with_sources(spec, self._lab.folder, strict=True)

    def _on_own(self, spec: RunSpec, in_catalog: str) -> RunSpec:
        """The spec on the images at its path, which nothing replaces."""
        info = data_info(self._lab, spec.data, strict=self._fetch)
        return on_dataset(spec, info, replacing=in_catalog if spec.data.name != in_catalog else None)

    def _decide(self, requested: str, offline: str | None, *, pinned: bool) -> "Decision":
        key = (requested, offline, pinned)
        if key not in self._decisions:
            self._decisions[key] = self._new_decision(requested, offline, pinned=pinned)
        return self._decisions[key]

    def _new_decision(self, requested: str, offline: str | None, *, pinned: bool) -> "Decision":
        if self._fetch:
            decision = datasets.decide(requested, offline, self._lab.data_root, pinned=pinned, progress=self._progress)
            if decision.fallback:
                self.notices.append(_fallback_notice(decision))
            return decision
        if not datasets.is_present(requested, self._lab.data_root):
            self.notices.append(_absent_notice(requested, None if pinned else offline))
        return datasets.Decision(name=requested, fallback=False, requested=requested, why="")


def _fallback_notice(decision: "Decision") -> str:
    requested, chosen = datasets.get(decision.requested), datasets.get(decision.name)
    kind = "the embedded" if chosen.embedded else "the"
    return (
        f"{requested.title} is not available ({decision.why.rstrip('.')}): training on {kind} {chosen.title} data set "
        f"instead. These runs go to runs/{chosen.group} and are not comparable with results on {requested.title}."
    )


def _absent_notice(requested: str, offline: str | None) -> str:
    title = datasets.get(requested).title
    otherwise = f" If that fails, it trains on {datasets.get(offline).title} instead." if offline else ""
    return (
        f"{title} is not on this machine: the first run downloads it (`labtui data get {requested}` does so now)."
        f"{otherwise}"
    )
