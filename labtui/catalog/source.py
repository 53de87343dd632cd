"""Where the catalog lies, and its bytes: a regular file of a size that a person could have written, in UTF-8."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import labtui
from labtui.catalog.faults import shown_path
from labtui.errors import UsageError

FILE_NAME = "experiments.toml"
LARGEST = 1_000_000
"""Bytes that are read at most."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class UnreadableText(ValueError):
    """Bytes that are no TOML text at all; the message says why, `line` where."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def find(explicit: Path | None, *, cwd: Path, environ: Mapping[str, str]) -> tuple[Path, bool]:
    """The catalog to read, and whether it is the built-in one.

    The named one, else `LABTUI_CATALOG`, else `experiments.toml` in `cwd` or the nearest folder above it, else the copy
    that comes with labtui. A named one is not looked at here; `load` says what is wrong with it.
    """
    named = explicit or (Path(environ["LABTUI_CATALOG"]) if environ.get("LABTUI_CATALOG") else None)
    if named is not None:
        return cwd / named.expanduser(), False
    for folder in (cwd, *cwd.parents):
        candidate = folder / FILE_NAME
        if os.path.lexists(candidate) and not candidate.is_dir():
            return candidate, False
    return builtin_path(), True


def builtin_path() -> Path:
    """The catalog that comes with labtui: in the installed package, or at the root of the source tree."""
    package = Path(labtui.__file__).parent
    packaged = package / FILE_NAME
    return packaged if packaged.is_file() else package.parent / FILE_NAME


def read(path: Path) -> bytes:
    """The bytes of a catalog, one more than LARGEST at most. Links are followed: the user may keep the file elsewhere.

    Raises UsageError where there is no regular file to read; a FIFO or device is not opened.
    """
    advice = f"Name another one with --catalog, or write a new {FILE_NAME} with: labtui init"
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"The catalog {shown_path(path)} is a folder; its file is wanted.", advice=advice)
        if not stat.S_ISREG(mode):
            raise UsageError(f"The catalog {shown_path(path)} is no regular file: not opened.", advice=advice)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
            return stream.read(LARGEST + 1)
    except FileNotFoundError as fault:
        raise UsageError(f"There is no catalog {shown_path(path)}.", advice=advice) from fault
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise UsageError(f"The catalog {shown_path(path)} cannot be read: {reason}.", advice=advice) from fault


def decode(content: bytes) -> str:
    """The text of a catalog, with `\\n` at the end of each line. Raises UnreadableText."""
    if len(content) > LARGEST:
        raise UnreadableText(
            f"is larger than the {LARGEST:,} bytes that are read. A catalog is a short list of experiments."
        )
    if content.startswith(_UTF16_MARKS):
        raise UnreadableText("is saved as UTF-16. Save it as UTF-8.", 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        found = f"byte 0x{content[fault.start]:02X}"
        raise UnreadableText(
            f"is not UTF-8: {found} in line {line} is part of no letter. Save it as UTF-8.", line
        ) from fault
    return text.replace("\r\n", "\n")
