"""The catalog of a file: every experiment without problems, and every problem of the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labtui.catalog.problems import Problem
from labtui.catalog.words import did_you_mean, nearest, shown, shown_path
from labtui.errors import UsageError
from labtui.lab_code import NO_CODE, LabCode
from labtui.spec import Experiment, MetricTerms, Variant
from labtui.text.words import enumeration, plural


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one file says. An entry with a problem is not among `experiments`; the others are usable."""

    path: Path
    builtin: bool
    """Whether it is the copy that comes with labtui."""
    experiments: tuple[Experiment, ...]
    """In the order of the file."""
    problems: tuple[Problem, ...] = ()
    """In the order of the file."""
    metrics: Mapping[str, MetricTerms] = field(default_factory=dict)
    """What `[metric."val/loss"]` tables say, by tag; it holds for all entries."""
    code: LabCode = NO_CODE
    """The user's own classes and functions beside the file."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All variants of all experiments, in the order of the file."""
        return tuple(variant for experiment in self.experiments for variant in experiment.variants)

    def experiment(self, name: str) -> Experiment:
        """The experiment with this name. Raises UsageError with its problems, or with the nearest names."""
        for experiment in self.experiments:
            if experiment.name == name:
                return experiment
        raise self._absent(name)

    def select(self, names: Iterable[str]) -> tuple[Variant, ...]:
        """The variants of some names: `adam` means all variants of adam, `adam@0.01` one. In this order, each once.

        Raises UsageError with the nearest names, or with the problems of an entry that has some.
        """
        chosen: dict[str, Variant] = {}
        for name in names:
            for variant in self._variants_of(name):
                chosen.setdefault(variant.spec.name, variant)
        return tuple(chosen.values())

    def _variants_of(self, name: str) -> tuple[Variant, ...]:
        entry, _, member = name.partition("@")
        experiment = self.experiment(entry)
        if "@" not in name:
            return experiment.variants
        variants = tuple(variant for variant in experiment.variants if variant.spec.member == member and member)
        if not variants:
            raise UsageError(_no_variant(name, experiment))
        return variants

    def _absent(self, name: str) -> UsageError:
        problems = [problem for problem in self.problems if name in problem.entries]
        reason = f"its entry has {plural(len(problems), 'problem')}"
        if not problems and not self.experiments:
            problems, reason = list(self.problems), "no entry of the catalog can"
        if problems:
            lines = "\n".join(map(str, problems))
            return UsageError(f"{shown(name)} cannot run: {reason}.\n{lines}", advice="Fix this and try again.")
        known = [experiment.name for experiment in self.experiments]
        names = [*known, *(variant.spec.name for variant in self.variants)]
        hint = did_you_mean(name, names, quote=False) or _by_title(name, self.variants)
        where = "the built-in catalog" if self.builtin else shown_path(self.path)
        there_are = enumeration(known) or "none that can run"
        return UsageError(
            f"There is no experiment {shown(name)} in {where}.{hint}", advice=f"Experiments: {there_are}."
        )


def _no_variant(name: str, experiment: Experiment) -> str:
    names = [variant.spec.name for variant in experiment.variants if variant.spec.member]
    if not names:
        return f"{shown(name)} does not exist: {shown(experiment.name)} has no variants. Use its name alone."
    return f"{shown(name)} does not exist.{did_you_mean(name, names, quote=False)} Variants: {enumeration(names)}."


def _by_title(name: str, variants: Iterable[Variant]) -> str:
    by_title = {variant.spec.title: variant.spec.name for variant in variants}
    matches = [by_title[title] for title in nearest(name, by_title)]
    return f" Did you mean {enumeration(matches, 'or')}?" if matches else ""
