"""The seal of a file: it shows that this user made it, and not somebody else who made the folder.

An HMAC with a key in the user's own state folder. Whatever can make this user's processes execute something carries
one: entries of the queue, which name an interpreter, and runs of programs, which are a command.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

import msgspec

from labtui.store.files import read_bytes, read_json_or_none, write_new
from labtui.store.paths import RunPaths
from labtui.store.records import ProgramFile
from labtui.store.safe_paths import private_folder

_KEY_BYTES = 32


def seal(content: bytes) -> str:
    """The seal of some content. Raises MachineError if no key can be stored."""
    return hmac.new(_key(private_folder("queue") / "key"), content, hashlib.sha256).hexdigest()


def is_seal_of(content: bytes, text: str) -> bool:
    """Whether this user sealed the content."""
    return hmac.compare_digest(seal(content).encode(), text.encode("utf-8", "surrogatepass"))


def sealed_program(file: ProgramFile) -> ProgramFile:
    """The file with this user's seal over everything else in it. Raises MachineError."""
    return msgspec.structs.replace(file, seal=seal(_content(file)))


def is_own_program(file: ProgramFile) -> bool:
    """Whether this user created the run, so that its command may be executed."""
    return is_seal_of(_content(file), file.seal)


def program_file(paths: RunPaths) -> ProgramFile | None:
    """The spec.json of a run whose training is a program; None for every other run."""
    return read_json_or_none(paths.spec, ProgramFile)


def _content(file: ProgramFile) -> bytes:
    return b"program\n" + msgspec.json.encode(msgspec.structs.replace(file, seal=""), order="deterministic")


def _key(path: Path) -> bytes:
    """The key, created on first use; if two processes create one at once, the first one stays."""
    for _ in range(2):
        try:
            return read_bytes(path, _KEY_BYTES)
        except FileNotFoundError:
            write_new(path, secrets.token_bytes(_KEY_BYTES), 0o600, durable=True)
    return read_bytes(path, _KEY_BYTES)
