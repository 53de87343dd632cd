"""Consent to execute a user's own code: a catalog that belongs to the user has it, another folder is asked about once.

`labtui run NAME` is the consent for a catalog, and for code beside it, that the user owns. For one of somebody else the
folder must be trusted with `labtui trust DIR`, which is remembered in the user's own state folder.
"""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from msgspec import Struct

from labtui.api.lab import Lab
from labtui.errors import UsageError
from labtui.lab_code import FOLDER, read_lab
from labtui.spec import ProgramSpec, Spec, uses_lab_code
from labtui.store.files import read_json_or_none, write_json
from labtui.store.safe_paths import private_folder


class _Trusted(Struct, frozen=True):
    folders: tuple[str, ...] = ()


def untrusted_folder(lab: Lab, specs: Iterable[Spec]) -> Path | None:
    """The folder whose code these specs would execute without the user's consent; None if there is none."""
    entries = {experiment.name for experiment in lab.catalog.experiments}
    if lab.catalog.builtin or not any(_executes_code(spec, entries) for spec in specs):
        return None
    folder = lab.catalog.path.parent.resolve()
    return None if _is_own(lab.catalog.path, folder) or is_trusted(folder) else folder


def _executes_code(spec: Spec, entries: Collection[str]) -> bool:
    """Whether a run executes code that the catalog's folder names; a command that the user typed is no entry of it."""
    return uses_lab_code(spec) or (isinstance(spec, ProgramSpec) and spec.experiment in entries)


def require_trust(lab: Lab, specs: Iterable[Spec]) -> None:
    """Raise UsageError if these specs would execute code of somebody else's folder that was not trusted."""
    folder = untrusted_folder(lab, specs)
    if folder is not None:
        raise UsageError(
            f"{folder} belongs to somebody else, and running this executes code from there.",
            advice=f"Look at it first. If you trust it: labtui trust {folder}",
        )


def require_current_code(lab: Lab, specs: Iterable[Spec]) -> None:
    """Raise UsageError if code that these specs name was edited since the catalog was read."""
    if not any(uses_lab_code(spec) for spec in specs) or lab.catalog.code.folder is None:
        return
    if read_lab(lab.folder).definitions != lab.catalog.code.definitions:
        raise UsageError(
            f"{lab.catalog.code.folder} has changed since it was read: nothing was started.",
            advice="Reopen the console, or run the command again.",
        )


def is_trusted(folder: Path) -> bool:
    """Whether the user trusted this folder. Raises MachineError if there is no state folder."""
    return str(folder.resolve()) in _read().folders


def trust(folder: Path) -> bool:
    """Remember that code of this folder may be executed. Returns False if that was known. Raises MachineError."""
    if is_trusted(folder):
        return False
    write_json(_file(), _Trusted((*_read().folders, str(folder.resolve()))))
    return True


def _is_own(catalog: Path, folder: Path) -> bool:
    """Whether the catalog, its folder and its code all belong to this user (or to the administrator)."""
    code = folder / FOLDER
    paths = [catalog, folder, *([code, *code.rglob("*.py")] if code.is_dir() else [])]
    return all(path.stat().st_uid in (os.getuid(), 0) for path in paths)


def _read() -> _Trusted:
    return read_json_or_none(_file(), _Trusted) or _Trusted()


def _file() -> Path:
    return private_folder("trust") / "folders.json"
