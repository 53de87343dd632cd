"""The content of a queue entry, and the signature that shows that this user wrote it.

An entry names an interpreter and an environment, so anyone who can write an entry could have a program of theirs run. A
runs folder can come from a stranger, with entries in it. The queue runner therefore starts only entries with this
user's seal: an HMAC with a key in the user's own state folder.
"""

import os
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from labtui.errors import UsageError
from labtui.launch.environment import importable_environment, recorded_environment
from labtui.launch.seal import is_seal_of, seal
from labtui.store.process import host
from labtui.store.safe_paths import OutsideRoot, open_folder


class Origin(Struct, frozen=True, kw_only=True):
    """Where an entry was made; the queue runner starts its run in the same way."""

    host: str
    """Only this machine's queue runner starts it."""
    python: str
    folder: str
    environment: dict[str, str]
    """Variables that decide which programs, devices and data a run finds; never secrets."""


class Ticket(Struct, frozen=True, kw_only=True):
    """Which attempt of which run to start, with what, and where that was requested."""

    schema: int = 1
    run: str
    """The run's folder below the runs root, as a posix path."""
    attempt: int
    """The attempt that the entry starts; once that is claimed, the entry has no purpose."""
    device: str
    """The requested device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
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


def current_origin() -> Origin:
    """This process: its interpreter, its folder, and the recorded part of its environment."""
    try:
        folder = str(Path.cwd())
    except FileNotFoundError:
        folder = "/"
    environment = recorded_environment(importable_environment(os.environ))
    return Origin(host=host(), python=sys.executable, folder=folder, environment=environment)


def run_folder(root: Path, ticket: Ticket) -> Path:
    """The run's folder, below the root and not through a link. Raises UsageError if there is none."""
    parts = tuple(ticket.run.split("/"))
    try:
        with open_folder(root, parts):
            return root.joinpath(*parts)
    except (OSError, OutsideRoot, ValueError) as error:
        raise UsageError(
            f"The run {ticket.run} is not in {root}.", advice="It may have been moved or removed."
        ) from error


def signed(ticket: Ticket) -> Ticket:
    """The ticket with this user's seal. Raises MachineError if no key can be stored."""
    return msgspec.structs.replace(ticket, seal=seal(_content(ticket)))


def is_signed_by_us(ticket: Ticket) -> bool:
    """Whether this user made the ticket, and not somebody else who made the folder."""
    return is_seal_of(_content(ticket), ticket.seal)


def _content(ticket: Ticket) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(ticket, seal=""), order="deterministic")
