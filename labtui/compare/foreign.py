"""Runs of other tools as runs that can be compared: grouped by their hyperparameters, which differ by seed alone. Pure.

Each group gets a program's spec whose parameters are the hyperparameters, and each of its runs one seed of it. Seeds,
and keys that cannot change what is learned, are no part of it. What a group's name or folder says is a hyperparameter
only where nothing else tells groups apart.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from labtui.errors import UsageError
from labtui.spec import Metric, ProgramSpec
from labtui.store.conditions import Condition, full_key
from labtui.store.event_file import counts_only
from labtui.store.plain_yaml import scalar
from labtui.store.run import Run
from labtui.store.settings_keys import SEEDS, is_label, is_seed, short_names, varying_keys
from labtui.text.words import enumeration, plural, value_text

LONGEST_TITLE = 60
NAME, SEED = "name", "seed"
FOLDER, RUN = "folder", "run"
"""Parameters that stand for what a path says."""

MOST_SEED = 2**32

_MARK = re.compile(r"\{([^{}]*)\}")
_FEW = 12
"""Names that a message lists."""


@dataclass(frozen=True, slots=True)
class GroupRules:
    """How runs of other tools are grouped."""

    pattern: str = ""
    """A literal pattern over their names, such as `{name}-seed{seed}`; any other field is a hyperparameter."""
    factor: tuple[str, ...] = ()
    """The hyperparameters that are under test; without them, the only one that differs."""
    ignored: tuple[str, ...] = ()
    """Hyperparameters that do not matter."""
    where: tuple[Condition, ...] = field(default=())
    """What the hyperparameters of the runs that are looked at must be."""


NO_RULES = GroupRules()


class Grouped(NamedTuple):
    """The specs of the runs that are compared, and what should be said about the others."""

    specs: Mapping[str, ProgramSpec]
    """By run id."""
    titles: tuple[str, ...]
    """Of the groups, in the order of their first runs."""
    remarks: tuple[str, ...]


@dataclass(slots=True)
class _Member:
    run: Run
    settings: dict[str, Any]
    seeds: dict[str, int]
    name: str = ""
    folder: str = ""

    @property
    def recipe(self) -> str:
        """What is equal in all runs of a group."""
        return msgspec.json.encode(self.settings, order="sorted").decode()


def grouped(
    runs: Sequence[Run], rules: GroupRules, metric: Metric | None, *, baseline: str | None = None, group: str = ""
) -> Grouped:
    """Group runs. `baseline` is the title of a group, or part of one; `group` is what they are called together.

    Raises UsageError for a pattern that no run matches, and for names that no group or hyperparameter has.
    """
    members, remarks = _members(sorted(runs, key=lambda run: (run.modified, run.id)), rules)
    if rules.pattern:
        remarks += _split_by_name(members)
    else:
        _split_by_folder(members)
    groups: dict[str, list[_Member]] = defaultdict(list)
    for member in members:
        groups[member.recipe].append(member)
    titles = dict(zip(groups, _titles([own[0] for own in groups.values()], group), strict=True))
    keys = dict.fromkeys(key for member in members for key in member.settings)
    declared = tuple(_known_key(name, keys) for name in rules.factor)
    base = None if baseline is None else _group_named(baseline, titles)
    specs: dict[str, ProgramSpec] = {}
    for recipe, own in groups.items():
        factor = declared or _only_difference(own[0].settings, groups[base][0].settings if base else None)
        for member, seed in zip(own, _seeds(own), strict=True):
            specs[member.run.id] = ProgramSpec(
                experiment=titles[recipe],
                title=titles[recipe],
                group=group or "runs",
                seed=seed,
                run="",
                param=member.settings,
                metric=metric,
                factor=tuple(f"param.{key}" for key in factor),
            )
    remarks += _seed_remarks(groups.values(), specs)
    return Grouped(specs, tuple(titles.values()), tuple(remarks))


def spec_of_run(run: Run) -> ProgramSpec | None:
    """What a run of another tool says about itself as a spec, to show differences; None if it says nothing."""
    values = run.hyperparameters.values
    param = {key: value for key, value in values.items() if not (is_seed(key) or is_label(key))}
    if not param:
        return None
    return ProgramSpec(experiment=run.id, title=run.id, group="runs", seed=0, run="", param=param)


def title_of(name: str, titles: Iterable[str]) -> str:
    """The title of the group that a user means: a title, or `key=value` parts that only one group has.

    Raises UsageError with the titles.
    """
    known = tuple(titles)
    if name in known:
        return name
    wanted = set(_parts(name))
    fitting = [title for title in known if wanted and wanted <= set(_parts(title))]
    if len(fitting) == 1:
        return fitting[0]
    what = f"fits {len(fitting)} groups" if fitting else "is no group of these runs"
    raise UsageError(f"{name!r} {what}.", advice=f"The groups are: {_listed(fitting or known)}.")


def titles_of(name: str, titles: Iterable[str]) -> tuple[str, ...]:
    """The titles of the groups that a name selects: those with all of its `key=value` parts. Raises UsageError."""
    known = tuple(titles)
    if name in known:
        return (name,)
    wanted = set(_parts(name))
    found = tuple(title for title in known if wanted and wanted <= set(_parts(title)))
    return found or (title_of(name, known),)


# --- Runs ---------------------------------------------------------------------------------------------------------


def _members(runs: Sequence[Run], rules: GroupRules) -> tuple[list[_Member], list[str]]:
    pattern = _compiled(rules.pattern) if rules.pattern else None
    members, strange, silent = [], [], 0
    for run in runs:
        values = {key: value for key, value in run.hyperparameters.values.items() if not _is_ignored(key, rules)}
        if not all(one.holds(run.hyperparameters.values) for one in rules.where):
            continue
        settings = {key: value for key, value in values.items() if not is_seed(key)}
        seeds = {key: number for key, value in values.items() if is_seed(key) and (number := _seed(value)) is not None}
        member = _Member(run, settings, seeds, folder=_folder(run))
        if pattern is not None:
            fields = _match(pattern, run)
            if fields is None:
                strange.append(run.id)
                continue
            member.name = fields.pop(NAME, "")
            seed = _seed(scalar(fields.pop(SEED, "")))
            member.seeds = {SEED: seed} if seed is not None else member.seeds
            member.settings |= {key: scalar(value) for key, value in fields.items()}
        elif not settings and not seeds:
            silent += 1
            member.settings = {RUN: run.id}
        members.append(member)
    if pattern is not None and not members:
        names = _listed([run.id for run in runs])
        raise UsageError(f"--group {rules.pattern!r} fits no run.", advice=f"The runs are: {names}.")
    remarks = [f"{plural(len(strange), 'run')} left out, whose name does not fit the pattern: {_listed(strange, 3)}"]
    return members, [*(remarks if strange else []), *([_without(silent)] if silent else [])]


def _without(silent: int) -> str:
    """What to do about runs that say nothing about themselves."""
    return (
        f"{plural(silent, 'run')} without hyperparameters: each is a row of its own. "
        "--group '{name}-seed{seed}' reads name and seed from their names"
    )


def _is_ignored(key: str, rules: GroupRules) -> bool:
    return is_label(key) or any(key == name or key.endswith(f".{name}") for name in rules.ignored)


def _seed(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_SEED else None


def _folder(run: Run) -> str:
    """The folders above a run, without those that only count or date runs."""
    return "/".join(part for part in run.id.split("/")[:-1] if not counts_only(part))


_Piece = tuple[str, ...]
"""Of one part of a path: literal text and names of fields in turn, beginning and ending with text."""


def _compiled(pattern: str) -> tuple[_Piece, ...]:
    """The parts of a pattern. Raises UsageError."""
    names = _MARK.findall(pattern)
    if not names or any(not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,59}", name) for name in names):
        raise UsageError(
            f"--group {pattern!r} has no field in braces, or one without a proper name.",
            advice="Write the names of runs with fields: '{name}-seed{seed}', '{model}_lr{lr}_{seed}'.",
        )
    if len(set(names)) < len(names) or "}{" in pattern:
        raise UsageError(
            f"--group {pattern!r} has a field twice, or two with nothing between them.",
            advice="Give each field a name of its own, and write what stands between them.",
        )
    return tuple(tuple(re.split(_MARK, part)) for part in pattern.split("/"))


def _match(pattern: Sequence[_Piece], run: Run) -> dict[str, str] | None:
    """The fields in the last parts of a run's path; parts that only count or date runs may be passed over."""
    whole = run.id.split("/")
    for parts in (whole, [part for part in whole if not counts_only(part)]):
        found: dict[str, str] = {}
        if len(parts) >= len(pattern) and all(
            _match_part(piece, part, found) for piece, part in zip(pattern, parts[-len(pattern) :], strict=True)
        ):
            return found
    return None


def _match_part(piece: _Piece, text: str, found: dict[str, str]) -> bool:
    """Find the fields of one part from its end on, each as short as it can be; the first takes what is left over."""
    if not (text.startswith(piece[0]) and text.endswith(piece[-1]) and len(text) >= len(piece[0]) + len(piece[-1])):
        return False
    rest = text[len(piece[0]) : len(text) - len(piece[-1])]
    for place in range(len(piece) - 2, 0, -2):
        before = piece[place - 1] if place > 1 else ""
        begin = rest.rfind(before) + len(before) if before else 0
        value = rest[begin:]
        if (before and begin < len(before)) or not value or (piece[place] == SEED and not value.isdecimal()):
            return False
        found[piece[place]] = value
        rest = rest[: begin - len(before)]
    return len(piece) > 1 or text == piece[0]


# --- Groups -------------------------------------------------------------------------------------------------------


def _split_by_name(members: Sequence[_Member]) -> list[str]:
    """Make runs of one name one group: what differs between them is left out, and said."""
    by_name: dict[str, list[_Member]] = defaultdict(list)
    for member in members:
        by_name[member.name].append(member)
    left_out: dict[str, None] = {}
    for name, own in by_name.items():
        if not name:
            continue
        different = varying_keys([member.settings for member in own])
        left_out |= dict.fromkeys(different)
        for member in own:
            member.settings = {key: value for key, value in member.settings.items() if key not in different}
    recipes = Counter(recipe for own in by_name.values() for recipe in {member.recipe for member in own})
    if any(count > 1 for count in recipes.values()):
        for member in members:
            member.settings = {NAME: member.name, **member.settings}
    if not left_out:
        return []
    return [f"within a group, runs differ in {_listed(left_out)}: not taken for a hyperparameter of the group"]


def _split_by_folder(members: Sequence[_Member]) -> None:
    """Keep runs in different folders apart where merging them would count a seed twice, or runs that may differ."""
    by_recipe: dict[str, list[_Member]] = defaultdict(list)
    for member in members:
        by_recipe[member.recipe].append(member)
    apart = False
    for own in by_recipe.values():
        folders = Counter(member.folder for member in own)
        if len(folders) < 2:
            continue
        seeds = Counter(next(iter(member.seeds.items())) for member in own if member.seeds)
        shared = any(count > 1 for count in folders.values())
        crossed = len(seeds) * len(folders) == len(own)  # every seed in every folder; else one was only run again
        twice = any(count > 1 for count in seeds.values()) and (shared or crossed)
        apart |= twice or (shared and not all(member.seeds for member in own))
    if apart:
        for member in members:
            member.settings = {FOLDER: member.folder, **member.settings} if member.folder else member.settings


def _only_difference(here: Mapping[str, Any], there: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The part of the hyperparameters in which a group differs from the baseline, if it is one."""
    if there is None:
        return ()
    parts = dict.fromkeys(key.partition(".")[0] for key in varying_keys([here, there]))
    return tuple(parts) if len(parts) == 1 else ()


def _seeds(own: Sequence[_Member]) -> Iterator[int]:
    """A seed for each run of a group: the one that it names, else the next free number."""
    keys = dict.fromkeys(key for member in own for key in member.seeds)
    order = sorted(keys, key=lambda key: SEEDS.index(key.rpartition(".")[2].casefold()))
    varying = [key for key in order if len({member.seeds.get(key) for member in own}) > 1]
    key = next(iter([*varying, *order]), None)
    named = [member.seeds.get(key) if key is not None else None for member in own]
    taken, free = set(named), 0
    for seed in named:
        if seed is None:
            while free in taken:
                free += 1
            seed = free
            taken.add(seed)
        yield seed


def _seed_remarks(groups: Iterable[Sequence[_Member]], specs: Mapping[str, ProgramSpec]) -> list[str]:
    nameless = again = 0
    for own in groups:
        nameless += sum(not member.seeds for member in own) if len(own) > 1 else 0
        again += len(own) - len({specs[member.run.id].seed for member in own})
    remarks = []
    if nameless:
        remarks.append(f"{plural(nameless, 'run')} without a seed: runs of equal hyperparameters count as seeds")
    if again:
        repeats = "repeats" if again == 1 else "repeat"
        remarks.append(f"{plural(again, 'run')} {repeats} a seed of the same group: per seed, the newest counts")
    return remarks


def _known_key(name: str, keys: Iterable[str]) -> str:
    known = tuple(keys)
    key = full_key(name.removeprefix("param."), known)
    if key is None and any(one.startswith(f"{name}.") for one in known):
        key = name
    if key is None:
        raise UsageError(f"--factor {name!r} is no hyperparameter.", advice=f"There are: {_listed(known)}.")
    return key


def _group_named(name: str, titles: Mapping[str, str]) -> str:
    title = title_of(name, titles.values())
    return next(recipe for recipe, own in titles.items() if own == title)


# --- Titles -------------------------------------------------------------------------------------------------------


def _titles(firsts: Sequence[_Member], group: str) -> list[str]:
    """A title for each group, from a run of it: its name, else the values in which the groups differ."""
    keys = varying_keys([member.settings for member in firsts])
    names = short_names(keys)
    plain = [member.name or member.settings.get(RUN, "") for member in firsts]
    if all(plain) and len(set(plain)) == len(plain):
        return [_cut(name) for name in plain] if len({_cut(name) for name in plain}) == len(plain) else _unique(plain)
    titles = [_title(member, names, group) for member in firsts]
    if _fit(titles):
        return titles
    few = _telling(firsts, names)
    short = [f"{_title(member, few, group)},…" for member in firsts]
    return short if few and _fit(short) else _unique(titles)


def _title(member: _Member, names: Mapping[str, str], group: str) -> str:
    said = ",".join(f"{name}={value_text(member.settings.get(key), 24)}" for key, name in names.items())
    return ":".join(filter(None, (member.name, said))) or group or "all runs"


def _fit(titles: Sequence[str]) -> bool:
    return len(set(titles)) == len(titles) and max(map(len, titles), default=0) <= LONGEST_TITLE


def _telling(firsts: Sequence[_Member], names: Mapping[str, str]) -> dict[str, str]:
    """The fewest keys that tell the groups apart, where all of them are too many for a title."""
    texts = {key: [value_text(member.settings.get(key), 24) for member in firsts] for key in names}
    order = sorted(names, key=lambda key: -len(set(texts[key])))[:_FEW]
    taken: list[str] = []
    for key in order:
        taken.append(key)
        if len(set(zip(*(texts[one] for one in taken), strict=True))) == len(firsts):
            break
    return {key: names[key] for key in names if key in taken}


def _unique(titles: Sequence[str]) -> list[str]:
    """Titles that are cut, each with a number where two would be equal."""
    counts = Counter(map(_cut, titles))
    seen: Counter[str] = Counter()
    found = []
    for title in titles:
        short = _cut(title)
        seen[short] += 1
        found.append(f"{_cut(title, LONGEST_TITLE - 6)} #{seen[short]}" if counts[short] > 1 else short)
    return found


def _cut(title: str, longest: int = LONGEST_TITLE) -> str:
    return title if len(title) <= longest else f"{title[: longest - 1]}…"


def _parts(title: str) -> list[str]:
    return [part.strip() for part in title.replace(":", ",").split(",") if part.strip()]


def _listed(names: Iterable[str], most: int = _FEW) -> str:
    shown = list(names)
    more = [f"{len(shown) - most:,} more"] if len(shown) > most else []
    return enumeration([*shown[:most], *more])
