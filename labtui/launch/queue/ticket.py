"""The content of a queue entry, and whether it is our own."""

import hashlib
import hmac
import os
import secrets
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from labtui.errors import UsageError
from labtui.launch.daemonize import importable
from labtui.launch.environment import chosen
from labtui.store.files import read_bytes
from labtui.store.process import host
from labtui.store.safe_paths import OutsideRoot, open_folder, private_folder


class Origin(Struct, frozen=True, kw_only=True):
    """Where an entry was made: the queue runner starts its run from there."""

    host: str
    """Only this machine's queue runner starts it."""
    python: str
    folder: str
    environment: dict[str, str]
    """Of the variables that decide what is found; never secrets."""


class Ticket(Struct, frozen=True, kw_only=True):
    """Which attempt of which run, with what, and where it was asked for."""

    schema: int = 1
    run: str
    """The run's folder below the runs root, posix."""
    attempt: int
    """The attempt that the entry starts; once that is claimed, the entry has no purpose."""
    device: str
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    per_device: int = 1
    """How many runs may share the GPU."""
    threads: int
    data_root: str
    catalog_folder: str | None = None
    resume: bool = False
    by: str = ""
    when: float
    retries: int = 0
    origin: Origin
    seal: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it was made on this machine."""
        return self.origin.host == host()


def origin_here() -> Origin:
    """This process: its interpreter, its folder, and what of its environment is recorded."""
    try:
        folder = str(Path.cwd())
    except FileNotFoundError:
        folder = "/"
    return Origin(host=host(), python=sys.executable, folder=folder, environment=chosen(importable(os.environ)))


def sealed(ticket: Ticket) -> Ticket:
    """The ticket with our seal. Raises EnvironmentFault where no key can be kept."""
    return msgspec.structs.replace(ticket, seal=seal(_unsealed(ticket)))


def has_our_seal(ticket: Ticket) -> bool:
    """Whether this user made the ticket, rather than whoever made the folder."""
    return is_sealed(_unsealed(ticket), ticket.seal)


def folder_of(root: Path, ticket: Ticket) -> Path:
    """The run's folder, below the root and through no link. Raises UsageError where there is none."""
    parts = tuple(ticket.run.split("/"))
    try:
        with open_folder(root, parts):
            return root.joinpath(*parts)
    except (OSError, OutsideRoot, ValueError) as fault:
        raise UsageError(f"The run {ticket.run} is not in {root}.", advice="Was it moved or removed?") from fault


def _unsealed(ticket: Ticket) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(ticket, seal=""), order="deterministic")


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
