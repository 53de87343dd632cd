"""A catalog entry for a Python script, from its source: its options, and the lines that it prints. Executes nothing.

Options are read from the syntax tree: argparse, click, fields of dataclasses that tyro or simple_parsing turn into
options, and plain assignments at the top of a module, as nanoGPT has them. What cannot be read there is left to the
user, and said.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from labtui.catalog.fields import inline
from labtui.errors import UsageError
from labtui.program import STEP_NAMES
from labtui.spec import Parameter
from labtui.store.tags import better_by_name

Kind = Literal["argparse", "click", "dataclass", "globals", "hydra", "none"]

ROLES = {
    "seed": ("seed", "random_seed", "manual_seed", "rng_seed"),
    "run_dir": (
        "out_dir", "output_dir", "outdir", "out", "output", "run_dir", "save_dir", "log_dir", "logdir", "logging_dir",
        "dir", "default_root_dir", "workdir", "work_dir", "checkpoint_dir", "results_dir",
    ),
    "device": ("device",),
    "resume": ("resume", "resume_from", "resume_from_checkpoint", "ckpt", "ckpt_path", "checkpoint", "init_from"),
}  # fmt: skip
"""Options whose value labtui supplies, by what it supplies."""

_STEPS = ("max_steps", "max_iters", "num_steps", "total_steps", "steps", "iterations", "iters", "max_epochs",
          "num_epochs", "epochs")  # fmt: skip
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_MOST_LINES = 3
_JUDGED = ("val", "valid", "validation", "eval", "test")
"""Words of a tag by which an experiment is rather judged than by its training loss."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a script, as its source declares it."""

    name: str
    default: Parameter | None
    style: Literal["value", "switch", "no"] = "value"
    many: bool = False


@dataclass(slots=True)
class Script:
    """What the source of a script says about it."""

    kind: Kind = "none"
    options: dict[str, Option] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """Patterns of the lines that it prints, for `read.log`."""
    writes_events: bool = False


def read_script(source: str) -> Script:
    """What a script's source says. Raises UsageError if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"The script cannot be read as Python: {error}.") from error
    script = Script(lines=list(dict.fromkeys(_printed_lines(tree)))[:_MOST_LINES])
    script.writes_events = any(word in source for word in ("SummaryWriter", "TensorBoard", "tensorboard", "lightning"))
    for kind, found in (("argparse", _argparse), ("click", _click), ("dataclass", _dataclasses)):
        found(tree, script)
        if script.options:
            script.kind = kind  # type: ignore[assignment]
            return script
    if "hydra.main" in source:
        script.kind = "hydra"
    elif "exec(open(" in source or "configurator" in source:
        _globals(tree, script)
        script.kind = "globals" if script.options else "none"
    return script


def entry_for(path: str, name: str, source: str) -> str:
    """A catalog entry for the script at `path`, as TOML with comments. Raises UsageError if it is not Python."""
    script = read_script(source)
    roles = {role: next((one for one in names if one in script.options), None) for role, names in ROLES.items()}
    taken = {option for option in roles.values() if option}
    param = {key: one for key, one in script.options.items() if key not in taken and one.default is not None}
    unset = [key for key, one in script.options.items() if key not in taken and one.default is None]
    lines = [f"[experiment.{name}]", f"run = {inline(_command(path, script, roles, param))}"]
    if roles["seed"] is None:
        lines.append("# no option takes the seed: add one, or all seeds train the same thing")
    if unset:
        lines.append(f"# without a default, so not in param: {', '.join(unset)}")
    if param:
        lines.append(f"param = {inline({key: one.default for key, one in param.items()})}")
    lines += _flags(script, param)
    lines += _metrics(script)
    if steps := next((key for key in _STEPS if key in param and isinstance(param[key].default, int)), None):
        lines.append(f'steps = "{{param.{steps}}}"')
    lines += _resuming(roles)
    return "\n".join(lines) + "\n"


def _command(path: str, script: Script, roles: dict[str, str | None], param: dict[str, Option]) -> str:
    words = [f"python {path}" if " " not in path else f"python '{path}'"]
    words += [f"<{one}>" for one in script.positional]
    mark = "" if script.kind == "hydra" else "--"
    for role, placeholder in (("run_dir", "{run_dir}"), ("seed", "{seed}"), ("device", "{device}")):
        if option := roles[role]:
            words.append(f"{mark}{option}={placeholder}")
    if script.kind == "hydra":
        words.append("hydra.run.dir={run_dir}")
    return " ".join([*words, *(["{params}"] if param else [])])


def _flags(script: Script, param: dict[str, Option]) -> list[str]:
    if script.kind == "hydra":
        return ['flags = "hydra"']
    styles = {one.style for one in param.values() if isinstance(one.default, bool)}
    settings: dict[str, str] = {}
    if styles - {"value"}:
        settings["bool"] = "no" if "no" in styles else "switch"
    if any(one.many for one in param.values()):
        settings |= {"style": "space", "list": "words"}
    return [f"flags = {inline(settings)}"] if settings else []


def _metrics(script: Script) -> list[str]:
    tags = [tag for line in script.lines for tag in re.findall(r"\{([^{}]+)\}", line) if tag not in STEP_NAMES]
    known = [tag for tag in dict.fromkeys(tags) if better_by_name(tag)]
    judged = next((tag for tag in known if any(word in tag for word in _JUDGED)), next(iter(known), None))
    lines: list[str] = []
    if judged:
        lines.append(f"metric = {inline({'tag': judged, 'better': better_by_name(judged)})}")
    else:
        lines.append('# metric = { tag = "val/loss", better = "lower" }    # what it is judged by')
    if script.lines:
        lines.append(f"read.log = {inline(script.lines)}")
    elif not script.writes_events:
        lines.append('# read.log = ["step {step}: loss {train/loss}"]       # or read.jsonl, read.csv')
    return lines


def _resuming(roles: dict[str, str | None]) -> list[str]:
    option = roles["resume"]
    text = f"--{option}={{checkpoint}}" if option else "--resume={checkpoint}"
    why = "" if option else "    # if it can resume"
    return [f'# checkpoint = "{{run_dir}}/ckpt.pt"{why}', f'# resume = "{text}"']


# --- Options ----------------------------------------------------------------------------------------------------------


def _argparse(tree: ast.AST, script: Script) -> None:
    for call in _calls(tree, "add_argument"):
        names = [word for argument in call.args if isinstance(word := _literal(argument), str)]
        flags = [name for name in names if name.startswith("--")]
        settings = {one.arg: one.value for one in call.keywords if one.arg}
        if names and not any(name.startswith("-") for name in names):
            script.positional.append(names[0])
        elif flags:
            option = _option(flags[0].removeprefix("--"), settings)
            script.options[option.name] = option


def _click(tree: ast.AST, script: Script) -> None:
    for call in _calls(tree, "option"):
        names = [word for argument in call.args if isinstance(word := _literal(argument), str)]
        flags = [name for name in names if name.startswith("--")]
        settings = {one.arg: one.value for one in call.keywords if one.arg}
        if flags:
            on, slash, _ = flags[0].partition("/")
            option = _option(on.removeprefix("--"), settings)
            paired = Option(option.name, bool(option.default), "no") if slash else option
            script.options[option.name] = paired


def _dataclasses(tree: ast.AST, script: Script) -> None:
    """The fields of a dataclass that a call such as `tyro.cli(Config)` names; of the first dataclass if none does."""
    classes = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list)
    }
    parsers = ("tyro", "simple_parsing", "HfArgumentParser", "draccus", "pyrallis")
    named = [
        name.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and any(parser in ast.unparse(call.func) for parser in parsers)
        for name in ast.walk(call)
        if isinstance(name, ast.Name) and name.id in classes
    ]
    for chosen in dict.fromkeys(named):
        for node in classes[chosen].body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                default = _parameter(_literal(node.value))
                style: Literal["value", "no"] = "no" if isinstance(default, bool) else "value"
                script.options[node.target.id] = Option(node.target.id, default, style, isinstance(default, tuple))


def _globals(tree: ast.Module, script: Script) -> None:
    """Plain values at the top of a module, up to the line that executes a configurator, which may override them."""
    for node in tree.body:
        if isinstance(node, ast.Expr) and "exec(" in ast.unparse(node):
            return
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, default = node.targets[0].id, _parameter(_literal(node.value))
            if default is not None and not isinstance(default, tuple) and not name.startswith("_"):
                script.options[name] = Option(name, default)


def _option(name: str, settings: dict[str, ast.expr]) -> Option:
    action = _literal(settings["action"]) if "action" in settings else None
    action_text = ast.unparse(settings["action"]) if "action" in settings else ""
    is_flag = _literal(settings["is_flag"]) if "is_flag" in settings else None
    if action in ("store_true", "store_false") or is_flag is True:
        return Option(name, action == "store_false", "switch")
    default = _parameter(_literal(settings["default"])) if "default" in settings else None
    if "BooleanOptionalAction" in action_text:
        return Option(name, bool(default), "no")
    kind = ast.unparse(settings["type"]) if "type" in settings else ""
    if kind == "float" and isinstance(default, int) and not isinstance(default, bool):
        default = float(default)
    many = "nargs" in settings and isinstance(default, tuple)
    return Option(name, default, "value", many)


def _calls(tree: ast.AST, method: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield node


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _parameter(value: Any) -> Parameter | None:
    """The value as a parameter; None for what a catalog cannot hold."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(one, bool | int | float | str) for one in value):
        return tuple(value)
    return None


# --- What it prints ---------------------------------------------------------------------------------------------------


def _printed_lines(tree: ast.AST) -> Iterator[str]:
    """Patterns of the formatted lines that a script prints or logs, those with a loss or another known metric."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.JoinedStr):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("print", "info", "write", "log", "warning"):
            pattern, tags = _pattern(node.args[0].values)
            if any(better_by_name(tag) for tag in tags):
                yield pattern


def _pattern(parts: Sequence[ast.expr]) -> tuple[str, list[str]]:
    """The pattern of a formatted string up to its last field, and the tags in it."""
    text, tags, names = "", [], set[str]()
    before = ""
    for part in parts:
        if isinstance(part, ast.Constant):
            before = str(part.value)
            text += before
            continue
        if not isinstance(part, ast.FormattedValue):
            continue
        name = _field_name(before, part.value)
        while name in names:
            name += "_2"
        names.add(name)
        text += f"{{{name}}}"
        tags += [name] if name not in STEP_NAMES else []
        before = ""
    return text[: text.rfind("}") + 1].strip(), tags


def _field_name(before: str, value: ast.expr) -> str:
    """A tag for a value: the words before it, else the variable's name. `train loss ` gives `train/loss`."""
    words = [word.strip("./-") for word in _WORD.findall(before)][-2:]
    variable = ast.unparse(value).rpartition(".")[2].strip("()'\"]")
    last: str = words[-1].lower() if words else variable.lower()
    for name, synonyms in (("step", ("step", "iter", "iteration", "global_step")), ("epoch", ("epoch", "ep"))):
        if last in synonyms:
            return name
    if not words:
        return re.sub(r"[^A-Za-z0-9_/]+", "_", variable) or "value"
    if len(words) == 2 and words[0].lower() in ("train", "training", *_JUDGED):
        return "/".join(word.lower() for word in words)
    return last
