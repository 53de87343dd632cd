"""Runs folders as other tools write them, without these tools: event files, hparams.yaml, HParams records, texts."""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labtui.store.encode_scalar import scalar_event, varint, version_event
from labtui.store.tfrecord import frame

START = 1.7e9
"""The wall time of the first event."""

FILE = "events.out.tfevents.1700000000.host.1.0"


def write_events(
    folder: Path, curves: Mapping[str, Sequence[float]], *records: bytes, name: str = FILE, start: float = START
) -> Path:
    """An event file with these records, then the values of each tag at steps 0, 1, …, a second apart."""
    folder.mkdir(parents=True, exist_ok=True)
    points = [
        scalar_event(start + step, step, tag, value)
        for tag, values in curves.items()
        for step, value in enumerate(values)
    ]
    (folder / name).write_bytes(b"".join((version_event(start), *records, *points)))
    return folder


def experiment_record() -> bytes:
    """The record with which a file of `add_hparams` begins."""
    return _summary("_hparams_/experiment", _field(9, _field(1, _field(1, b"hparams"))))


def session_record(values: Mapping[str, Any]) -> bytes:
    """Hyperparameters as `SummaryWriter.add_hparams` writes them: a session_start_info of the HParams plugin."""
    entries = b"".join(_field(1, _field(1, key.encode()) + _field(2, _value(one))) for key, one in values.items())
    plugin = _field(1, b"hparams") + _field(2, _field(3, entries))
    return _summary("_hparams_/session_start_info", _field(9, _field(1, plugin)))


def text_record(tag: str, text: str) -> bytes:
    """A text as `SummaryWriter.add_text` writes it; its tag ends in /text_summary."""
    tensor = b"\x08\x07" + _field(8, text.encode())
    return _summary(f"{tag}/text_summary", _field(8, tensor) + _field(9, _field(1, _field(1, b"text"))))


def write_yaml(folder: Path, values: Mapping[str, Any], name: str = "hparams.yaml") -> Path:
    """A flat YAML file, as Lightning writes hparams.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{key}: {_scalar(value)}\n" for key, value in values.items()), "utf-8")
    return folder


def write_lightning(
    root: Path,
    trials: Iterable[tuple[Mapping[str, Any], float]],
    *,
    tag: str = "val_acc",
    epochs: int = 5,
    first: int = 0,
) -> Path:
    """A folder per trial (its hyperparameters and last value), named version_N as Lightning's logger names them."""
    for version, (values, last) in enumerate(trials, first):
        folder = root / f"version_{version}"
        write_yaml(folder, values)
        ramp = [last - 0.01 * (epochs - 1 - epoch) for epoch in range(epochs)]
        write_events(
            folder, {tag: ramp, "train_loss": [1 / (1 + epoch) for epoch in range(epochs)]}, start=START + version
        )
    return root


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nan" if isinstance(value, float) and math.isnan(value) else str(value)


def _summary(tag: str, rest: bytes) -> bytes:
    event = struct.pack("<Bd", 0x09, START) + _field(5, _field(1, _field(1, tag.encode()) + rest))
    return frame(event)


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x20" + varint(int(value))
    if isinstance(value, int | float):
        return struct.pack("<Bd", 0x11, value)
    return _field(3, str(value).encode())


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content
