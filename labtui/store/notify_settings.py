"""The user's own notify.toml: who is told when runs end, and how.

It lies in the user's config folder. A runs folder, which can come from a stranger, says nothing about notifications:
nothing in it decides which program is executed.
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from labtui.errors import UsageError
from labtui.store.files import DamagedFile, read_bytes

FILE_NAME = "notify.toml"

MAX_BYTES = 1 << 16

Signal = Literal["bell", "osc9", "osc777"]
"""How an open console tells its terminal: the bell; OSC 9 (iTerm2, Windows Terminal, kitty, WezTerm, Ghostty); OSC 777
(urxvt, foot, WezTerm, Ghostty)."""

Outcome = Literal["finished", "stopped", "diverged", "failed"]


class NotifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in notify.toml. Without the file, nobody is told."""

    terminal: tuple[Signal, ...] = ()
    """What an open console sends."""
    command: tuple[Annotated[str, Meta(min_length=1, max_length=4_096)], ...] = ()
    """A program and its arguments, executed without a shell; the text follows as the last argument."""
    states: tuple[Outcome, ...] = ("finished", "diverged", "failed")
    """The ends that count."""
    when: Literal["each", "last"] = "each"
    """Whether every run counts, or only one after which no run of its runs folder is queued or active."""


def notify_path() -> Path:
    """The path of the user's notify.toml."""
    import platformdirs  # deferred: 10 ms

    return platformdirs.user_config_path("labtui") / FILE_NAME


def read_notify_settings(path: Path | None = None) -> NotifySettings:
    """The user's settings. Raises UsageError for a file that is damaged or that somebody else could have written."""
    path = path or notify_path()
    try:
        _require_own(path)
        return msgspec.toml.decode(read_bytes(path, MAX_BYTES), type=NotifySettings)
    except FileNotFoundError:
        return NotifySettings()
    except (OSError, DamagedFile, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not used: {error}") from error


def _require_own(path: Path) -> None:
    """Raises PermissionError for a file that another user owns or may write: it names a program to execute."""
    status = path.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError("others can write it; `chmod go-w` makes it yours alone")
