"""The words that users tag a run with: `tags.json` in its folder, so that they go wherever the folder goes.

They say nothing about what is trained, and no comparison depends on them. (The tags of metrics are in tags.py.)
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from labtui.errors import UsageError
from labtui.store.files import DamagedFile, read_json, write_json
from labtui.store.lock import LockHeld, hold_folder
from labtui.store.paths import RunPaths
from labtui.store.run import Run
from labtui.store.safe_paths import machine_error
from labtui.text.clean import clean_line

MAX_TAGS = 32
"""Of one run."""

_TAG = re.compile(r"[^\W_][\w.:-]{0,39}")


class RunTags(Struct, frozen=True, kw_only=True):
    """`tags.json`."""

    tags: tuple[str, ...] = ()


def shown_tags(record: RunTags | None) -> tuple[str, ...]:
    """The valid tags of a record, each once: a stranger's file may contain anything."""
    return tuple(dict.fromkeys(filter(_TAG.fullmatch, record.tags)))[:MAX_TAGS] if record else ()


def require_tag(text: str) -> str:
    """The text, if a run can be tagged with it. Raises UsageError."""
    if not _TAG.fullmatch(text):
        raise UsageError(
            f"{clean_line(text)!r} cannot be a tag.",
            advice="A tag is one word: letters, digits, _ . : and -, at most 40, beginning with a letter or digit.",
        )
    return text


def change_tags(run: Run, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
    """Add and remove tags of a run and return those that it has now.

    Raises UsageError for a run that is only read and for a text that is no tag, MachineError for a problem of the disk.
    """
    if run.read_only:
        why = run.behind_link or run.damage or "it was created by another tool, and its folder is only read"
        raise UsageError(f"{run.id} cannot be tagged: {why}.")
    added, removed = [require_tag(tag) for tag in add], frozenset(remove)
    path = run.paths.tags
    try:
        with hold_folder(run.folder):
            before = _read(run.paths)
            after = tuple(tag for tag in dict.fromkeys((*before, *added)) if tag not in removed)
            if len(after) > MAX_TAGS:
                raise UsageError(f"{run.id} would have {len(after)} tags; {MAX_TAGS} is the limit.")
            if after != before:
                write_json(path, RunTags(tags=after))
    except LockHeld as error:
        raise UsageError(f"The tags of {run.id} are being changed by another process.", advice="Try again.") from error
    except OSError as error:
        raise machine_error(error, f"{run.id} could not be tagged", run.folder) from error
    return after


def _read(paths: RunPaths) -> tuple[str, ...]:
    try:
        return shown_tags(read_json(paths.tags, RunTags))
    except FileNotFoundError:
        return ()
    except DamagedFile as error:
        raise UsageError(
            f"{paths.tags} is damaged and was not changed: {error.message}", advice="Remove it, then tag the run again."
        ) from error
