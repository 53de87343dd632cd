"""Imports a user's own classes and functions from `lab/` beside the catalog, and calls them.

This is the only place where such code is executed, and only in the engine's process, after its content was compared
with what the run's recipe says. An error in it is shown with the user's own line first.
"""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from labtui.errors import LabError, MachineError
from labtui.lab_code import FOLDER, GIVEN, Definition, installed, source_hash
from labtui.text.clean import clean_line

T = TypeVar("T")

_MOST_LINES = 30
"""Of a traceback; a recursion has thousands."""


class LabCodeError(LabError):
    """An error in the user's own code: the message says what and in which line, the advice is a short traceback."""


def definition(catalog_folder: Path, kind: str, name: str, source: str) -> Callable[..., Any]:
    """The class or function `name` of `lab/KIND.py`, or of an installed package that shares it.

    Raises MachineError if the code is not that of the recipe, and LabCodeError if it cannot be imported.
    """
    shared = installed(kind).get(name)
    if shared is not None and shared.source == source:
        return _shared(shared)
    folder = catalog_folder / FOLDER
    path = folder / f"{kind}.py"
    try:
        found = source_hash(folder, kind)
    except (OSError, SyntaxError, ValueError) as error:
        raise MachineError(f"{path} cannot be read: {clean_line(str(error), 200)}.") from error
    if not path.is_file() or found != source:
        raise MachineError(
            f"{path} is not the code that this run was planned with ({found}, not {source}).",
            advice="Start the experiment as a new run, or restore the file: `labtui show` has the run's commit.",
        )
    module = guarded(folder, lambda: _module(folder, kind))
    value: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(value):
        raise MachineError(f"{path} defines no class or function {name!r}.")
    return value


def _shared(shared: Definition) -> Callable[..., Any]:
    """An entry point of an installed package."""
    module, _, attribute = shared.reference.partition(":")
    assert shared.file is not None
    value: Callable[..., Any] = guarded(shared.file.parent, lambda: getattr(importlib.import_module(module), attribute))
    return value


def call(folder: Path, function: Callable[..., T], arguments: Mapping[str, Any], given: Mapping[str, Any]) -> T:
    """Call a class or function of the user's with the recipe's arguments, and with what it wants of `given`."""
    code = getattr(function, "__init__", function) if isinstance(function, type) else function
    names = (
        code.__code__.co_varnames[: code.__code__.co_argcount + code.__code__.co_kwonlyargcount]
        if hasattr(code, "__code__")
        else ()
    )
    wanted = {key: value for key, value in given.items() if key in names and key in GIVEN}
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return guarded(folder / FOLDER, lambda: function(**wanted, **plain))


def guarded(folder: Path, work: Callable[[], T]) -> T:
    """The result of the user's code. Raises LabCodeError with a short traceback for any error in it."""
    try:
        return work()
    except LabError:
        raise
    except Exception as error:  # whatever the user's code raises
        if "out of memory" in str(error).lower():
            raise
        message, *trace = short_traceback(error, folder)
        raise LabCodeError(message, advice="\n".join(trace)) from error


def in_users_words(error: Exception, catalog_folder: Path) -> Exception:
    """The same error, as LabCodeError if it passed through the user's own code."""
    folder = catalog_folder / FOLDER
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, LabError) or not any(Path(frame.filename).is_relative_to(folder) for frame in frames):
        return error
    message, *trace = short_traceback(error, folder)
    return LabCodeError(message, advice="\n".join(trace))


def short_traceback(error: BaseException, folder: Path) -> list[str]:
    """The error with its line, then where it happened: the user's own lines first, the innermost of them at the top."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(traceback.FrameSummary(error.filename, error.lineno or 0, "<module>", line=error.text or ""))
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    places = [f"{Path(frame.filename).relative_to(folder.parent)}:{frame.lineno}" for frame in reversed(own)]
    where = f"{places[0]}: " if places else ""
    lines = [f"{where}{type(error).__name__}: {clean_line(str(error), 500) or 'without a message'}"]
    for place, frame in zip(places, reversed(own), strict=True):
        lines += [f"  {place}, in {frame.name}", f"    {(frame.line or '').strip()}"]
    if frames and frames[-1] not in own:
        last = frames[-1]
        lines.append(f"  raised in {last.filename}:{last.lineno}, in {last.name}")
    return [clean_line(line, 600) for line in lines[:_MOST_LINES]]


def _module(folder: Path, kind: str) -> ModuleType:
    """`lab.KIND`, with `lab` as a package of this folder, whatever else is installed under that name."""
    if FOLDER not in sys.modules or getattr(sys.modules[FOLDER], "__path__", None) != [str(folder)]:
        for name in [name for name in sys.modules if name == FOLDER or name.startswith(f"{FOLDER}.")]:
            del sys.modules[name]
        init = folder / "__init__.py"
        spec = (
            importlib.util.spec_from_file_location(FOLDER, init, submodule_search_locations=[str(folder)])
            if init.is_file()
            else ModuleSpec(FOLDER, None, is_package=True)
        )
        assert spec is not None
        spec.submodule_search_locations = [str(folder)]
        package = importlib.util.module_from_spec(spec)
        sys.modules[FOLDER] = package
        if spec.loader is not None:
            spec.loader.exec_module(package)
    sys.dont_write_bytecode = True
    return importlib.import_module(f"{FOLDER}.{kind}")
