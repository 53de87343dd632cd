"""One round through the queue: which entries start now, on which device, and what becomes of those that cannot."""

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from labtui.errors import LabError
from labtui.launch.devices import Device, Survey, candidates, survey
from labtui.launch.ends import Ends
from labtui.launch.environment import restored
from labtui.launch.fork_server.client import Warmer
from labtui.launch.launcher import AlreadyRunning, Interpreter, NotStarted, next_attempt
from labtui.launch.line import Line
from labtui.launch.order import Claimed
from labtui.launch.queue.entries import Entry, entries, is_ours, remove, set_aside
from labtui.launch.queue.ticket import Ticket, folder_of, has_our_seal
from labtui.launch.slots import Slot, first_free
from labtui.store.paths import RunPaths

_FULL_PAUSE = 30.0
"""Seconds until an entry that met a full disk is tried again."""


class Start(Protocol):
    """`labtui.launch.launcher.start`, or a stand-in for it."""

    def __call__(
        self,
        folder: Path,
        *,
        device: Device,
        threads: int,
        data_root: Path,
        resume: bool,
        catalog_folder: Path | None,
        attempt: int,
        slot: Slot,
        interpreter: Interpreter,
    ) -> Claimed:
        """Start an attempt; return once it is claimed."""


class Dispatcher:
    """Starts entries in their order; one that waits for a device is not overtaken by another that wants the same."""

    def __init__(
        self,
        root: Path,
        launch: Start,
        say: Callable[[str], None],
        look: Callable[[dict[str, str]], Survey] = survey,
        warmer: Warmer | None = None,
    ) -> None:
        """`warmer`: what runs are started from where several wait that are alike; by default each starts cold."""
        self._root, self._launch, self._say, self._look = root, launch, say, look
        self._warmer = warmer
        self.ends = Ends()
        """Of the runs that it started."""
        self._waiting: Counter[bytes] = Counter()
        self._surveys: dict[str | None, Survey] = {}
        self._busy: set[str] = set()
        self._line = Line()
        self._not_before: dict[str, float] = {}

    def round(self) -> None:
        """Try every entry of ours once."""
        self._surveys.clear()
        self._busy.clear()
        ours = [entry for entry in entries(self._root) if is_ours(entry)]
        self._waiting = Counter(_kind(entry.ticket) for entry in ours if entry.ticket)
        for entry in ours:
            if self._not_before.get(entry.name, 0.0) > time.monotonic():
                continue
            try:
                self._try(entry)
            except (LabError, OSError) as fault:
                self._set_aside(entry, str(fault))

    def close(self) -> None:
        """Wait for nothing more; what was started goes on."""
        self.ends.close()
        self._line.close()

    def _try(self, entry: Entry) -> None:
        """Start the entry if it can start now. Raises LabError where it never will."""
        ticket = entry.ticket
        if ticket is None:
            raise LabError(entry.reason)
        if not has_our_seal(ticket):
            raise LabError(
                "It was not made by you on this machine, and it names a program to run.",
                advice="If you want it started, `labtui queue retry` makes it yours, with your own Python.",
            )
        folder = folder_of(self._root, ticket)
        if next_attempt(RunPaths(folder)) > ticket.attempt:
            self._done(entry, "was started already")
            return
        environment = restored(ticket.origin.environment, os.environ)
        placed = self._place(ticket, environment)
        if placed is None:
            return
        device, slot = placed
        with slot:
            if entry.path.exists():
                self._start(entry, ticket, folder, device, slot, environment)

    def _start(
        self, entry: Entry, ticket: Ticket, folder: Path, device: Device, slot: Slot, environment: dict[str, str]
    ) -> None:
        interpreter = self._interpreter(ticket, device, environment)
        if interpreter is None:
            return
        try:
            claimed = self._launch(
                folder,
                device=device,
                threads=ticket.threads,
                data_root=Path(ticket.data_root),
                resume=ticket.resume,
                catalog_folder=Path(ticket.catalog_folder) if ticket.catalog_folder else None,
                attempt=ticket.attempt,
                slot=slot,
                interpreter=interpreter,
            )
        except AlreadyRunning as held:
            if held.why == "claimed":
                self._done(entry, "was started by somebody else")
        except NotStarted as refused:
            if refused.why == "finished":
                self._done(entry, "is finished")
            elif refused.why == "full":
                self._postpone(entry, str(refused).removeprefix("Not started: "))
            else:
                raise
        else:
            if claimed.parent is not None:
                self.ends.watch(claimed.parent)
            self._done(entry, f"attempt {claimed.attempt} started on {device.name}")

    def _interpreter(self, ticket: Ticket, device: Device, environment: dict[str, str]) -> Interpreter | None:
        """The Python that the entry names; None while a process of it loads from which several will be started."""
        origin = ticket.origin
        cold = Interpreter(path=origin.python, environment=environment, folder=Path(origin.folder))
        if self._warmer is None:
            return cold
        return self._warmer.warmed(cold, device, ticket.threads, self._waiting[_kind(ticket)])

    def _place(self, ticket: Ticket, environment: dict[str, str]) -> tuple[Device, Slot] | None:
        """A device that fulfils the wish, with a slot on it; None while all such devices are taken."""
        wanted = candidates(ticket.device, self._survey(environment))
        if self._busy.isdisjoint(device.name for device in wanted):
            placed = first_free(wanted, ticket.threads, self._line, per_device=ticket.per_device)
            if placed is not None:
                return placed
        self._busy.update(device.name for device in wanted)
        return None

    def _survey(self, environment: dict[str, str]) -> Survey:
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        if visible not in self._surveys:
            self._surveys[visible] = self._look(environment)
        return self._surveys[visible]

    def _postpone(self, entry: Entry, why: str) -> None:
        """Leave the entry in its place: somebody will free some space."""
        if entry.name not in self._not_before:
            self._say(f"{entry.run}: waits: {why}")
        self._not_before[entry.name] = time.monotonic() + _FULL_PAUSE

    def _set_aside(self, entry: Entry, why: str) -> None:
        self._say(f"{entry.run}: set aside: {why}")
        try:
            set_aside(entry, why)
        except OSError as fault:
            self._postpone(entry, f"it cannot be set aside either: {fault}")

    def _done(self, entry: Entry, what: str) -> None:
        self._say(f"{entry.run}: {what}")
        remove(entry)


def _kind(ticket: Ticket) -> bytes:
    """Equal for entries that one process can start."""
    return msgspec.json.encode((ticket.origin, ticket.threads), order="deterministic")
