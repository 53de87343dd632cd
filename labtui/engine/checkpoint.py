"""The saved state of a training: two files, at least one of which is valid at every moment, checked before use.

torch loads damaged tensors without an error, so each file has its size and CRC-32 in a small file beside it. A save
writes a new file, adds its checksum to that of the current file, and only then renames the current file to the previous
one and the new file to the current one: wherever this is interrupted, every existing file has its checksum.

A checkpoint may come from an untrusted source: it is read without following links and loaded with `weights_only=True`,
which runs no code. A checksum detects accidental damage; it is no signature.
"""

import errno
import io
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import torch
from msgspec import Struct

from labtui.errors import LabError, MachineError
from labtui.store.attempt import location
from labtui.store.files import DamagedFile, read_bytes, read_json, sync_folder, write_all, write_json
from labtui.store.paths import RunPaths, checksum_path
from labtui.text.clean import clean_line
from labtui.text.sizes import size

SCHEMA = 1

State = dict[str, Any]
"""Tensors, numbers, strings, and lists and dicts of these: what `weights_only` accepts."""

_DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Checksum(Struct, frozen=True, kw_only=True):
    """What identifies an undamaged checkpoint file."""

    size: int
    crc32: int
    step: int


class Checksums(Struct, frozen=True, kw_only=True):
    """The file beside a checkpoint: its checksum, and during a save also that of the file it replaces."""

    accepted: tuple[Checksum, ...]


class NotSaved(MachineError):
    """The state could not be saved; the last checkpoint is unchanged."""


class CheckpointRejected(LabError):
    """A checkpoint is not usable; the message says why. It was not changed."""


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, paths: RunPaths, run_id: str) -> None:
        self.paths = paths
        self.run_id = run_id
        self._newest: Checksum | None = None
        """Checksum of the newest file, if this process wrote or verified it."""

    def save_best(self, state: State, step: int) -> None:
        """Replace the checkpoint of the best epoch. Raises NotSaved, with the one before unchanged."""
        best = self.paths.best_checkpoint
        temporary = best.with_name(f".{best.name}.{os.getpid()}.tmp")
        writer = _Writer(temporary)
        try:
            writer.write_whole({"schema": SCHEMA, "run_id": self.run_id, "step": step, "state": state})
            new = Checksum(size=writer.size, crc32=writer.crc32, step=step)
            write_json(checksum_path(best), Checksums(accepted=_distinct(new, *_accepted(best))))
            temporary.replace(best)
            sync_folder(best.parent)
        except OSError as error:
            needed = _size_of(state)
            _remove(temporary)
            raise _not_saved(error, self.paths, needed) from error

    def load_start(self, run_id: str, accept: Callable[[State], None]) -> int:
        """Pass the final state of another run, of which this folder has a copy, to `accept` and return its step.

        Raises LabError if the copy cannot be used.
        """
        try:
            content, _ = self._read(self.paths.start_checkpoint, run_id)
            accept(content["state"])
            return int(content["step"])
        except Exception as error:  # torch raises many types, and a state can be wrong in more ways
            name = self.paths.start_checkpoint.name
            raise LabError(
                f"The checkpoint that this run continues from cannot be used: {name}: {_reason(error)}",
                advice="Nothing was changed or deleted. Continue the finished run again, as a new run.",
            ) from error

    def save(self, state: State, step: int, *, before_replace: Callable[[], None] = lambda: None) -> None:
        """Save a state, reached after `step` optimizer steps, as the newest checkpoint.

        `before_replace` is called when the new file is on disk, before it replaces the last one. Raises NotSaved, with
        the last checkpoint unchanged.
        """
        temporary = self.paths.checkpoint.with_name(f".{self.paths.checkpoint.name}.{os.getpid()}.tmp")
        writer = _Writer(temporary)
        try:
            writer.write_whole({"schema": SCHEMA, "run_id": self.run_id, "step": step, "state": state})
            before_replace()
            self._replace(temporary, Checksum(size=writer.size, crc32=writer.crc32, step=step))
        except OSError as error:
            needed = _size_of(state)
            _remove(temporary)
            raise _not_saved(error, self.paths, needed) from error

    def _replace(self, temporary: Path, new: Checksum) -> None:
        newest, previous, current = self.paths.checkpoint, self.paths.previous_checkpoint, self._newest
        write_json(checksum_path(newest), Checksums(accepted=_distinct(new, current)))
        # A newest file that is not known to be valid never replaces the previous one.
        if current is not None:
            write_json(checksum_path(previous), Checksums(accepted=_distinct(current, *_accepted(previous))))
            newest.replace(previous)
            self._newest = None
        temporary.replace(newest)
        self._newest = new
        sync_folder(newest.parent)

    def load(self, accept: Callable[[State], None], say: Callable[[str], None]) -> int | None:
        """Pass the newest valid state to `accept` and return its step; None if the run has no checkpoint at all.

        `accept` raises for a state that does not fit, and must then be able to accept another one. Every rejected
        checkpoint is reported with `say`. Raises LabError if there are checkpoints but none is usable.
        """
        rejected: list[str] = []
        for path in (self.paths.checkpoint, self.paths.previous_checkpoint):
            try:
                content, checksum = self._read(path)
                accept(content["state"])
                step = int(content["step"])
            except FileNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001 (torch raises many types, and a state can be wrong in more ways)
                rejected.append(clean_line(f"{path.name} is not used: {_reason(error)}"))
                say(rejected[-1])
                continue
            if path == self.paths.checkpoint:
                self._newest = checksum
            else:
                say(f"{path.name}, of step {step:,}, is used instead.")
            return step
        if not rejected:
            return None
        raise LabError(
            f"No checkpoint of this run can be used. {' '.join(rejected)}",
            advice="Nothing was changed or deleted. Start the experiment as a new run.",
        )

    def _read(self, path: Path, run_id: str = "") -> tuple[State, Checksum]:
        """The verified content of a checkpoint of this run, or of the run with this id.

        Raises FileNotFoundError, or any other error if the checkpoint is invalid.
        """
        if not path.is_symlink() and not path.exists():
            raise FileNotFoundError(path)
        accepted = _checksums(path).accepted
        content = read_bytes(path, max_bytes=max((checksum.size for checksum in accepted), default=0))
        actual = (len(content), zlib.crc32(content))
        matching = [checksum for checksum in accepted if actual == (checksum.size, checksum.crc32)]
        if not matching:
            raise CheckpointRejected("it is damaged (size or checksum is wrong).")
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
            raise CheckpointRejected("it was made by another version of labtui.")
        if loaded.get("run_id") != (run_id or self.run_id):
            raise CheckpointRejected("it belongs to another run.")
        return loaded, matching[0]


class _Writer:
    """A file object for torch.save that computes the size and the CRC-32 of what is written."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self.crc32 = 0
        self._path = path
        self._descriptor = -1
        self._error: OSError | None = None

    def write_whole(self, content: State) -> None:
        """Write the file and fsync it. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._path, flags, 0o666)
        try:
            torch.save(content, cast("IO[bytes]", self))
            os.fsync(self._descriptor)
        except RuntimeError:
            # torch replaces an OSError of the disk by an unrelated one about file positions.
            if self._error is not None:
                raise self._error from None
            raise
        finally:
            os.close(self._descriptor)

    def write(self, data: bytes) -> int:
        """Called by torch.save."""
        view = memoryview(data).cast("B")
        try:
            write_all(self._descriptor, view)
        except OSError as error:
            self._error = error
            raise
        self.crc32 = zlib.crc32(view, self.crc32)
        self.size += len(view)
        return len(view)

    def flush(self) -> None:
        """Called by torch.save; nothing is buffered."""


def _checksums(path: Path) -> Checksums:
    try:
        return read_json(checksum_path(path), Checksums)
    except FileNotFoundError as error:
        raise CheckpointRejected(f"its checksum {checksum_path(path).name} is missing.") from error


def _distinct(*checksums: Checksum | None) -> tuple[Checksum, ...]:
    """The first three different checksums: the current file, the new one, and one to spare."""
    return tuple(dict.fromkeys(checksum for checksum in checksums if checksum is not None))[:3]


def _accepted(path: Path) -> tuple[Checksum, ...]:
    """The checksums of an existing checkpoint; empty if they cannot be read."""
    try:
        return _checksums(path).accepted if path.exists() else ()
    except (OSError, DamagedFile, CheckpointRejected):
        return ()


def _reason(error: BaseException) -> str:
    if isinstance(error, LabError):
        return error.message
    return f"it cannot be loaded ({type(error).__name__}: {str(error).partition(chr(10))[0]})."


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the disk has a problem; the supervisor removes leftover files at the next start


def _size_of(state: Any) -> int:
    """Bytes of all tensors in a state: the size of a checkpoint, except for a few KiB."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, dict):
        return sum(map(_size_of, state.values()))
    return sum(map(_size_of, state)) if isinstance(state, (list, tuple)) else 0


def is_disk_full(error: OSError) -> bool:
    """Whether an OSError means that the disk is full."""
    return error.errno in _DISK_FULL_ERRORS


def _not_saved(error: OSError, paths: RunPaths, needed: int) -> NotSaved:
    exists = paths.checkpoint.exists() or paths.previous_checkpoint.exists()
    last = "The last checkpoint is unchanged." if exists else "There is no checkpoint yet."
    if not is_disk_full(error):
        return NotSaved(f"The state cannot be saved ({error}). {last}")
    free = shutil.disk_usage(paths.folder).free
    missing = f", {size(needed - free)} missing" if needed > free else ""
    space = f"a checkpoint needs {size(needed)}, {size(free)} free{missing}"
    return NotSaved(f"disk full: {space}. {last}", advice=f"Free some space on the disk of {location(paths.folder)}.")
