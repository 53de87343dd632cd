"""Marking queue entries as one's own.

An entry names an interpreter and an environment, so whoever can write one could have a program of theirs run. A runs
folder can come from a stranger, entries and all; the queue runner therefore starts only what carries the seal of this
user: an HMAC with a key that lies in the user's own state folder.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from labtui.launch.private import private_folder
from labtui.store.files import read_bytes

_BYTES = 32


def seal(content: bytes) -> str:
    """The seal of a content, in hexadecimal digits. Raises EnvironmentFault where no key can be kept."""
    return hmac.new(_key(private_folder("queue") / "key"), content, hashlib.sha256).hexdigest()


def is_sealed(content: bytes, mark: str) -> bool:
    """Whether `mark` is our seal of the content."""
    return hmac.compare_digest(seal(content).encode(), mark.encode("utf-8", "surrogatepass"))


def _key(path: Path) -> bytes:
    """The key, made on first use; of two who make one at once, the first link stays."""
    for _ in range(2):
        try:
            return read_bytes(path, _BYTES)
        except FileNotFoundError:
            _make(path)
    return read_bytes(path, _BYTES)


def _make(path: Path) -> None:
    temporary = path.with_name(f".key.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_BYTES))
        os.fsync(descriptor)
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.close(descriptor)
        temporary.unlink()
