"""The command line of a program that a user runs as an experiment: its words, placeholders and flags. Pure.

A command is split into words first, by the rules of a POSIX shell's quotes, and placeholders are filled in afterwards:
a value is never split, and no shell sees it. Braces around anything that is not a placeholder's name stay as they are.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labtui.spec import Flags, Parameter, ProgramSpec, Scalar

PARAMS = "params"
"""The placeholder that stands for all parameters, each with its flag; it must be a word of its own."""

PLACEHOLDERS = {
    "run_dir": "the run's folder, as an absolute path",
    "seed": "the seed",
    "device": "`cpu`, `cuda` or `mps`; only one GPU is visible, so that it is never `cuda:1`",
    "threads": "the number of CPU threads",
    PARAMS: "all parameters, each with its flag",
    "param.NAME": "the value of one parameter",
    "checkpoint": "in `resume`: the newest file or folder that `checkpoint` matches",
}
"""What a command may contain in braces, and what it becomes."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one attempt runs."""

    run_dir: str
    device: str
    """`cpu`, `cuda` or `mps`."""
    threads: int
    checkpoint: str = ""
    """The checkpoint to resume from; empty if there is none."""


def split(command: str) -> list[str]:
    """The words of a command. Raises ValueError for a quote that is not closed."""
    return shlex.split(command)


def command_words(spec: ProgramSpec, place: Place) -> list[str]:
    """The words of the command of one attempt; with a checkpoint, those of `resume` follow.

    Raises ValueError for a command that cannot be split.
    """
    words = [word for template in split(spec.run) for word in _filled(template, spec, place)]
    if place.checkpoint and spec.resume:
        words += [word for template in split(spec.resume) for word in _filled(template, spec, place)]
    return words


def filled(template: str, spec: ProgramSpec, place: Place) -> str:
    """A text with its placeholders filled in; `{params}` stays as it is."""
    values = _values(spec, place)
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def environment(spec: ProgramSpec, place: Place) -> dict[str, str]:
    """The variables that the catalog sets, and those that every program gets."""
    own = {name: filled(value, spec, place) for name, value in spec.env.items()}
    return {"LABTUI_RUN_DIR": place.run_dir, "LABTUI_SEED": str(spec.seed), **own}


def planned_steps(spec: ProgramSpec) -> int | None:
    """The number of steps that the program will make, if `steps` says so."""
    if spec.steps is None or isinstance(spec.steps, int):
        return spec.steps
    match = _PLACEHOLDER.fullmatch(spec.steps)
    value = spec.param.get(match[1].removeprefix("param.")) if match else None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
    return int(value) if whole and isinstance(value, int | float) else None


def shown_command(spec: ProgramSpec) -> str:
    """The command as one would type it, with `RUN_DIR` and the like where only a run knows the value."""
    place = Place(run_dir="RUN_DIR", device="DEVICE", threads=1)
    try:
        return shlex.join(command_words(spec, place))
    except ValueError:
        return spec.run


def uses_seed(spec: ProgramSpec) -> bool:
    """Whether the command or its environment contains the seed."""
    return any("{seed}" in text for text in (spec.run, *spec.env.values()))


# --- Flags ------------------------------------------------------------------------------------------------------------


def flag_words(param: Mapping[str, Parameter], flags: Flags) -> list[str]:
    """All parameters as words of a command line."""
    return [word for name, value in param.items() for word in _flag(name, value, flags)]


def value_text(value: Scalar) -> str:
    """A value as Python prints it: `0.001`, `True`, `adam`."""
    return value if isinstance(value, str) else str(value)


def _flag(name: str, value: Parameter, flags: Flags) -> Iterator[str]:
    if isinstance(value, tuple):
        yield from _list(name, value, flags)
    elif isinstance(value, bool) and flags.bool != "value" and flags.style != "hydra":
        if value or flags.bool == "no":
            yield f"--{name}" if value else f"--no-{name}"
    else:
        yield from _pair(name, _scalar(value, flags), flags)


def _list(name: str, values: Sequence[Scalar], flags: Flags) -> Iterator[str]:
    texts = [_scalar(value, flags) for value in values]
    if flags.style == "hydra":
        yield f"{name}=[{','.join(texts)}]"
    elif flags.list == "repeat":
        for text in texts:
            yield from _pair(name, text, flags)
    elif flags.list == "words":
        yield from (f"--{name}", *texts)
    else:
        yield from _pair(name, ",".join(texts), flags)


def _pair(name: str, text: str, flags: Flags) -> Iterator[str]:
    match flags.style:
        case "gnu":
            yield f"--{name}={text}"
        case "space":
            yield from (f"--{name}", text)
        case "hydra":
            yield f"{name}={text}"


def _scalar(value: Scalar, flags: Flags) -> str:
    if isinstance(value, bool) and flags.style == "hydra":
        return "true" if value else "false"
    return value_text(value)


# --- Placeholders -----------------------------------------------------------------------------------------------------


def placeholders(text: str) -> list[str]:
    """The names in braces that could be placeholders, in their order."""
    return _PLACEHOLDER.findall(text)


def _filled(template: str, spec: ProgramSpec, place: Place) -> list[str]:
    if template == f"{{{PARAMS}}}":
        return flag_words(spec.param, spec.flags)
    return [filled(template, spec, place)]


def _values(spec: ProgramSpec, place: Place) -> dict[str, str]:
    known = {
        "run_dir": place.run_dir,
        "seed": str(spec.seed),
        "device": place.device.partition(":")[0],
        "threads": str(place.threads),
        "checkpoint": place.checkpoint,
    }
    for name, value in spec.param.items():
        known[f"param.{name}"] = ",".join(map(value_text, value)) if isinstance(value, tuple) else value_text(value)
    return known


# --- Patterns of log lines --------------------------------------------------------------------------------------------

_NUMBER = r"(?P<{}>[-+]?(?:\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf|infinity))"
_SPACES = re.compile(r"(?:\\ |\s)+")

STEP_NAMES = ("step", "global_step", "iteration", "iter", "epoch")
"""Names that say where on the x axis a value belongs, the first one that there is."""


@dataclass(frozen=True, slots=True)
class LinePattern:
    """Literal text with fields in braces, as a regular expression."""

    expression: re.Pattern[str]
    names: tuple[str, ...]
    """The fields, in their order: tags, and `step` or `epoch`."""

    def values(self, line: str) -> dict[str, float] | None:
        """The numbers in a line, by field; None if the line is another one. Commas in numbers are left out."""
        match = self.expression.search(line)
        if match is None:
            return None
        return {name: float(match[f"f{index}"].replace(",", "")) for index, name in enumerate(self.names)}


def line_pattern(text: str) -> LinePattern:
    """The pattern of `step {step}: val loss {val/loss}`. Any run of spaces matches any other.

    Raises ValueError for a text without a field, with one field twice, or with a step alone.
    """
    names: list[str] = []
    parts: list[str] = []
    end = 0
    for match in _BRACES.finditer(text):
        name = match[0][1:-1].strip()
        parts += [_literal(text[end : match.start()]), _NUMBER.format(f"f{len(names)}")]
        names.append(name)
        end = match.end()
    parts.append(_literal(text[end:]))
    if any(not name for name in names) or len(set(names)) != len(names):
        raise ValueError("each field needs a name of its own, as in: step {step}: loss {train/loss}")
    if not any(name not in STEP_NAMES for name in names):
        raise ValueError("there is no metric in it: write its tag in braces, as in: loss {train/loss}")
    return LinePattern(re.compile("".join(parts), re.IGNORECASE), tuple(names))


def _literal(text: str) -> str:
    return _SPACES.sub(lambda _: r"\s+", re.escape(text))
