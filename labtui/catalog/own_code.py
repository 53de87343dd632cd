"""Names of a user's own classes and functions, and of torchvision's and timm's models, in a recipe.

The catalog calls them by their names, with their arguments beside that: `model = { name = "MyNet", width = 64 }`. A
spec holds them as `LabModel`, `LibraryModel`, `LabTransform`, and for data sets in `data.arguments` and `data.source`.
Here one is made of the other: what is a name of code is taken out of the table, checked against the signature, and put
into the recipe after everything else was converted.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from labtui.catalog import type_messages
from labtui.catalog.problems import KeyProblem
from labtui.catalog.schema_types import NONE, RECIPE, Recipe, field_of, tags
from labtui.catalog.type_checks import checked_value, convert, partial_problems, unknown_keys
from labtui.catalog.words import KeyPath, did_you_mean, shown, shown_all
from labtui.lab_code import FOLDER, Definition, LabCode, installed
from labtui.spec import AnyModel, Arguments, LabModel, LabTransform, LibraryModel, Transform

LIBRARIES = ("torchvision:", "timm:")
_TAKEN = ("name", "use", "arguments", "source", "weights")
"""Keys beside the name of a model or transform that mean something else: no parameter can be called so."""

_MODEL = field_of(RECIPE, "model")
assert _MODEL is not None
_MODELS = tags(_MODEL.type)
_TRANSFORMS = tags(msgspec.inspect.type_info(Transform))
_PLACEHOLDER = {"name": "cnn"}
_TRANSFORM_PLACEHOLDER = {"name": "horizontal_flip", "p": 0.0}


def convert_recipe(table: Mapping[str, Any], code: LabCode) -> tuple[Recipe | None, list[KeyProblem]]:
    """A table as a recipe, and all problems with it; None where it has some."""
    taken = _Taken(table, code)
    recipe, problems = convert(taken.rest, Recipe)
    problems = [*taken.problems, *problems]
    return (taken.put_into(recipe) if recipe is not None and not problems else None), problems


def partial_recipe_problems(table: Mapping[str, Any], code: LabCode) -> list[KeyProblem]:
    """The problems of a table that holds only a part of a recipe's keys."""
    taken = _Taken(table, code, complete=False)
    return [*taken.problems, *partial_problems(taken.rest, Recipe)]


def code_paths(table: Mapping[str, Any], code: LabCode) -> tuple[str, ...]:
    """The keys of a recipe's own code: what a grid may vary and a factor may name besides the keys of all recipes."""
    model, data = table.get("model"), table.get("data")
    found: list[str] = []
    name = model.get("name") if isinstance(model, dict) else None
    if _library(name):
        found.append("model.weights")
    elif name not in _MODELS and (definition := code.find("models", name)):
        found += [*(f"model.{one.name}" for one in definition.parameters), "model.source"]
    name = data.get("name") if isinstance(data, dict) else None
    if isinstance(data, dict) and data.get("arguments") and (definition := code.find("datasets", name)):
        found += [f"data.arguments.{one.name}" for one in definition.parameters]
    return tuple(found)


class _Taken:
    """The parts of a table that name code, and the `rest` with placeholders."""

    def __init__(self, table: Mapping[str, Any], code: LabCode, *, complete: bool = True) -> None:
        self.rest = dict(table)
        self.problems: list[KeyProblem] = []
        self._code = code
        self._complete = complete
        self._model: AnyModel | None = None
        self._transforms: dict[int, LabTransform] = {}
        self._data: dict[str, Any] = {}
        self._take_model(table.get("model"))
        self._take_transforms(table.get("data"))
        self._take_dataset(self.rest.get("data"))

    def put_into(self, recipe: Recipe) -> Recipe:
        """The converted rest with the parts in their places."""
        data = recipe.data
        if self._transforms and data.augment is not None:
            listed = tuple(self._transforms.get(index, one) for index, one in enumerate(data.augment.transforms))
            data = msgspec.structs.replace(data, augment=msgspec.structs.replace(data.augment, transforms=listed))
        if self._data:
            data = msgspec.structs.replace(data, **self._data)
        return msgspec.structs.replace(recipe, data=data, model=self._model or recipe.model)

    def _take_model(self, table: Any) -> None:
        name = table.get("name") if isinstance(table, dict) else None
        if not isinstance(name, str) or name in _MODELS:
            return
        if _library(name):
            self._model = self._library_model(table)
        elif definition := self._code.find("models", name):
            arguments = self._arguments(definition, _beside(table), ("model",))
            self._model = LabModel(use=name, arguments=arguments, source=definition.source)
        else:
            self._unknown("models", name, tuple(_MODELS), ("model", "name"), "torchvision:NAME and timm:NAME too")
        self.rest["model"] = _PLACEHOLDER

    def _library_model(self, table: Mapping[str, Any]) -> AnyModel | None:
        keys = ("name", "weights", "weights_fingerprint")
        self.problems += unknown_keys(table, keys, ("model",))
        plain = {"use": table["name"]} | {key: table[key] for key in keys[1:] if table.get(key) not in (None, NONE)}
        try:
            return msgspec.convert(plain, LibraryModel)
        except msgspec.ValidationError:
            wrong = "weights" if isinstance(plain.get("weights", ""), str) is False else "name"
            allowed = (
                "a name such as torchvision:resnet50; weights is text: a path, or the name of torchvision's weights"
            )
            self.problems.append(
                KeyProblem(("model", wrong), f"{shown(table[wrong])} is not allowed. Allowed: {allowed}.")
            )
            return None

    def _take_transforms(self, data: Any) -> None:
        augment = data.get("augment") if isinstance(data, dict) else None
        listed = augment.get("transforms") if isinstance(augment, dict) else None
        if not isinstance(augment, dict) or not isinstance(listed, list | tuple):
            return
        rest = list(listed)
        for index, table in enumerate(listed):
            name = table.get("name") if isinstance(table, dict) else None
            if not isinstance(name, str) or name in _TRANSFORMS:
                continue
            at: KeyPath = ("data", "augment", "transforms", index)
            if definition := self._code.find("transforms", name):
                arguments = self._arguments(definition, _beside(table), at)
                self._transforms[index] = LabTransform(use=name, arguments=arguments, source=definition.source)
            else:
                self._unknown("transforms", name, tuple(_TRANSFORMS), (*at, "name"))
            rest[index] = _TRANSFORM_PLACEHOLDER
        self.rest["data"] = {**data, "augment": {**augment, "transforms": rest}}

    def _take_dataset(self, data: Any) -> None:
        name = data.get("name") if isinstance(data, dict) else None
        definition = self._code.find("datasets", name)
        if not isinstance(data, dict) or not isinstance(name, str) or definition is None:
            for key in ("arguments", "source"):
                if isinstance(data, dict) and data.get(key) not in (None, NONE, {}):
                    message = f"{shown(name)} is not defined in {FOLDER}/datasets.py, so it has none. Leave it out."
                    self.problems.append(KeyProblem(("data", key), message))
            return
        given = data.get("arguments", {})
        if isinstance(given, dict):
            arguments = self._arguments(definition, given, ("data", "arguments"))
            self._data = {"arguments": arguments, "source": definition.source}
            self.rest["data"] = {key: value for key, value in data.items() if key not in ("arguments", "source")}

    def _arguments(self, definition: Definition, given: Mapping[str, Any], at: KeyPath) -> dict[str, Any]:
        """The arguments of a call, checked against the signature, with every default."""
        known = [one.name for one in definition.parameters]
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known, quote=False)
                keys = shown_all(known) or "none"
                message = f"{definition.name} has no such parameter.{hint} Parameters: {keys}."
                self.problems.append(KeyProblem((*at, key), message))
        arguments: dict[str, Any] = {}
        for parameter in definition.parameters:
            if parameter.name in _TAKEN:
                message = f"the parameter {parameter.name!r} of {definition.name} cannot be set here: rename it."
                self.problems.append(KeyProblem((*at, parameter.name), message))
            elif parameter.name in given:
                value, problems = checked_value(parameter.hint, given[parameter.name], (*at, parameter.name))
                self.problems += problems or _not_plain(value, (*at, parameter.name))
                arguments[parameter.name] = _frozen(value)
            elif not parameter.required:
                arguments[parameter.name] = _frozen(parameter.default)
            elif self._complete:
                allowed = type_messages.described(msgspec.inspect.type_info(parameter.hint))
                self.problems.append(KeyProblem((*at, parameter.name), type_messages.missing(allowed)))
        return arguments

    def _unknown(self, kind: str, name: str, registry: tuple[str, ...], at: KeyPath, also: str = "") -> None:
        known = (*registry, *self._code.of(kind), *installed(kind))
        message = f"{shown(name)} is unknown.{did_you_mean(name, known)} Allowed: {shown_all(known, 'or')}"
        message += f"; {also}" if also else ""
        broken = [problem for problem in self._code.problems if problem.startswith(f"{FOLDER}/{kind}.py")]
        message += f". It may be in {broken[0]}, which cannot be read" if broken else ""
        self.problems.append(KeyProblem(at, f"{message}."))


def _library(name: Any) -> bool:
    return isinstance(name, str) and name.startswith(LIBRARIES)


def _beside(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in ("name", "source")}


def _frozen(value: Any) -> Any:
    """Lists as tuples, as a spec has them that was read from its file."""
    return tuple(value) if isinstance(value, list) else value


def _not_plain(value: Any, at: KeyPath) -> list[KeyProblem]:
    try:
        msgspec.convert({"value": value}, Arguments)
    except msgspec.ValidationError:
        return [KeyProblem(at, f"{shown(value)} is not a number, text, true, false or a list of these.")]
    return []
