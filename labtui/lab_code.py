"""A user's own classes and functions in `lab/` beside the catalog, read from their syntax tree: nothing is executed.

`lab/models.py`, `lab/datasets.py` and `lab/transforms.py` hold plain classes and functions, whose names the catalog
can use. Their parameters, with types, ranges and defaults, come from their signatures. The engine, and nothing else,
imports the files; it does so only if their content is that of the run's recipe.

Packages can share such names as entry points of the groups `labtui.models`, `labtui.datasets` and `labtui.transforms`.
Their files are found through the installed package's list of files and read in the same way.
"""

import ast
import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from labtui.text.clean import clean_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDER = "lab"
"""The folder beside the catalog, and the name under which the engine imports it."""

KINDS = ("models", "datasets", "transforms")
"""Its files, without `.py`."""

GIVEN = frozenset({"self", "classes", "num_classes", "shape", "channels", "in_channels", "folder"})
"""Parameters that the engine fills in: what the data or the run decides."""

MOST_BYTES = 1_000_000
_MOST_FILES = 200

_TUPLE: Any = tuple
_PLAIN: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that the catalog can set."""

    name: str
    hint: Any
    """An annotation that msgspec can check values with; `Any` where the signature says nothing."""
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class Definition:
    """A class or function of the user's."""

    name: str
    line: int
    parameters: tuple[Parameter, ...]
    source: str
    """Twelve hexadecimal digits of its file and all that this imports from `lab/`."""
    is_class: bool = True
    file: Path | None = None
    """Of an installed package; None for a file of `lab/`."""
    reference: str = ""
    """`module:name` of an entry point; empty for a file of `lab/`."""


@dataclass(frozen=True, slots=True)
class LabCode:
    """What `lab/` defines, by kind and name."""

    folder: Path | None = None
    definitions: Mapping[str, Mapping[str, Definition]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """Files that cannot be read, each with its place."""
    registered: frozenset[str] = frozenset()
    """The data sets of the registry, whose names come first."""

    def of(self, kind: str) -> Mapping[str, Definition]:
        """The definitions of one kind in `lab/`: `models`, `datasets` or `transforms`."""
        return self.definitions.get(kind, {})

    def find(self, kind: str, name: Any) -> Definition | None:
        """The definition of a name, in `lab/` or else in an installed package; None if there is none."""
        if not isinstance(name, str) or (kind == "datasets" and name in self.registered):
            return None
        return self.of(kind).get(name) or installed(kind).get(name)


NO_CODE = LabCode()
"""Of a catalog without a folder `lab/`."""


def read_lab(catalog_folder: Path, registered: Iterable[str] = ()) -> LabCode:
    """What the folder `lab/` beside a catalog defines; nothing if there is none. Executes nothing.

    `registered` are the names of data sets that come first.
    """
    folder = catalog_folder / FOLDER
    definitions: dict[str, Mapping[str, Definition]] = {}
    problems: list[str] = []
    for kind in KINDS:
        path = folder / f"{kind}.py"
        if not path.is_file():
            continue
        try:
            tree = _parsed(path)
            definitions[kind] = _definitions(tree, source_hash(folder, kind), kind)
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            why = error.msg if isinstance(error, SyntaxError) else str(error)
            problems.append(f"{FOLDER}/{path.name}{line}: {clean_line(why, 200)}")
    found = folder if definitions or problems else None
    return LabCode(found, definitions, tuple(problems), frozenset(registered))


@cache
def installed(kind: str) -> Mapping[str, Definition]:
    """The definitions of one kind that installed packages share as entry points. Imports none of them."""
    from importlib.metadata import entry_points  # deferred: reads the metadata of every installed package

    found: dict[str, Definition] = {}
    for entry in entry_points(group=f"labtui.{kind}"):
        definition = _of_entry_point(entry, kind)
        if definition is not None:
            found.setdefault(entry.name, definition)
    return found


def _of_entry_point(entry: "EntryPoint", kind: str) -> Definition | None:
    """The definition that an entry point names; None if its file cannot be found or read."""
    parts = entry.module.split(".")
    names = ("/".join(parts) + ".py", "/".join([*parts, "__init__.py"]))
    if entry.dist is None:
        return None
    for name in names:
        path = Path(str(entry.dist.locate_file(name)))
        if not path.is_file():
            continue
        try:
            definition = _definitions(_parsed(path), file_hash(path), kind).get(entry.attr)
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            return None
        return definition and replace(definition, name=entry.name, file=path, reference=entry.value)
    return None


def file_hash(path: Path) -> str:
    """Twelve hexadecimal digits of one file. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def source_hash(folder: Path, kind: str) -> str:
    """Twelve hexadecimal digits of a file of `lab/` and of all that it imports from there.

    Raises OSError, SyntaxError or ValueError for a file that cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(_closure(folder, folder / f"{kind}.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _parsed(path: Path) -> ast.Module:
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as invalid escapes: the engine shows them when it imports the file
        return ast.parse(content, path.name)


def _closure(folder: Path, first: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [first]
    while waiting and len(found) < _MOST_FILES:
        path = waiting.pop()
        if path not in found and path.is_file():
            found.add(path)
            waiting += _imported(folder, path)
    return found


def _imported(folder: Path, path: Path) -> Iterator[Path]:
    """The files of `lab/` that a file of it imports, wherever in its code."""
    package = path.parent.relative_to(folder).parts
    for node in ast.walk(_parsed(path)):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                module = (*package[: len(package) - node.level + 1], *module)
            elif module[:1] == (FOLDER,):
                module = module[1:]
            else:
                continue
            names = [module, *((*module, alias.name) for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split("."))[1:] for alias in node.names if alias.name.split(".")[0] == FOLDER]
        for parts in names:
            target = folder.joinpath(*parts)
            yield from (one for one in (target.with_suffix(".py"), target / "__init__.py") if parts and one.is_file())
    if (folder / "__init__.py").is_file():
        yield folder / "__init__.py"


def _definitions(tree: ast.Module, source: str, kind: str) -> dict[str, Definition]:
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found: dict[str, Definition] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            parameters = tuple(_parameters(_init_of(node, classes), skip=1))
            found[node.name] = Definition(node.name, node.lineno, parameters, source)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            image = 1 if kind == "transforms" else 0
            parameters = tuple(_parameters(node, skip=image))
            found[node.name] = Definition(node.name, node.lineno, parameters, source, is_class=False)
    return found


def _init_of(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> ast.FunctionDef | None:
    """The class's own `__init__`, or that of a base class in the same file."""
    for _ in range(len(classes)):
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return item
        bases = [classes[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
        if not bases:
            break
        node = bases[0]
    return None


def _parameters(function: ast.FunctionDef | None, skip: int = 0) -> Iterator[Parameter]:
    """The parameters that the catalog can set: not those that are given, and none whose default is no plain value."""
    if function is None:
        return
    positional = [*function.args.posonlyargs, *function.args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(function.args.defaults))
    defaults += function.args.defaults
    pairs = [*zip(positional, defaults, strict=True)][skip:]
    pairs += zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    for argument, default in pairs:
        if argument.arg in GIVEN or (default is not None and not _is_literal(default)):
            continue
        value = None if default is None else _plain(ast.literal_eval(default))
        hint = _hint(argument.annotation, None if default is None else value)
        yield Parameter(argument.arg, hint, default is None, value)


def _is_literal(node: ast.expr) -> bool:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    items: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    return all(one is None or isinstance(one, bool | int | float | str) for one in items)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _hint(annotation: ast.expr | None, default: Any) -> Any:
    """What an annotation allows; else what the default suggests; else anything."""
    found = _of_annotation(annotation) if annotation is not None else None
    if found is not None:
        return found | None if default is None and annotation is not None and _allows_none(annotation) else found
    if isinstance(default, bool | str):
        return type(default)
    if isinstance(default, int | float):
        return int if isinstance(default, int) else float
    return Any


def _of_annotation(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            sides = [_of_annotation(side) for side in (left, right) if not _is_none(side)]
            known = [side for side in sides if side is not None]
            return known[0] if len(known) == 1 else None
        case ast.Subscript(value=base, slice=inner):
            return _of_generic(_last_name(base), inner)
        case _:
            return None


def _of_generic(name: str, inner: ast.expr) -> Any:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Optional":
        return _of_annotation(inner)
    if name == "Literal" and all(_is_literal(part) for part in parts):
        return Literal[tuple(ast.literal_eval(part) for part in parts)]
    if name == "Annotated":
        kind = _of_annotation(parts[0])
        bounds = next((found for part in parts[1:] if (found := _bounds(part))), {})
        return _within(kind, bounds) if kind in (int, float) and bounds else kind
    if name in ("list", "List", "Sequence") or (name in ("tuple", "Tuple") and _is_variadic(parts)):
        item = _of_annotation(parts[0])
        return None if item is None else _TUPLE[item, ...]
    if name in ("tuple", "Tuple"):
        items = [_of_annotation(part) for part in parts]
        return None if None in items else _TUPLE[tuple(items)]
    return None


def _within(kind: Any, bounds: Mapping[str, Any]) -> Any:
    try:
        return Annotated[kind, Meta(**bounds)]
    except (TypeError, ValueError):  # such as both a gt and a ge
        return kind


def _is_variadic(parts: list[ast.expr]) -> bool:
    return len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...


def _bounds(node: ast.expr) -> dict[str, float]:
    """`(1, 512)` and `range(1, 513)` as bounds, and calls with ge, gt, le, lt such as `Meta(ge=0, le=1)`."""
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and all(_is_literal(one) for one in node.elts):
        low, high = (ast.literal_eval(one) for one in node.elts)
        given = {"ge": low, "le": high}
    elif isinstance(node, ast.Call) and _last_name(node.func) == "range" and 1 <= len(node.args) <= 2:
        numbers = [ast.literal_eval(one) for one in node.args if _is_literal(one)]
        given = dict(zip(("ge", "lt"), [0, *numbers][-2:], strict=False))
    elif isinstance(node, ast.Call):
        known = [one for one in node.keywords if one.arg in ("ge", "gt", "le", "lt") and _is_literal(one.value)]
        given = {str(one.arg): ast.literal_eval(one.value) for one in known}
    else:
        return {}
    numbers_only = {key: value for key, value in given.items() if isinstance(value, int | float)}
    return {key: value for key, value in numbers_only.items() if not isinstance(value, bool)}


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _allows_none(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_none(node.left) or _is_none(node.right) or _allows_none(node.left)
    return isinstance(node, ast.Subscript) and _last_name(node.value) == "Optional"
