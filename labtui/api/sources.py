"""What a program depends on: its own source files and its inputs, each as a fingerprint that is part of its recipe.

Without `code` in the catalog, the sources are the files that the command names and, of Python files among them, the
local modules that these import, read from the syntax tree: nothing is executed, and a change of some other file of the
repository does not make another recipe.
"""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import msgspec

from labtui import program
from labtui.errors import UsageError
from labtui.spec import ProgramSpec
from labtui.text.clean import clean_line

MOST_FILES = 20_000
"""Files that one pattern may match."""

MOST_MODULES = 500
"""Local modules that are followed from one script."""

SAMPLED_FROM = 64 << 20
"""Bytes from which on a file is fingerprinted by its size and by samples."""

_SAMPLES, _SAMPLE = 64, 1 << 20
_LARGEST_SOURCE = 4 << 20
_DIGITS = 12


def with_sources(spec: ProgramSpec, folder: Path, *, strict: bool = False) -> ProgramSpec:
    """The spec with the folder that it runs in and the fingerprints of its code and inputs as they are now.

    Raises UsageError, if `strict`, for a pattern that matches no file.
    """
    fingerprints = {}
    code = [file for pattern in spec.code for file in _matches(folder, pattern, "code", spec, strict=strict)]
    if code := sorted({*code} if spec.code else command_sources(spec, folder)):
        fingerprints["code"] = fingerprint(folder, code)
    inputs = {file for pattern in spec.inputs for file in _matches(folder, pattern, "inputs", spec, strict=strict)}
    if inputs:
        fingerprints["inputs"] = fingerprint(folder, sorted(inputs))
    return msgspec.structs.replace(spec, folder=str(folder), fingerprints=fingerprints)


def fingerprint(folder: Path, files: Sequence[Path]) -> str:
    """Twelve hexadecimal digits of the names, relative to the folder, and the contents of files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(os.fsencode(os.path.relpath(file, folder)) + b"\0" + _digest(file))
    return whole.hexdigest()[:_DIGITS]


def command_sources(spec: ProgramSpec, folder: Path) -> set[Path]:
    """The files that the command names, and the local modules that its Python files import."""
    try:
        words = program.split(spec.run)
    except ValueError:
        return set()
    named = [folder / word for word in words if _is_file(folder / word)]
    modules = [word for option, word in pairwise(words) if option == "-m"]
    named += [file for module in modules for file in _module_files(module, [folder])]
    found: set[Path] = set()
    waiting = [file for file in named if not os.access(file, os.X_OK) or file.suffix or _is_below(file, folder)]
    while waiting and len(found) < MOST_MODULES:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file, folder) if file.suffix == ".py" else []
    return found


# --- Files ------------------------------------------------------------------------------------------------------------


def _matches(folder: Path, pattern: str, key: str, spec: ProgramSpec, *, strict: bool) -> list[Path]:
    """The files that a pattern matches, relative to the catalog's folder unless it is absolute."""
    base, relative = (Path(Path(pattern).anchor), pattern[1:]) if Path(pattern).is_absolute() else (folder, pattern)
    try:
        found = [path for path in _below(base.glob(relative)) if _is_file(path)]
    except (OSError, ValueError, NotImplementedError):
        found = []
    if not found and strict:
        raise UsageError(
            f"{spec.name}: {key} = {clean_line(pattern, 200)!r} matches no file in {folder}.",
            advice="The content of these files is part of the recipe, so that they must be there before it runs.",
        )
    return found


def _below(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths, and of folders among them the files below; at most MOST_FILES."""
    number = 0
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else (path,):
            number += 1
            if number > MOST_FILES:
                return
            yield file


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_below(path: Path, folder: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def _digest(file: Path) -> bytes:
    """The hash of a file's content; of a file that is gone or cannot be read, of nothing."""
    try:
        status = file.stat()
        return _digest_of(file, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        return b""


@lru_cache(maxsize=4096)
def _digest_of(file: Path, inode: int, size: int, modified: int) -> bytes:  # noqa: ARG001 (they identify the content)
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        if size < SAMPLED_FROM:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        else:
            for index in range(_SAMPLES):
                stream.seek(index * (size - _SAMPLE) // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE))
    return digest.digest()


# --- Python's imports -------------------------------------------------------------------------------------------------


def _imported(file: Path, folder: Path) -> list[Path]:
    """The local files that a Python file imports, wherever in it."""
    try:
        status = file.stat()
        names = _import_names(file, status.st_mtime_ns, status.st_size)
    except OSError:
        return []
    found: list[Path] = []
    for name, level in names:
        if level:
            base = file.parents[level - 1] if level <= len(file.parents) else folder
            found += _module_files(name, [base])
        else:
            found += _module_files(name, [file.parent, folder])
    return found


@lru_cache(maxsize=1024)
def _import_names(file: Path, modified: int, size: int) -> tuple[tuple[str, int], ...]:  # noqa: ARG001
    """The dotted names that a file imports, each with its level of relative import; none if it is not Python."""
    if size > _LARGEST_SOURCE:
        return ()
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return ()
    names: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names += [(module, node.level)] if module else []
            names += [(f"{module}.{alias.name}".lstrip("."), node.level) for alias in node.names]
    return tuple(dict.fromkeys(names))


def _module_files(name: str, bases: Sequence[Path]) -> list[Path]:
    """The file of a module below the first base that has it, and the __init__.py of each package above it."""
    parts = [part for part in name.split(".") if part.isidentifier()]
    for base in bases:
        found = []
        for number in range(1, len(parts) + 1):
            path = base.joinpath(*parts[:number])
            found += [one for one in (path / "__init__.py", path.with_suffix(".py")) if _is_file(one)]
        if found:
            return found
    return []
