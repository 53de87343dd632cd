"""The seal of a file: it shows that this user made it, and not somebody else who made the folder.

An HMAC with a key in the user's own state folder. Whatever can make this user's processes execute something carries
one: entries of the queue, which name an interpreter, runs of programs, which are a command, and runs that import the
user's own code from `lab/`.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

import msgspec

from labtui.spec import uses_lab_code
from labtui.store.files import read_bytes, read_json_or_none, write_new
from labtui.store.paths import RunPaths
from labtui.store.records import AnySpecFile, ProgramFile, SpecFile
from labtui.store.safe_paths import private_folder

_KEY_BYTES = 32


def seal(content: bytes) -> str:
    """The seal of some content. Raises MachineError if no key can be stored."""
    return hmac.new(_key(private_folder("queue") / "key"), content, hashlib.sha256).hexdigest()


def is_seal_of(content: bytes, text: str) -> bool:
    """Whether this user sealed the content."""
    return hmac.compare_digest(seal(content).encode(), text.encode("utf-8", "surrogatepass"))


def sealed(file: AnySpecFile) -> AnySpecFile:
    """The spec.json with this user's seal over everything else in it, if the run can execute something of the user's.

    Raises MachineError.
    """
    if isinstance(file, SpecFile) and not uses_lab_code(file.spec):
        return file
    return msgspec.structs.replace(file, seal=seal(_content(file)))


def is_own(file: AnySpecFile) -> bool:
    """Whether this user created the run, so that its command or code may be executed."""
    return is_seal_of(_content(file), file.seal or "")


def code_file(paths: RunPaths) -> SpecFile | None:
    """The spec.json of a run that imports code from `lab/`; None for every other run."""
    file = read_json_or_none(paths.spec, SpecFile)
    return file if file is not None and uses_lab_code(file.spec) else None


def program_file(paths: RunPaths) -> ProgramFile | None:
    """The spec.json of a run whose training is a program; None for every other run."""
    return read_json_or_none(paths.spec, ProgramFile)


def _content(file: AnySpecFile) -> bytes:
    kind = b"program\n" if isinstance(file, ProgramFile) else b"code\n"
    return kind + msgspec.json.encode(msgspec.structs.replace(file, seal=""), order="deterministic")


def _key(path: Path) -> bytes:
    """The key, created on first use; if two processes create one at once, the first one stays."""
    for _ in range(2):
        try:
            return read_bytes(path, _KEY_BYTES)
        except FileNotFoundError:
            write_new(path, secrets.token_bytes(_KEY_BYTES), 0o600, durable=True)
    return read_bytes(path, _KEY_BYTES)
