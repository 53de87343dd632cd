"""The content of a queue entry, and whether it is our own."""

import os
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from labtui.errors import UsageError
from labtui.launch.daemonize import importable
from labtui.launch.environment import chosen
from labtui.launch.seal import is_sealed, seal
from labtui.store.process import host
from labtui.store.safe_paths import OutsideRoot, opened


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
        with opened(root, parts):
            return root.joinpath(*parts)
    except (OSError, OutsideRoot, ValueError) as fault:
        raise UsageError(f"The run {ticket.run} is not in {root}.", advice="Was it moved or removed?") from fault


def _unsealed(ticket: Ticket) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(ticket, seal=""), order="deterministic")
