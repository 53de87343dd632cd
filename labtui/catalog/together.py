"""What entries must be to one another: baselines that exist, and no two runs in one folder."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from labtui.catalog.type_checks import NONE
from labtui.catalog.words import Problem, did_you_mean, listed, shown
from labtui.spec import Experiment


def baseline_problems(
    experiments: Sequence[Experiment], entries: Collection[str]
) -> Iterator[tuple[Experiment, Problem]]:
    """Baselines that are no entry or no single run. Those of an entry with faults of its own are taken for good."""
    members = {
        one.name: [variant.spec.name for variant in one.variants] for one in experiments if len(one.variants) > 1
    }
    sound = {one.name for one in experiments}
    runs = dict.fromkeys(
        [*(name for name in entries if name not in members), *(run for runs in members.values() for run in runs)]
    )
    for experiment in experiments:
        name = experiment.baseline
        if name is None or name in runs or (name.partition("@")[0] in runs.keys() - sound):
            continue
        if name in members:
            message = (
                f"{shown(name)} has {len(members[name])} members. Say which: {listed(map(shown, members[name][:20]))}."
            )
        else:
            others = [one for one in runs if one != experiment.name]
            there_are = listed(map(shown, others[:20]), ",")
            message = f"there is no experiment {shown(name)}.{did_you_mean(name, others)}"
            message += f" Allowed: {there_are}, or {shown(NONE)}."
        yield experiment, Problem(("baseline",), message)


def title_problems(experiments: Sequence[Experiment], lines: Mapping[str, int]) -> Iterator[tuple[Experiment, Problem]]:
    """Runs whose folder another entry's runs have already, also where only the case of letters tells them apart."""
    owners: dict[tuple[str, str], str] = {}
    for experiment in experiments:
        for variant in experiment.variants:
            folder = (variant.spec.group.casefold(), variant.spec.title.casefold())
            owner = owners.setdefault(folder, experiment.name)
            if owner != experiment.name:
                where = f" (line {lines[owner]})" if lines.get(owner) else ""
                message = f"{shown(variant.spec.title)} is the title of {shown(owner)}{where} already"
                yield (
                    experiment,
                    Problem(("title",), f"{message}: their runs would share a folder. Give it one of its own."),
                )
                break
