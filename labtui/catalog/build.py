"""One entry of the file, with everything that it inherits, as an Experiment; and everything that is wrong with it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec.inspect import type_info

from labtui.catalog import type_messages
from labtui.catalog.extends import Layer, level_of, merged, written_at
from labtui.catalog.grid import GridPoint, axes, grid_points, grid_problems
from labtui.catalog.own_code import code_paths, convert_recipe, partial_recipe_problems
from labtui.catalog.problems import KeyProblem
from labtui.catalog.programs import declared_metric, program_paths, program_problems, recipe_values
from labtui.catalog.schema_types import (
    ENTRY_KEYS,
    NONE,
    OWN_KEYS,
    PROGRAM_KEYS,
    RECIPE_KEYS,
    RECIPE_PATHS,
    TERMS_KEYS,
    Notes,
    Own,
    Program,
    Recipe,
    Terms,
)
from labtui.catalog.seeds import read_seeds
from labtui.catalog.semantic_checks import contradictions, reference_problems, unknown_dataset
from labtui.catalog.type_checks import convert, unknown_keys
from labtui.catalog.words import KeyPath, did_you_mean, shown, shown_all
from labtui.errors import UsageError
from labtui.lab_code import LabCode
from labtui.spec import Experiment, FolderPart, Name, ProgramSpec, RunSpec, Spec, Variant
from labtui.store.tags import is_accuracy

_MOST_PROBLEMS = 10
_FACTOR = "Allowed: keys such as optimizer.lr, and tables such as penalty or data.augment."


_RESERVED = {NONE: "that there is none", "last": "the newest run"}
"""Names that no entry can have, and what they mean."""


class EntryBuilder:
    """Builds the experiment of one entry. Each of its `problems` is located where the key is written in the file."""

    def __init__(
        self,
        name: str,
        own_table: Mapping[str, Any],
        layers: Sequence[Layer],
        problems: Iterable[KeyProblem],
        datasets: Collection[str],
        code: LabCode,
    ) -> None:
        self.at: KeyPath = ("experiment", name)
        self.problems = list(problems)
        self._name = name
        self._own_table = own_table
        self._is_program = level_of(layers, ("run",)) >= 0
        """Whether its training is a program of the user's own; what [defaults] say about recipes is not for it."""
        self._layers = [_without_recipe(layers[0]), *layers[1:]] if self._is_program else layers
        """What its inheritable keys are merged from, the lowest first and its own last."""
        self._datasets = datasets
        self._code = code

    @property
    def _complete(self) -> bool:
        """Whether all that it extends is known. Where it is not, what the entry lacks may be in the missing part."""
        return not any(problem.at[-1] == "extends" for problem in self.problems)

    def build(self, line: int) -> Experiment | None:
        """The experiment of an entry that begins in `line`; None where the entry has problems."""
        own = self._read_own()
        terms = self._read_terms()
        seeds = self._read_seeds(terms) if terms else ()
        points = self._grid_points(terms)
        recipes = [self._read_recipe(point) for point in points]
        if own is None or terms is None or self.problems:
            return None
        title = own.title or self._name
        self._check_title(title, points)
        self._check_notes(own, points)
        if self.problems:
            return None
        variants = tuple(
            self._variant(own, terms, point, recipe, seeds[0])
            for point, recipe in zip(points, recipes, strict=True)
            if recipe
        )
        return Experiment(
            name=self._name,
            title=title,
            group=terms.group,
            description=own.description,
            factor=variants[0].spec.factor,
            baseline=None if terms.baseline == self._name else terms.baseline,
            seeds=seeds,
            offline_dataset=terms.offline_dataset,
            metric=terms.metric,
            variants=variants,
            line=line,
        )

    def _add_own(self, at: KeyPath, message: str) -> None:
        """A problem with a key that only the entry itself can hold."""
        self.problems.append(KeyProblem((*self.at, *at), message))

    def _add(self, at: KeyPath, message: str, over: Sequence[Layer] = ()) -> None:
        """A problem with a key that may be inherited, or come from the layers of a grid `over` it."""
        self.problems.append(KeyProblem(written_at([*self._layers, *over], at), message))

    def _read_own(self) -> Own | None:
        """What only the entry itself can hold."""
        if not _fits(self._name, Name) or self._name in _RESERVED:
            reserved = f"; {shown(self._name)} means {_RESERVED[self._name]}" if self._name in _RESERVED else ""
            allowed = f"{type_messages.described(type_info(Name))}{reserved}"
            self._add_own((), f"{shown(self._name)} cannot be the name of an entry. Allowed: {allowed}.")
        own, problems = convert(_part(self._own_table, OWN_KEYS), Own)
        dotted = [key for key, value in self._own_table.items() if key[:1].isdigit() and isinstance(value, dict)]
        for key in dotted:
            self._add_own((key,), f"TOML reads this as the key {key} of {self._name}: a name cannot have a dot.")
        rest = {key: value for key, value in self._own_table.items() if key not in dotted}
        for problem in (*unknown_keys(rest, ENTRY_KEYS), *problems):
            self._add_own(problem.at, problem.message)
        for at, notes in _all_notes(own) if own else ():
            for problem in islice(reference_problems(notes.reference), _MOST_PROBLEMS) if notes.reference else ():
                self._add_own((*at, "reference", *problem.at), problem.message)
        return own

    def _read_terms(self) -> Terms | None:
        """How the entry is grouped, repeated and compared. Whether its baseline exists is checked later."""
        terms, problems = convert(_part(merged(self._layers), TERMS_KEYS), Terms)
        for problem in problems:
            self._add(problem.at, problem.message)
        if terms is None:
            return None
        self._check_grid(axes(terms.grid))
        paths = self._recipe_paths()
        for index, key in enumerate(terms.factor):
            if key not in paths:
                hint = did_you_mean(key, paths)
                allowed = f"Allowed: {shown_all(paths)}." if self._is_program else _FACTOR
                self._add(("factor", index), f"{shown(key)} is not a key of a recipe.{hint} {allowed}")
        if terms.offline_dataset is not None and (message := unknown_dataset(terms.offline_dataset, self._datasets)):
            self._add(("offline_dataset",), message)
        return terms

    def _recipe_paths(self) -> tuple[str, ...]:
        """The keys of its recipe: what a grid may vary and a factor may name."""
        table = merged(self._layers)
        if not self._is_program:
            return (*RECIPE_PATHS, *code_paths(table, self._code))
        return program_paths(table.get("param"), table.get("env"))

    def _check_grid(self, varied: Mapping[str, Any]) -> None:
        for problem in grid_problems(varied, self._recipe_paths()):
            self._add(("grid", *problem.at), problem.message)
        for key in varied:
            at = tuple(key.split("."))
            if level_of(self._layers, at) > level_of(self._layers, ("grid",)):
                message = "this key is set here and varied by the inherited grid."
                self._add(at, f'{message} Write grid = "none" to set it, or leave it out.')

    def _read_seeds(self, terms: Terms) -> tuple[int, ...]:
        try:
            return read_seeds(terms.seeds)
        except UsageError as error:
            self._add(("seeds",), error.message)
            return (0,)

    def _grid_points(self, terms: Terms | None) -> tuple[GridPoint, ...]:
        """The points of the grid; a single one without changes where the entry has no grid, or one with problems."""
        varied = axes(terms.grid) if terms else {}
        if any(grid_problems(varied, self._recipe_paths())):
            return (GridPoint(),)
        return grid_points(varied, {key: written_at(self._layers, ("grid", *key.split("."))) for key in varied})

    def _read_recipe(self, point: GridPoint) -> Recipe | Program | None:
        """The recipe of one variant, or its program."""
        table = merged([*self._layers, *point.layers])
        if self._is_program:
            return self._read_program(point, table)
        for key in (key for key in PROGRAM_KEYS if key in table):
            self._add((key,), "this key belongs to a program of your own: it needs run, the command.", point.layers)
        recipe = None
        if self._complete:
            recipe, problems = convert_recipe(_part(table, RECIPE_KEYS), self._code)
            problems.extend(islice(contradictions(recipe), _MOST_PROBLEMS) if recipe else ())
        else:
            problems = partial_recipe_problems(_part(table, RECIPE_KEYS), self._code)
        if message := self._dataset_problem(table.get("data", {})):
            problems = [problem for problem in problems if problem.at != ("data", "name")]
            problems.append(KeyProblem(("data", "name"), message))
        for problem in problems:
            self._add(problem.at, problem.message, point.layers)
        return recipe

    def _read_program(self, point: GridPoint, table: Mapping[str, Any]) -> Program | None:
        for key in (key for key in RECIPE_KEYS if key in table):
            message = "an entry with run has no recipe: what the program trains is its own. Remove this key."
            self._add((key,), message, point.layers)
        entry, problems = convert(_part(table, PROGRAM_KEYS), Program)
        problems.extend(islice(program_problems(entry), _MOST_PROBLEMS) if entry else ())
        for problem in problems:
            self._add(problem.at, problem.message, point.layers)
        return entry

    def _dataset_problem(self, data: Any) -> str:
        """What is wrong with the name of the data set, in a message that names those that there are."""
        if not isinstance(data, dict) or not isinstance(data.get("name", ""), str):
            return ""
        if "name" in data:
            known = data["name"] in self._datasets or self._code.find("datasets", data["name"])
            return "" if known else unknown_dataset(data["name"], self._datasets)
        return type_messages.missing(shown_all(self._datasets, "or")) if self._complete else ""

    def _check_title(self, title: str, points: Sequence[GridPoint]) -> None:
        unfit = [whole for whole in (_run_title(title, point) for point in points) if not _fits(whole, FolderPart)]
        if unfit:
            message = f"with a variant of the grid it is {shown(unfit[0])}, which cannot be the name of a folder"
            self._add_own(("title",), f"{message}: {type_messages.described(type_info(FolderPart))}.")

    def _check_notes(self, own: Own, points: Sequence[GridPoint]) -> None:
        labels = [point.label for point in points if point.label]
        for label in own.member:
            if not labels:
                self._add_own(("member", label), "this entry has no grid, so it has no variants.")
            elif label not in labels:
                message = f"the grid has no such variant.{did_you_mean(label, labels)} Variants: {shown_all(labels)}."
                self._add_own(("member", label), message)
        if labels and own.reference is not None:
            message = f"this entry has {len(labels)} variants. State which variant the figures belong to"
            self._add_own(("reference",), f'{message}: member."{labels[0]}".reference')

    def _variant(self, own: Own, terms: Terms, point: GridPoint, recipe: Recipe | Program, seed: int) -> Variant:
        notes = own.member.get(point.label, Notes()) if point.label else own
        name = f"{self._name}@{point.label}" if point.label else self._name
        labels: dict[str, Any] = {
            "experiment": self._name,
            "member": point.label,
            "title": _run_title(own.title or self._name, point),
            "group": terms.group,
            "seed": seed,
            "factor": terms.factor or tuple(axes(terms.grid)),
            "baseline": None if terms.baseline in (name, self._name) else terms.baseline,
        }
        spec: Spec
        if isinstance(recipe, Program):
            spec = ProgramSpec(**labels, metric=declared_metric(terms.metric), **recipe_values(recipe))
        else:
            spec = RunSpec(**labels, **{key: getattr(recipe, key) for key in RECIPE_KEYS})
        return Variant(
            spec=spec,
            description=notes.description or own.description,
            conclusion=notes.conclusion or own.conclusion,
            reference=notes.reference,
            smallest_effect=self._smallest_effect(terms),
        )

    def _smallest_effect(self, terms: Terms) -> float:
        """As declared. The default is meant for accuracies: a program that is judged by something else has none."""
        tag = terms.metric.tag if terms.metric else None
        declared = level_of(self._layers, ("smallest_effect",)) >= 0
        return terms.smallest_effect if declared or not self._is_program or (tag and is_accuracy(tag)) else 0.0


def _without_recipe(layer: Layer) -> Layer:
    return Layer({key: value for key, value in layer.table.items() if key not in RECIPE_KEYS}, layer.at)


def _part(table: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key in keys}


def _all_notes(own: Own) -> Iterator[tuple[KeyPath, Notes]]:
    yield (), own
    for label, notes in own.member.items():
        yield ("member", label), notes


def _run_title(title: str, point: GridPoint) -> str:
    return " ".join((title, *point.labels))


def _fits(text: str, kind: Any) -> bool:
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True
