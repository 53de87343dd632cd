"""The hyperparameters of another tool's run, read from what that tool left in its folder. Nothing is executed.

The first of these that has any counts: Lightning's hparams.yaml, a record of TensorBoard's HParams plugin, Hydra's
.hydra/config.yaml, config.yaml (LightningCLI), the arguments that Hugging Face's trainer writes as a text summary, and
JSON files. They are not merged: two of them often say the same under different names. Only where none of it is a seed,
the first seed of another one is added.
"""

import math
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from labtui.spec import Parameter
from labtui.store.decode_hparams import hparams_of_session, text_of_tag
from labtui.store.files import DamagedFile, read_bytes
from labtui.store.plain_yaml import YamlError, parse
from labtui.store.settings_keys import is_seed
from labtui.store.tfrecord import HEADER, find_frames, is_intact
from labtui.text.clean import clean_line

MAX_KEYS = 2_000
"""Hyperparameters of one run; a file with more is a data set, or hostile."""

MAX_FILE_BYTES = 256 << 10
"""Of a file with hyperparameters."""

HEAD_BYTES = 64 << 10
"""At the beginning of an event file in which hyperparameters are looked for: they are written before the metrics."""

MAX_RECORD_BYTES = 4 << 20
"""Of a record with hyperparameters."""

MAX_EVENT_FILES = 20
"""Of one run in which they are looked for, the newest first."""

JSON_FILES = ("hparams.json", "args.json", "training_args.json", "params.json")

SESSION, ARGUMENTS = b"_hparams_/session_start_info", b"args/text_summary"
"""Tags of the records."""

_LIGHTNING_CLI = "_instantiator"
"""A key of the hparams.yaml that LightningCLI writes: its config.yaml says all of it, and more."""

_LONGEST_KEY, _LONGEST_TEXT = 100, 2_000


class Hyperparameters(NamedTuple):
    """What a run says about itself."""

    values: Mapping[str, Parameter]
    """By dotted key, in alphabetical order. Keys without a value are left out, numbers that are whole are integers."""
    source: str = ""
    """Where they are from: `hparams.yaml`, `HParams records`, …; empty if there are none."""
    damage: str = ""
    """What could not be read; empty if there is nothing."""


NO_HYPERPARAMETERS = Hyperparameters({})


def read_hyperparameters(folder: Path, event_files: Iterable[str], *, above: int = 0) -> Hyperparameters:
    """The hyperparameters of a run folder with these event files. Never raises for the content of the folder.

    `above` folders over the run's may hold Hydra's configuration: its job writes into folders of its own.
    """
    heads = _Heads([folder / name for name in event_files][-MAX_EVENT_FILES:])
    hydra = [folder, *folder.parents][: above + 1]
    sources: list[tuple[str, Callable[[], Any]]] = [
        ("hparams.yaml", lambda: _yaml(folder / "hparams.yaml")),
        ("HParams records", lambda: heads.first(SESSION, hparams_of_session)),
        *((".hydra/config.yaml", lambda at=at: _yaml(at / ".hydra" / "config.yaml")) for at in hydra),
        ("config.yaml", lambda: _yaml(folder / "config.yaml")),
        ("trainer arguments", lambda: _decoded(heads.first(ARGUMENTS, text_of_tag))),
        *((name, lambda name=name: _decoded(_content(folder / name))) for name in JSON_FILES),
    ]
    damage: list[str] = []
    found = NO_HYPERPARAMETERS
    for source, read in sources:
        try:
            values, left_out = flat_values(read())
        except (OSError, DamagedFile, YamlError, ValueError, RecursionError) as error:
            damage.append(f"the hyperparameters in {source} cannot be read: {clean_line(str(error), 200)}")
            continue
        if left_out:
            damage.append(f"{source} has more than {MAX_KEYS:,} hyperparameters: the rest is left out")
        if values and (not found.values or _LIGHTNING_CLI in found.values):
            found = Hyperparameters(_with_seeds(values, found.values), source)
        elif values:
            found = found._replace(values=_with_seeds(found.values, values))
        if any(map(is_seed, found.values)) and _LIGHTNING_CLI not in found.values:
            break
    return found._replace(damage="; ".join(damage))


def _with_seeds(values: Mapping[str, Parameter], others: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The values with the seeds that another source has, if they have none."""
    seeds = {} if any(map(is_seed, values)) else {key: value for key, value in others.items() if is_seed(key)}
    return dict(sorted({**values, **seeds}.items())) if seeds else dict(values)


class HyperparameterCache:
    """The hyperparameters of many runs, read again only if a run's folder or the beginnings of its files changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Any, Hyperparameters]] = {}

    def read(self, folder: Path, sizes: tuple[tuple[str, int], ...], *, above: int = 0) -> Hyperparameters:
        """The hyperparameters of a run folder with event files of these names and sizes."""
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            changed = 0
        state = changed, tuple((name, min(size, HEAD_BYTES)) for name, size in sizes)
        known = self._known.get(folder)
        if known is None or known[0] != state:
            found = read_hyperparameters(folder, (name for name, _ in sizes), above=above)
            if known is not None and known[1] == found:
                found = known[1]
            known = self._known[folder] = (state, found)
        return known[1]

    def forget_all_but(self, folders: set[Path]) -> None:
        """Drop what is remembered of folders that are gone."""
        for folder in self._known.keys() - folders:
            del self._known[folder]


def flat_values(nested: Any) -> tuple[dict[str, Parameter], bool]:
    """Nested values as flat ones by dotted key, and whether some were left out. What is no mapping has none."""
    found: dict[str, Parameter] = {}
    waiting: list[tuple[str, Any]] = [("", nested)] if isinstance(nested, Mapping) else []
    seen = 0
    while waiting and seen < 2 * MAX_KEYS and len(found) < MAX_KEYS:
        key, value = waiting.pop()
        seen += 1
        if isinstance(value, Mapping):
            waiting += [(_joined(key, name), item) for name, item in _first(value.items())]
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
            waiting += [(_joined(key, str(place)), item) for place, item in enumerate(_first(value))]
        elif value is not None and key:
            found[key] = _parameter(value)
    return dict(sorted(found.items())), bool(waiting)


def _first(items: Iterable[Any]) -> list[Any]:
    """As many as can be of use, one more to know that there were more."""
    return [item for _, item in zip(range(MAX_KEYS + 1), items, strict=False)]


def _joined(key: str, name: Any) -> str:
    """The key of an inner value. Lightning joins the parts of a key by slashes."""
    inner = clean_line(str(name), _LONGEST_KEY).replace("/", ".")
    return f"{key}.{inner}" if key else inner


def _parameter(value: Any) -> Parameter:
    if isinstance(value, list | tuple):
        return tuple(_scalar(item) for item in value[:200])
    return _scalar(value)


def _scalar(value: Any) -> bool | int | float | str:
    """A value that is equal to itself and has one spelling: 64.0 and 64 are one number, NaN is a text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    return clean_line(str(value), _LONGEST_TEXT)


# --- Sources ------------------------------------------------------------------------------------------------------


def _content(path: Path) -> bytes | None:
    try:
        return read_bytes(path, MAX_FILE_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _yaml(path: Path) -> Any:
    content = _content(path)
    return None if content is None else parse(content.decode("utf-8", "replace"))


def _decoded(content: bytes | None) -> Any:
    return None if content is None else msgspec.json.decode(content)


class _Heads:
    """The beginnings of a run's event files, each read when it is first needed."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._read: dict[Path, bytes] = {}

    def first(self, tag: bytes, decode: Callable[[bytes, bytes], Any]) -> Any:
        """What the newest record of a tag decodes to; None without one. Files that cannot be read are passed over."""
        for path in reversed(self._paths):
            head = self._head(path)
            if tag not in head:
                continue
            frames = find_frames(head)
            content = (
                head if tag in head[: frames.end] else read_beginning(path, min(frames.end + frames.wants, _LARGEST))
            )
            found = None
            frames = find_frames(content)
            for start, size in zip(frames.starts, frames.sizes, strict=True):
                payload = content[start : start + size]
                if tag in payload and is_intact(content, start, size):
                    found = decode(payload, tag) or found
            if found is not None:
                return found
        return None

    def _head(self, path: Path) -> bytes:
        if path not in self._read:
            self._read[path] = read_beginning(path, HEAD_BYTES)
        return self._read[path]


_LARGEST = HEAD_BYTES + MAX_RECORD_BYTES + HEADER


def read_beginning(path: Path, size: int) -> bytes:
    """The first bytes of a regular file; nothing of any other. Never raises."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, size, 0) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
