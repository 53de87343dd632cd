"""Entries whose training is a program of the user's own: what types cannot say about them, and their parameters."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.inspect import BoolType, FloatType, IntType, StrType, Type, VarTupleType

from labtui import program
from labtui.catalog.fields import Field, read_value, written
from labtui.catalog.problems import KeyProblem
from labtui.catalog.schema_types import Program
from labtui.catalog.words import did_you_mean, quoted, shown, shown_all
from labtui.errors import UsageError
from labtui.spec import EntryMetric, Flags, Metric, Parameter, ProgramSpec
from labtui.text.words import enumeration

_WITHIN_COMMAND = tuple(name for name in program.PLACEHOLDERS if name not in ("param.NAME", "checkpoint"))


def program_paths(param: object, env: object) -> tuple[str, ...]:
    """The keys of a program's recipe: what its grid may vary and its factor may name."""
    parameters = [f"param.{name}" for name in param] if isinstance(param, Mapping) else []
    variables = [f"env.{name}" for name in env] if isinstance(env, Mapping) else []
    return (*parameters, *variables, "run", "param", "env", "code", "inputs")


def program_problems(entry: Program) -> Iterator[KeyProblem]:
    """Commands that cannot be split, placeholders that do not exist, parameters that nothing passes on."""
    known = (*_WITHIN_COMMAND, *(f"param.{name}" for name in entry.param))
    try:
        words = program.split(entry.run)
    except ValueError:
        yield KeyProblem(("run",), "a quote is not closed.")
        return
    if not words:
        yield KeyProblem(("run",), "there is no command in it.")
        return
    yield from _unknown(("run",), entry.run, known)
    for name, value in entry.env.items():
        yield from _unknown(("env", name), value, [one for one in known if one != program.PARAMS])
    yield from _params_alone(words)
    yield from _unused(entry)
    if entry.resume is not None:
        yield from _resume(entry, (*known, "checkpoint"))
    elif entry.checkpoint is not None:
        message = "without resume, nothing tells the program to read it. Example: resume = "
        yield KeyProblem(("checkpoint",), f'{message}"--resume={{checkpoint}}", or "" if it finds it by itself.')
    for index, text in enumerate(entry.read.log):
        try:
            program.line_pattern(text)
        except ValueError as error:
            yield KeyProblem(("read", "log", index), f"{error}.")
    if isinstance(entry.steps, str):
        yield from _steps(entry.steps, entry.param)


def _unknown(at: tuple[str, ...], text: str, known: Sequence[str]) -> Iterator[KeyProblem]:
    for name in dict.fromkeys(program.placeholders(text)):
        near = difflib.get_close_matches(name, known, 1, 0.7)
        if name not in known and (near or name.startswith("param.")):
            message = f"{{{name}}} is not a placeholder.{did_you_mean(name, known, quote=False)}"
            yield KeyProblem(at, f"{message} Placeholders: {enumeration([f'{{{one}}}' for one in known])}.")


def _params_alone(words: Sequence[str]) -> Iterator[KeyProblem]:
    mark = f"{{{program.PARAMS}}}"
    for word in words:
        if mark in word and word != mark:
            yield KeyProblem(("run",), f"{mark} becomes several words, so it must stand alone, not in {quoted(word)}.")


def _unused(entry: Program) -> Iterator[KeyProblem]:
    text = " ".join((entry.run, *entry.env.values()))
    if f"{{{program.PARAMS}}}" in text:
        return
    for name in entry.param:
        if f"{{param.{name}}}" not in text:
            message = f"nothing passes it to the program: write {{params}} or {{param.{name}}} in run."
            yield KeyProblem(("param", name), message)


def _resume(entry: Program, known: Sequence[str]) -> Iterator[KeyProblem]:
    assert entry.resume is not None
    try:
        program.split(entry.resume)
    except ValueError:
        yield KeyProblem(("resume",), "a quote is not closed.")
    yield from _unknown(("resume",), entry.resume, known)
    if entry.checkpoint is None:
        yield KeyProblem(
            ("resume",), 'checkpoint is missing: where does it save? Example: checkpoint = "{run_dir}/*.pt"'
        )


def _steps(text: str, param: Mapping[str, Parameter]) -> Iterator[KeyProblem]:
    numbers = [name for name, value in param.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    if text not in {f"{{param.{name}}}" for name in numbers}:
        allowed = shown_all([f"{{param.{name}}}" for name in numbers], "or") or "none has a number here"
        message = f"{shown(text)} is not allowed. Allowed: a number, or a parameter that is one: {allowed}."
        yield KeyProblem(("steps",), message)


def recipe_values(entry: Program) -> dict[str, Any]:
    """What of an entry goes into its spec as it is."""
    flags = Flags(style=entry.flags) if isinstance(entry.flags, str) else entry.flags
    values = {key: getattr(entry, key) for key in Program.__struct_fields__}
    return values | {"flags": flags}


def declared_metric(entry: EntryMetric | None) -> Metric | None:
    """The metric of an entry that declares its tag."""
    if entry is None or entry.tag is None:
        return None
    return Metric(
        tag=entry.tag, better=entry.better, unit=entry.unit or "", percent=entry.percent, take=entry.take or "last"
    )


# --- Parameters -------------------------------------------------------------------------------------------------------


def parameter_fields(spec: ProgramSpec) -> list[Field]:
    """The parameters that can be changed before a launch, for a dialog."""
    return [
        Field(
            f"param.{name}",
            _allowed(value),
            value,
            written(_type(value), value),
            ("true", "false") if isinstance(value, bool) else (),
        )
        for name, value in spec.param.items()
    ]


def override_parameters(spec: ProgramSpec, pairs: Sequence[tuple[str, Any]]) -> ProgramSpec:
    """The spec with parameters changed; each value keeps the type of its default, so that `0` renders as `0.0`.

    `param.` may be left out. Raises UsageError with everything that is wrong.
    """
    changed: dict[str, Parameter] = {}
    wrong: list[str] = []
    for key, value in pairs:
        name = key if key in spec.param else key.removeprefix("param.")
        if name not in spec.param:
            wrong.append(_unknown_parameter(key, spec))
        elif name in changed:
            wrong.append(f"param.{name} is set twice.")
        else:
            default = spec.param[name]
            given = read_value(_type(default), value) if isinstance(value, str) else value
            try:
                changed[name] = _converted(default, given)
            except ValueError:
                wrong.append(f"param.{name}: {shown(given)} is not allowed. Allowed: {_allowed(default)}.")
    if wrong:
        raise UsageError("\n".join(wrong))
    different = {name for name, value in changed.items() if value != spec.param[name]}
    names = [*(key.removeprefix("param.") for key in spec.overrides), *(name for name in changed if name in different)]
    param = {**spec.param, **changed}
    return msgspec.structs.replace(spec, param=param, overrides={f"param.{name}": param[name] for name in names})


def _unknown_parameter(key: str, spec: ProgramSpec) -> str:
    if not spec.param:
        return f"{spec.name} has no parameters: declare {quoted(key)} below param in the catalog to set it."
    hint = did_you_mean(key.removeprefix("param."), tuple(spec.param), quote=False)
    return f"{spec.name} has no parameter {quoted(key)}.{hint} Parameters: {enumeration(list(spec.param))}."


def _converted(default: Parameter, value: Any) -> Parameter:
    """The value in the type of the default. Raises ValueError."""
    if isinstance(default, tuple):
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_converted(default[0], item) if default else item for item in items)  # type: ignore[misc]
    match default:
        case bool():
            allowed = isinstance(value, bool)
        case int():
            allowed = isinstance(value, int) and not isinstance(value, bool)
        case float():
            allowed = isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return value if isinstance(value, str) else program.value_text(value)
    if not allowed:
        raise ValueError(value)
    return float(value) if isinstance(default, float) else value


def _type(value: Parameter) -> Type:
    match value:
        case bool():
            return BoolType()
        case int():
            return IntType()
        case float():
            return FloatType()
        case str():
            return StrType()
        case _:
            return VarTupleType(item_type=_type(value[0]) if value else StrType())


def _allowed(value: Parameter) -> str:
    match value:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case _:
            return f"a list, each {_allowed(value[0])}" if value else "a list"
