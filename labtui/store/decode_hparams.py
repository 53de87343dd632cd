"""Decode what event files hold besides scalars: hyperparameters and texts.

The field numbers are those of TensorFlow's Event and Summary messages, of HParamsPluginData (tensorboard's
plugins/hparams/plugin_data.proto) and of google.protobuf.Value.
"""

import struct
from collections.abc import Iterator
from typing import Any

from labtui.store.wire import BYTES, FIXED64, VARINT, NotAnEvent, fields, varint

_DOUBLE = struct.Struct("<d")


def hparams_of_session(payload: bytes, tag: bytes) -> dict[str, Any] | None:
    """The hyperparameters of a `session_start_info` record; None if it is none. Never raises."""
    try:
        for start, end in _inner(payload, *_value_of_tag(payload, tag), 9):
            for at, stop in _inner(payload, start, end, 1):
                if any(payload[a:b] == b"hparams" for a, b in _inner(payload, at, stop, 1)):
                    return _session(payload, at, stop)
    except (IndexError, NotAnEvent, struct.error):
        pass
    return None


def text_of_tag(payload: bytes, tag: bytes) -> bytes | None:
    """The text of a text summary; None if it has none. Never raises."""
    try:
        for start, end in _inner(payload, *_value_of_tag(payload, tag), 8):
            for at, stop in _inner(payload, start, end, 8):
                return payload[at:stop]
    except (IndexError, NotAnEvent):
        pass
    return None


def first_tag(payload: bytes) -> bytes:
    """The tag of the first value of an event; empty if it has none. Never raises."""
    try:
        for start, end in _inner(payload, 0, len(payload), 5):
            for at, stop in _inner(payload, start, end, 1):
                for a, b in _inner(payload, at, stop, 1):
                    return payload[a:b]
    except (IndexError, NotAnEvent):
        pass
    return b""


def _value_of_tag(payload: bytes, tag: bytes) -> tuple[int, int]:
    """Where the summary value with this tag is: an empty place if there is none."""
    for start, end in _inner(payload, 0, len(payload), 5):
        for at, stop in _inner(payload, start, end, 1):
            if any(payload[a:b] == tag for a, b in _inner(payload, at, stop, 1)):
                return at, stop
    return 0, 0


def _session(payload: bytes, start: int, end: int) -> dict[str, Any]:
    """The map of a SessionStartInfo, within the PluginData at this place."""
    found: dict[str, Any] = {}
    for at, stop in _inner(payload, start, end, 2):  # content: HParamsPluginData
        for info, info_end in _inner(payload, at, stop, 3):  # session_start_info
            for entry, entry_end in _inner(payload, info, info_end, 1):
                keys = [payload[a:b] for a, b in _inner(payload, entry, entry_end, 1)]
                values = [_json_value(payload, a, b) for a, b in _inner(payload, entry, entry_end, 2)]
                if keys and values:
                    found[keys[-1].decode("utf-8", "replace")] = values[-1]
    return found


def _json_value(payload: bytes, start: int, end: int) -> Any:
    """A google.protobuf.Value. Lists and structures are left out: add_hparams writes none."""
    for name, kind, begin, stop in fields(payload, start, end):
        if name == 2 and kind == FIXED64:
            return _DOUBLE.unpack_from(payload, begin)[0]
        if name == 3 and kind == BYTES:
            return payload[begin:stop].decode("utf-8", "replace")
        if name == 4 and kind == VARINT:
            return bool(varint(payload, begin)[0])
    return None


def _inner(payload: bytes, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """The places of the messages, texts or bytes of one field."""
    return ((a, b) for name, kind, a, b in fields(payload, start, end) if name == number and kind == BYTES)
