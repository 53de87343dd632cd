"""Extracting the known files, and nothing else, from a .tar.gz."""

import hashlib
import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO

from labtui.datasets.info import Remote
from labtui.errors import MachineError
from labtui.store.files import sync_folder, write_all

_CHUNK = 1 << 20


def unpack(archive: Path, remote: Remote, root: Path) -> None:
    """Extract the data set's files into their folder: each is checked, and moved there in one step.

    Only members that are regular files with a known name, and size where it is known, are read; links, other names
    and paths that lead elsewhere are skipped. Raises MachineError where a file is not in the archive or is damaged,
    OSError where the disk fails.
    """
    folder = root / remote.folder
    staging = root / f".{remote.folder.replace('/', '-')}.unpacking"
    if staging.is_dir():
        shutil.rmtree(staging)
    staging.mkdir()
    try:
        found = _extract(archive, remote, staging)
        absent = [file.name for file in remote.files if file.name not in found]
        if absent:
            raise MachineError(f"{archive} does not contain {', '.join(absent)} as expected.")
        folder.mkdir(parents=True, exist_ok=True)
        for name in found:
            (staging / name).replace(folder / name)
        sync_folder(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _extract(archive: Path, remote: Remote, staging: Path) -> list[str]:
    known = {f"{remote.folder}/{file.name}": file for file in remote.files}
    found = []
    try:
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                file = known.get(member.name)
                if file is None or not member.isreg() or file.size not in (0, member.size):
                    continue
                stream = members.extractfile(member)
                if stream is not None and _write(stream, staging / file.name) == file.md5:
                    found.append(file.name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise MachineError(f"{archive} cannot be unpacked: {error}.") from error
    return found


def _write(stream: IO[bytes], path: Path) -> str:
    """Copy to a new file and sync it; the MD5 of the content."""
    digest = hashlib.md5(usedforsecurity=False)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return digest.hexdigest()
