"""The saved state of a training: two files, of which one is good at every moment, and never trusted unseen.

torch loads damaged tensors without a word, so each file has its size and CRC-32 beside it. A save writes a new file,
names its checksum beside the present file's, and only then moves the present file to the previous one's place and the
new file to the present one's: wherever that is cut off, each file that is there has its checksum.

A checkpoint may come from a stranger: it is read without following links and loaded with `weights_only=True`, which
runs no code. A checksum finds accidents; it is no signature.
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

from labtui.errors import EnvironmentFault, LabError
from labtui.store.files import DamagedFile, read_bytes, read_json, sync_folder, write_all, write_json
from labtui.store.paths import RunPaths, checksum_path
from labtui.text.clean import clean_line
from labtui.text.sizes import size

SCHEMA = 1

State = dict[str, Any]
"""Tensors, numbers, strings, and lists and dicts of these: what `weights_only` lets pass."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Checksum(Struct, frozen=True, kw_only=True):
    """What tells a whole file from a damaged one."""

    size: int
    crc32: int
    step: int


class Checksums(Struct, frozen=True, kw_only=True):
    """The small file beside a checkpoint: its checksum, and while a save is under way that of the file it replaces."""

    accepted: tuple[Checksum, ...]


class NotSaved(EnvironmentFault):
    """The state could not be saved; the last checkpoint is as it was."""


class Refused(LabError):
    """A checkpoint that is not used, and why; nothing of it was changed."""


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, paths: RunPaths, run_id: str) -> None:
        self.paths = paths
        self.run_id = run_id
        self._present: Checksum | None = None
        """Of the newest file, where this process wrote or checked it."""

    def save(self, state: State, step: int, *, before_placing: Callable[[], None] = lambda: None) -> None:
        """Put a state, reached after `step` optimizer steps, in the newest checkpoint's place.

        `before_placing` is called once the new file is on the disk. Raises NotSaved with the last checkpoint intact.
        """
        temporary = self.paths.checkpoint.with_name(f".{self.paths.checkpoint.name}.{os.getpid()}.tmp")
        writer = _Writer(temporary)
        try:
            writer.write_whole({"schema": SCHEMA, "run_id": self.run_id, "step": step, "state": state})
            before_placing()
            self._place(temporary, Checksum(size=writer.size, crc32=writer.crc32, step=step))
        except OSError as fault:
            needed = _size_of(state)
            _remove(temporary)
            raise _not_saved(fault, self.paths, needed) from fault

    def _place(self, temporary: Path, new: Checksum) -> None:
        newest, previous, present = self.paths.checkpoint, self.paths.previous_checkpoint, self._present
        write_json(checksum_path(newest), Checksums(accepted=_distinct(new, present)))
        # A newest file that is not known to be good never takes the previous one's place.
        if present is not None:
            write_json(checksum_path(previous), Checksums(accepted=_distinct(present, *_accepted(previous))))
            newest.replace(previous)
            self._present = None
        temporary.replace(newest)
        self._present = new
        sync_folder(newest.parent)

    def load(self, accept: Callable[[State], None], say: Callable[[str], None]) -> int | None:
        """Hand the newest good state to `accept` and return its step; None where the run has no checkpoint at all.

        `accept` raises for a state that does not fit, and must be able to take another one after that. A checkpoint
        that is not used is told to `say`. Raises LabError where there are checkpoints but none is good.
        """
        refused: list[str] = []
        for path in (self.paths.checkpoint, self.paths.previous_checkpoint):
            try:
                content, checksum = self._read(path)
                accept(content["state"])
                step = int(content["step"])
            except FileNotFoundError:
                continue
            except Exception as fault:  # noqa: BLE001 (torch refuses in many ways, a state can be wrong in many more)
                refused.append(clean_line(f"{path.name} is not used: {_reason(fault)}"))
                say(refused[-1])
                continue
            if path == self.paths.checkpoint:
                self._present = checksum
            else:
                say(f"{path.name}, of step {step:,}, is used in its place.")
            return step
        if not refused:
            return None
        raise LabError(
            f"No checkpoint of this run can be used. {' '.join(refused)}",
            advice="Nothing was changed or deleted. Start the experiment as a new run.",
        )

    def _read(self, path: Path) -> tuple[State, Checksum]:
        """A checkpoint's content, whole and of this run. Raises FileNotFoundError; anything else where it is not."""
        if not path.is_symlink() and not path.exists():
            raise FileNotFoundError(path)
        accepted = _checksums(path).accepted
        content = read_bytes(path, max_bytes=max((checksum.size for checksum in accepted), default=0))
        found = (len(content), zlib.crc32(content))
        matching = [checksum for checksum in accepted if found == (checksum.size, checksum.crc32)]
        if not matching:
            raise Refused("it is damaged (size or checksum is wrong).")
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
            raise Refused("it was made by another version of labtui.")
        if loaded.get("run_id") != self.run_id:
            raise Refused("it belongs to another run.")
        return loaded, matching[0]


class _Writer:
    """A file object for torch.save that knows the size and the CRC-32 of what went through it."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self.crc32 = 0
        self._path = path
        self._descriptor = -1
        self._fault: OSError | None = None

    def write_whole(self, content: State) -> None:
        """Write the file and bring it to the disk. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._path, flags, 0o666)
        try:
            torch.save(content, cast("IO[bytes]", self))
            os.fsync(self._descriptor)
        except RuntimeError:
            # torch turns an error of the disk into one about positions in the file.
            if self._fault is not None:
                raise self._fault from None
            raise
        finally:
            os.close(self._descriptor)

    def write(self, data: bytes) -> int:
        """Called by torch.save."""
        view = memoryview(data).cast("B")
        try:
            write_all(self._descriptor, view)
        except OSError as fault:
            self._fault = fault
            raise
        self.crc32 = zlib.crc32(view, self.crc32)
        self.size += len(view)
        return len(view)

    def flush(self) -> None:
        """Called by torch.save; nothing is held back."""


def _checksums(path: Path) -> Checksums:
    try:
        return read_json(checksum_path(path), Checksums)
    except FileNotFoundError as fault:
        raise Refused(f"its checksum {checksum_path(path).name} is missing.") from fault


def _distinct(*checksums: Checksum | None) -> tuple[Checksum, ...]:
    """The first three different ones: the file that is there, the one that will be, and one to spare."""
    return tuple(dict.fromkeys(checksum for checksum in checksums if checksum is not None))[:3]


def _accepted(path: Path) -> tuple[Checksum, ...]:
    """The checksums beside a checkpoint that is there; none where they cannot be read."""
    try:
        return _checksums(path).accepted if path.exists() else ()
    except (OSError, DamagedFile, Refused):
        return ()


def _reason(fault: BaseException) -> str:
    if isinstance(fault, LabError):
        return fault.message
    return f"it cannot be loaded ({type(fault).__name__}: {str(fault).partition(chr(10))[0]})."


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # a disk in trouble; the small parent clears leftovers away at the next start


def _size_of(state: Any) -> int:
    """Bytes of the tensors of a state: what a checkpoint needs, but for a few kilobytes."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, dict):
        return sum(map(_size_of, state.values()))
    return sum(map(_size_of, state)) if isinstance(state, (list, tuple)) else 0


def is_full(fault: OSError) -> bool:
    """Whether an error of the disk means that there is no room."""
    return fault.errno in _FULL


def _not_saved(fault: OSError, paths: RunPaths, needed: int) -> NotSaved:
    there = paths.checkpoint.exists() or paths.previous_checkpoint.exists()
    kept = "The last checkpoint is as it was." if there else "There is none yet."
    if not is_full(fault):
        return NotSaved(f"The state cannot be saved ({fault}). {kept}")
    free = shutil.disk_usage(paths.folder).free
    room = f"a checkpoint needs {size(needed)}, {size(free)} are free"
    missing = f", {size(needed - free)} are missing" if needed > free else ""
    return NotSaved(f"disk full: {room}{missing}. {kept}", advice=f"Free some space on the disk of {paths.folder}.")
