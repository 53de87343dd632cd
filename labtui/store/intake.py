"""From the bytes of a small file to a record that may be shown: checked, cleaned, and its damage told in one line.

A run folder can come from a stranger. In a spec, control characters are damage, since nobody means them and its strings
decide what is trained; in every other record they are replaced.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from labtui.store.files import DamagedFile, decode, read_bytes, read_json
from labtui.store.records import SCHEMA, SpecFile
from labtui.text.clean import clean, clean_line

T = TypeVar("T")
Loaded = tuple[T | None, str]
"""The record, None where it cannot be had, and what is wrong with its file."""

NEWER = "made by a newer labtui"
"""How the damage of a run begins that this labtui only shows."""

_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")


class _Head(msgspec.Struct):
    """What must be known of a spec.json before the rest is understood."""

    schema: int = SCHEMA


def load_record(path: Path, kind: type[T]) -> Loaded[T]:
    """A record with its strings cleaned."""
    return _loaded(path, lambda: (_cleaned(read_json(path, kind)), ""))


def load_spec(path: Path) -> Loaded[SpecFile]:
    """A spec.json; one of a newer schema as far as it is understood."""
    return _loaded(path, lambda: _spec(path))


def _loaded(path: Path, load: Callable[[], Loaded[T]]) -> Loaded[T]:
    try:
        return load()
    except FileNotFoundError:
        return None, ""
    except DamagedFile as fault:
        return None, _described(path, fault)
    except OSError as fault:
        return None, f"{path.name} cannot be read: {fault.strerror}"


def _spec(path: Path) -> Loaded[SpecFile]:
    content = read_bytes(path)
    newer = _newer_schema(content)
    try:
        spec_file = decode(path, content, SpecFile)
    except DamagedFile:
        if newer:
            return None, newer
        raise
    if not newer and (key := _unclean_key(msgspec.to_builtins(spec_file))):
        return None, f"{path.name}: key {clean_line(key)}: holds control characters"
    return spec_file, newer


def _newer_schema(content: bytes) -> str:
    try:
        schema = msgspec.json.decode(content, type=_Head).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f"{NEWER} (schema {schema}, this one knows {SCHEMA}): only read" if schema > SCHEMA else ""


def _described(path: Path, fault: DamagedFile) -> str:
    """One line about a damaged file: its name, the key where there is one, what was found."""
    cause = fault.__cause__
    if not isinstance(cause, msgspec.DecodeError):
        return clean_line(fault.message.replace(str(path), path.name))
    text = str(cause)
    where = _WHERE.search(text)
    key = f": key {where[1]}" if where and where[1] else ""
    return clean_line(f"{path.name}{key}: {text[: where.start()] if where else text}")


def _unclean_key(value: Any, key: str = "") -> str:
    """The first key whose string (or whose own name) holds control characters; empty where there is none."""
    if isinstance(value, str):
        return (key or "?") if clean(value, len(value)) != value else ""
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{key}.{name}".lstrip("."), part) for name, part in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(key, part) for part in value]
    for name, part in parts:
        if found := _unclean_key(name, name) or _unclean_key(part, name):
            return found
    return ""


def _cleaned(record: T) -> T:
    """The record with every string in it cleaned: a run folder can come from a stranger."""
    plain = msgspec.to_builtins(record)
    if not _unclean_key(plain):
        return record
    return msgspec.convert(_clean_strings(plain), type(record), strict=False)


def _clean_strings(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value, len(value))
    if isinstance(value, dict):
        return {clean(name, len(name)): _clean_strings(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean_strings(part) for part in value]
    return value
