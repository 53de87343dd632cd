"""What entries must be to one another: baselines that exist, and no two runs in one folder."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from labtui.catalog.check import NONE
from labtui.catalog.faults import Problem, did_you_mean, listed, shown
from labtui.spec import Experiment


def baseline_problems(
    experiments: Sequence[Experiment], entries: Collection[str]
) -> Iterator[tuple[Experiment, Problem]]:
    """Baselines that are no entry or no single run. Those of an entry with faults of its own are taken for good."""
    members = {experiment.name: [arm.spec.name for arm in experiment.arms] for experiment in experiments}
    known = [*entries, *(name for names in members.values() if len(names) > 1 for name in names)]
    for experiment in experiments:
        message = _wrong_baseline(experiment.baseline, members, known)
        if message is not None:
            yield experiment, Problem(("baseline",), message)


def _wrong_baseline(name: str | None, members: dict[str, list[str]], known: Collection[str]) -> str | None:
    if name is None:
        return None
    entry, _, member = name.partition("@")
    if len(members.get(name, ())) > 1:
        return (
            f"{shown(name)} has {len(members[name])} members. Say which: {listed(shown(one) for one in members[name])}."
        )
    if name in known or (member and entry in known and entry not in members):
        return None
    there_are = listed((shown(one) for one in list(known)[:20]), "and")
    return f"there is no experiment {shown(name)}.{did_you_mean(name, known)} There are: {there_are}, or {shown(NONE)}."


def title_problems(experiments: Sequence[Experiment], lines: Mapping[str, int]) -> Iterator[tuple[Experiment, Problem]]:
    """Runs whose folder another entry's runs have already, also where only the case of letters tells them apart."""
    owners: dict[tuple[str, str], str] = {}
    for experiment in experiments:
        for arm in experiment.arms:
            folder = (arm.spec.group.casefold(), arm.spec.title.casefold())
            owner = owners.setdefault(folder, experiment.name)
            if owner != experiment.name:
                where = f" (line {lines[owner]})" if lines.get(owner) else ""
                message = f"{shown(arm.spec.title)} is the title of {shown(owner)}{where} already"
                yield (
                    experiment,
                    Problem(("title",), f"{message}: their runs would share a folder. Give it one of its own."),
                )
                break
