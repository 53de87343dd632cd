"""The app's other half: it polls off the event loop, does deeds in threads, and says what came of them."""

import gc
import time
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.reactive import var

from labtui.console.data.poller import Poller, poll_in_thread
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.messages import DeedFailed, PollFailed, RunsUpdated, Told
from labtui.console.notifications import digest, news
from labtui.errors import LabError


class Watching(App[None]):
    """Holds the latest snapshot, which the screens watch."""

    snapshot: var[Snapshot] = var(Snapshot, init=False)

    def __init__(self, poller: Poller, **settings: Any) -> None:
        super().__init__(**settings)
        self._poller = poller
        self._end_watching: Callable[[], None] = lambda: None
        self.last_seen = 0.0
        """Seconds since the epoch: when a console was last open on these runs."""

    def begin_watching(self) -> None:
        """Poll from now on, the first picture being there."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        self._end_watching = poll_in_thread(self._poller, self._deliver, self._tell_of_fault)

    def _deliver(self, snapshot: Snapshot) -> None:
        self.post_message(RunsUpdated(snapshot))

    def _tell_of_fault(self, fault: Exception) -> None:
        self.post_message(PollFailed(f"the runs folder cannot be read: {fault}"))

    def on_unmount(self) -> None:
        """End polling."""
        self._end_watching()

    # --- For the screens ----------------------------------------------------------------------------------------------

    def wish(self, interest: Interest) -> None:
        """What the next polls should read."""
        self._poller.set_interest(interest)

    def perform(self, deed: Callable[[Callable[[str], None]], str]) -> None:
        """Do something that takes its time in a thread, and say what came of it."""

        def tell(text: str) -> None:
            self.post_message(Told(text))

        def work() -> None:
            try:
                if said := deed(tell):
                    tell(said)
            except LabError as fault:
                self.post_message(DeedFailed(fault.message, fault.advice))
            except Exception as fault:  # noqa: BLE001 - a deed that fails must not end the console
                self.post_message(DeedFailed(f"{type(fault).__name__}: {fault}"))
            self._poller.poll_now()

        self.run_worker(work, thread=True, exit_on_error=False, group="deeds")

    def say(self, text: str, *, ink: str = "") -> None:
        """Say something on the status line of the topmost screen that has one."""
        for screen in reversed(self.screen_stack):
            if (speak := getattr(screen, "say", None)) is not None:
                speak(text, ink=ink)
                return

    # --- What workers say ---------------------------------------------------------------------------------------------

    def on_runs_updated(self, message: RunsUpdated) -> None:
        """A poll came in: the screens watch the snapshot; what ended meanwhile is said."""
        before, self.snapshot = self.snapshot, message.snapshot
        for notice in message.snapshot.notices:
            if notice not in before.notices:
                self.say(notice, ink="warn")
        if not before.when:
            self.opened(digest(message.snapshot.runs, self.last_seen, time.time()))
            return
        if before.runs is message.snapshot.runs:
            return
        for text, alarm in news({run.id: run.state for run in before.runs}, message.snapshot.runs):
            self.say(text, ink="bad" if alarm else "good")
            if alarm:
                self.bell()

    def opened(self, told: str) -> None:
        """The first snapshot is there; `told` is what happened while no console was open, if anything did."""
        if told:
            self.say(told)

    def on_poll_failed(self, message: PollFailed) -> None:
        """Say it; polling goes on."""
        self.say(message.text, ink="bad")

    def on_told(self, message: Told) -> None:
        """Say it."""
        self.say(message.text)

    def on_deed_failed(self, message: DeedFailed) -> None:
        """Say what happened and what to do."""
        self.say(f"{message.text} {message.advice}".strip(), ink="bad")
