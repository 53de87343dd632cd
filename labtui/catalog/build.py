"""One entry of the file, with all that it inherits, as an Experiment; and everything that is wrong with it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
from msgspec.inspect import StrType, Type, type_info

from labtui.catalog import type_messages
from labtui.catalog.extends import Layer, level_of, merged, written_at
from labtui.catalog.grid import Member, axes, grid_problems, members
from labtui.catalog.schema_types import (
    ENTRY_KEYS,
    OWN,
    OWN_KEYS,
    RECIPE,
    RECIPE_KEYS,
    RECIPE_PATHS,
    TERMS,
    TERMS_KEYS,
    Notes,
    Own,
    Recipe,
    Terms,
)
from labtui.catalog.seeds import read_seeds
from labtui.catalog.semantic_checks import contradictions, known_dataset, missing_dataset, reference_problems
from labtui.catalog.type_checks import NONE, Checker
from labtui.catalog.words import KeyPath, Problem, did_you_mean, listed, shown
from labtui.errors import UsageError
from labtui.spec import Experiment, FolderPart, Name, RunSpec, Variant

_MOST_PROBLEMS = 10
_FACTOR = "Allowed: keys such as optimizer.lr, and tables such as penalty or data.augment."

_NAME = type_info(Name)
_FOLDER_PART = type_info(FolderPart)


@dataclass(slots=True)
class Draft:
    """An entry in the making. `problems` stand where they are written in the file."""

    name: str
    raw: Mapping[str, Any]
    layers: Sequence[Layer]
    """What its inheritable keys are laid together from, the lowest first and its own last."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all that it extends is known; what it lacks may stand in what is not."""
        return not any(problem.at[-1] == "extends" for problem in self.problems)

    @property
    def at(self) -> KeyPath:
        """Where the entry stands."""
        return ("experiment", self.name)

    def note_own(self, at: KeyPath, message: str) -> None:
        """A problem with a key that only the entry itself can hold."""
        self.problems.append(Problem((*self.at, *at), message))

    def note(self, at: KeyPath, message: str, over: Sequence[Layer] = ()) -> None:
        """A problem with a key that may be inherited, or stem from a grid laid `over`."""
        self.problems.append(Problem(written_at([*self.layers, *over], at), message))


def drafted(draft: Draft, *, datasets: Collection[str], line: int) -> Experiment | None:
    """The experiment that a draft makes; None where it has problems."""
    own = _own(draft)
    terms = _terms(draft, datasets)
    seeds = _seeds(draft, terms) if terms else ()
    points = _points(draft, terms)
    recipes = [_recipe(draft, point, datasets) for point in points]
    if own is None or terms is None or draft.problems:
        return None
    title = own.title or draft.name
    _check_title(draft, title, points)
    _check_notes(draft, own, points)
    if draft.problems:
        return None
    variants = tuple(
        _variant(draft, own, terms, point, recipe, seeds[0])
        for point, recipe in zip(points, recipes, strict=True)
        if recipe
    )
    return Experiment(
        name=draft.name,
        title=title,
        group=terms.group,
        description=own.description,
        factor=variants[0].spec.factor,
        baseline=None if terms.baseline == draft.name else terms.baseline,
        seeds=seeds,
        offline_dataset=terms.offline_dataset,
        variants=variants,
        line=line,
    )


def _own(draft: Draft) -> Own | None:
    """What the entry says of itself alone."""
    if not _fits(_NAME, draft.name) or draft.name == NONE:
        word = f"; {shown(NONE)} means that there is none" if draft.name == NONE else ""
        draft.problems.append(
            Problem(
                draft.at,
                f"{shown(draft.name)} is no name for an entry. Allowed: {type_messages.described(_NAME)}{word}.",
            )
        )
    checker = Checker()
    checker.unknown_keys(draft.raw, ENTRY_KEYS, ())
    cleaned = checker.fields(OWN, {key: value for key, value in draft.raw.items() if key in OWN_KEYS}, ())
    for problem in checker.problems:
        draft.note_own(problem.at, problem.message)
    if checker.problems:
        return None
    own = msgspec.convert(cleaned, Own)
    for at, notes in _all_notes(own):
        for problem in islice(reference_problems(notes.reference), _MOST_PROBLEMS) if notes.reference else ():
            draft.note_own((*at, "reference", *problem.at), problem.message)
    return own


def _all_notes(own: Own) -> Iterable[tuple[KeyPath, Notes]]:
    yield (), own
    for label, notes in own.member.items():
        yield ("member", label), notes


def _terms(draft: Draft, datasets: Collection[str]) -> Terms | None:
    """How the entry is grouped, repeated and compared; whether its baseline is there is seen later."""
    checker = Checker()
    table = merged(draft.layers)
    cleaned = checker.fields(TERMS, {key: value for key, value in table.items() if key in TERMS_KEYS}, ())
    for problem in checker.problems:
        draft.note(problem.at, problem.message)
    if checker.problems:
        return None
    terms = msgspec.convert(cleaned, Terms)
    _check_grid(draft, axes(terms.grid))
    for index, key in enumerate(terms.factor):
        if key not in RECIPE_PATHS:
            draft.note(
                ("factor", index), f"{shown(key)} is no key of a recipe.{did_you_mean(key, RECIPE_PATHS)} {_FACTOR}"
            )
    if terms.offline_dataset is not None and (wrong := known_dataset(terms.offline_dataset, datasets)):
        draft.note(("offline_dataset",), wrong)
    return terms


def _check_grid(draft: Draft, varied: Mapping[str, Any]) -> None:
    for problem in grid_problems(varied):
        draft.note(("grid", *problem.at), problem.message)
    for key in varied:
        at = tuple(key.split("."))
        grid_level, own_level = level_of(draft.layers, ("grid",)), level_of(draft.layers, at)
        if own_level > grid_level:
            message = (
                'this key is set here and varied by the inherited grid. Write grid = "none" to set it, or leave it out.'
            )
            draft.note(at, message)


def _seeds(draft: Draft, terms: Terms) -> tuple[int, ...]:
    try:
        return read_seeds(terms.seeds)
    except UsageError as fault:
        draft.note(("seeds",), fault.message)
        return (0,)


def _points(draft: Draft, terms: Terms | None) -> tuple[Member, ...]:
    """The members of the grid; the entry alone where it has none or a faulty one."""
    varied = axes(terms.grid) if terms else {}
    if any(grid_problems(varied)):
        return (Member(),)
    return members(varied, {key: written_at(draft.layers, ("grid", *key.split("."))) for key in varied})


def _recipe(draft: Draft, point: Member, datasets: Collection[str]) -> Recipe | None:
    """What one member runs, checked."""
    table = merged([*draft.layers, *point.layers])
    checker = Checker(complete=draft.complete)
    cleaned = checker.fields(RECIPE, {key: value for key, value in table.items() if key in RECIPE_KEYS}, ())
    recipe = None
    if not checker.problems and draft.complete:
        recipe = msgspec.convert(cleaned, Recipe)
        checker.problems.extend(islice(contradictions(recipe), _MOST_PROBLEMS))
    problems = checker.problems
    if wrong := _about_dataset(table.get("data", {}), datasets, complete=draft.complete):
        problems = [
            *(problem for problem in problems if problem.at != ("data", "name")),
            Problem(("data", "name"), wrong),
        ]
    for problem in problems:
        draft.note(problem.at, problem.message, point.layers)
    return recipe


def _about_dataset(data: Any, datasets: Collection[str], *, complete: bool) -> str | None:
    """What is wrong with the name of the data set, in the words of one who knows which there are."""
    if not isinstance(data, dict):
        return None
    if "name" not in data:
        return missing_dataset(datasets) if complete else None
    return known_dataset(data["name"], datasets) if isinstance(data["name"], str) else None


def _check_title(draft: Draft, title: str, points: Sequence[Member]) -> None:
    for point in points:
        whole = _run_title(title, point)
        if not _fits(_FOLDER_PART, whole):
            message = f"with a member of the grid it is {shown(whole)}, which is no name for a folder"
            draft.note_own(("title",), f"{message}: {type_messages.described(_FOLDER_PART)}.")
            return


def _check_notes(draft: Draft, own: Own, points: Sequence[Member]) -> None:
    labels = [point.label for point in points if point.label]
    for label in own.member:
        if not labels:
            draft.note_own(("member", label), "this entry has no grid, so it has no members.")
        elif label not in labels:
            hint = did_you_mean(label, labels)
            there_are = listed((shown(one) for one in labels), "and")
            draft.note_own(("member", label), f"the grid has no such member.{hint} There are: {there_are}.")
    if labels and own.reference is not None:
        message = f'this entry has {len(labels)} members. Say whose figures they are: member."{labels[0]}".reference'
        draft.note_own(("reference",), message)


def _variant(draft: Draft, own: Own, terms: Terms, point: Member, recipe: Recipe, seed: int) -> Variant:
    notes = own.member.get(point.label, Notes()) if point.label else own
    name = f"{draft.name}@{point.label}" if point.label else draft.name
    spec = RunSpec(
        experiment=draft.name,
        member=point.label,
        title=_run_title(own.title or draft.name, point),
        group=terms.group,
        seed=seed,
        factor=terms.factor or tuple(axes(terms.grid)),
        baseline=None if terms.baseline in (name, draft.name) else terms.baseline,
        **{key: getattr(recipe, key) for key in RECIPE_KEYS},
    )
    return Variant(
        spec=spec,
        description=notes.description or own.description,
        conclusion=notes.conclusion or own.conclusion,
        reference=notes.reference,
        smallest_effect=terms.smallest_effect,
    )


def _run_title(title: str, point: Member) -> str:
    return " ".join((title, *point.labels))


def _fits(kind: Type, text: str) -> bool:
    bare = type_messages.bare(kind)
    assert isinstance(bare, StrType)
    return type_messages.matches(bare, text)
