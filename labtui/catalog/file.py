"""Where the catalog is, and its text: UTF-8 in a regular file of a size that a person could have written."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import labtui
from labtui.catalog.words import shown_path
from labtui.errors import UsageError
from labtui.text.paths import expanded

FILE_NAME = "experiments.toml"
LARGEST = 1_000_000
"""Bytes that are read at most."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a catalog, with `\\n` at the end of each line, and what was wrong with its bytes."""

    text: str
    problem: str = ""
    line: int | None = None


def find(explicit: Path | None, *, cwd: Path, environ: Mapping[str, str]) -> tuple[Path, bool]:
    """The catalog to read, and whether it is the built-in one.

    The named one, else `LABTUI_CATALOG`, else `experiments.toml` in `cwd` or the nearest folder above it, else the copy
    that comes with labtui. A named one is not opened here; `load` says what is wrong with it.
    """
    named = explicit or (Path(environ["LABTUI_CATALOG"]) if environ.get("LABTUI_CATALOG") else None)
    if named is not None:
        return cwd / expanded(named), False
    for folder in (cwd, *cwd.parents):
        candidate = folder / FILE_NAME
        if os.path.lexists(candidate) and not candidate.is_dir():
            return candidate, False
    return builtin_path(), True


def example(name: str) -> str:
    """The content of an example file of the user's own code, for `labtui init`: `models.py`, `experiments.toml`, …"""
    return (Path(__file__).parent / "examples" / f"{name}.txt").read_text("utf-8")


def builtin_path() -> Path:
    """The catalog that comes with labtui: in the installed package, or at the root of the source tree."""
    package = Path(labtui.__file__).parent
    packaged = package / FILE_NAME
    return packaged if packaged.is_file() else package.parent / FILE_NAME


def read(path: Path) -> bytes:
    """The bytes of a catalog, one more than LARGEST at most. Links are followed: the user may keep the file elsewhere.

    Raises UsageError where there is no regular file to read; a FIFO or device is not opened.
    """
    advice = f"Choose another one with --catalog, or write a new {FILE_NAME} with: labtui init"
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"The catalog {shown_path(path)} is a folder, not a file.", advice=advice)
        if not stat.S_ISREG(mode):
            raise UsageError(f"The catalog {shown_path(path)} is not a regular file.", advice=advice)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
            return stream.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise UsageError(f"There is no catalog {shown_path(path)}.", advice=advice) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"The catalog {shown_path(path)} cannot be read: {reason}.", advice=advice) from error


def decode(content: bytes) -> Decoded:
    """The text of a catalog; bytes that are not UTF-8 come out as U+FFFD, so that the rest can be used."""
    if len(content) > LARGEST:
        size = f"is larger than the {LARGEST:,} bytes that are read. A catalog is a short list of experiments."
        return Decoded("", size)
    if content.startswith(_UTF16_MARKS):
        return Decoded("", "is saved as UTF-16. Save it as UTF-8.", 1)
    try:
        return Decoded(_lines(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{error.object[error.start]:02X} on line {line} is not part of any character"
        return Decoded(
            _lines(content.decode("utf-8-sig", "replace")), f"is not UTF-8: {found}. Save it as UTF-8.", line
        )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
