"""The app's way out: nothing is stopped by leaving, and what goes on is said."""

import time
from typing import Any

from rich.text import Text
from textual import events

from labtui.console.data.poller import Poller
from labtui.console.farewell import farewell
from labtui.console.polling import Watching

TWICE = 2.0
"""Seconds within which a second ctrl+c leaves."""


class Parting(Watching):
    """Leaves a screen, or the console."""

    def __init__(self, monitor: Poller, **settings: Any) -> None:
        super().__init__(monitor, **settings)
        self._interrupted = 0.0
        self._parted = False

    def exit(self, *arguments: Any, **settings: Any) -> None:
        """End the console; keys that were typed behind the last one mean nothing any more."""
        self._parted = True
        super().exit(*arguments, **settings)

    async def on_event(self, event: events.Event) -> None:
        """Keys and mouse open nothing while the screens are taken down."""
        if not (self._parted and isinstance(event, events.InputEvent)):
            await super().on_event(event)

    def action_leave(self) -> None:
        """One screen back; from the first one, out. Nothing is stopped."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self._part()

    def action_help_quit(self) -> None:
        """ctrl+c: people press it to leave; twice does."""
        if time.monotonic() - self._interrupted < TWICE:
            self._part()
        self._interrupted = time.monotonic()
        self.say("ctrl+c again leaves; runs go on")

    def _part(self) -> None:
        said = farewell(self.snapshot.runs)
        self.exit(message=Text(said) if said else None)
