"""The catalog of a file: every experiment that is sound, and every fault of those that are not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labtui.catalog.words import Fault, did_you_mean, listed, nearest, shown, shown_path
from labtui.errors import UsageError
from labtui.spec import Experiment, Variant


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one file says. An entry with a fault is not among `experiments`; the others are usable."""

    path: Path
    builtin: bool
    """Whether it is the copy that comes with labtui."""
    experiments: tuple[Experiment, ...]
    """In the order of the file."""
    faults: tuple[Fault, ...] = ()
    """In the order of the file."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All variants of all experiments, in the order of the file."""
        return tuple(variant for experiment in self.experiments for variant in experiment.variants)

    def experiment(self, name: str) -> Experiment:
        """The experiment of a name. Raises UsageError with its faults, or with the nearest names."""
        for experiment in self.experiments:
            if experiment.name == name:
                return experiment
        raise self._absent(name)

    def select(self, names: Iterable[str]) -> tuple[Variant, ...]:
        """The variants that names mean: `adam` all of its members, `adam@0.01` one. In the order named, each once.

        Raises UsageError with the nearest names, or with the faults of an entry that has some.
        """
        chosen: dict[str, Variant] = {}
        for name in names:
            for variant in self._meant(name):
                chosen.setdefault(variant.spec.name, variant)
        return tuple(chosen.values())

    def _meant(self, name: str) -> tuple[Variant, ...]:
        entry, _, member = name.partition("@")
        experiment = self.experiment(entry)
        if "@" not in name:
            return experiment.variants
        variants = tuple(variant for variant in experiment.variants if variant.spec.member == member and member)
        if not variants:
            raise UsageError(_no_member(name, experiment), advice="")
        return variants

    def _absent(self, name: str) -> UsageError:
        faults = [fault for fault in self.faults if name in fault.entries]
        if faults:
            count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
            told = "\n".join(str(fault) for fault in faults)
            return UsageError(
                f"{shown(name)} cannot run: its entry has {count}.\n{told}", advice="Mend it and try again."
            )
        if not self.experiments and self.faults:
            told = "\n".join(str(fault) for fault in self.faults)
            return UsageError(
                f"{shown(name)} cannot run: no entry of the catalog can.\n{told}", advice="Mend it and try again."
            )
        known = [experiment.name for experiment in self.experiments]
        hint = did_you_mean(
            name, [*known, *(variant.spec.name for variant in self.variants)], quote=False
        ) or _by_title(name, self.variants)
        where = "the built-in catalog" if self.builtin else shown_path(self.path)
        there_are = listed(known, "and") or "none that can run"
        return UsageError(f"There is no experiment {shown(name)} in {where}.{hint}", advice=f"There are: {there_are}.")


def _no_member(name: str, experiment: Experiment) -> str:
    members = [variant.spec.name for variant in experiment.variants if variant.spec.member]
    if not members:
        return f"{shown(name)} does not exist: {shown(experiment.name)} has no members. Name it alone."
    return (
        f"{shown(name)} does not exist.{did_you_mean(name, members, quote=False)} There are: {listed(members, 'and')}."
    )


def _by_title(name: str, variants: Iterable[Variant]) -> str:
    by_title = {variant.spec.title: variant.spec.name for variant in variants}
    matches = nearest(name, by_title)
    return f" Did you mean {listed(by_title[title] for title in matches)}?" if matches else ""
