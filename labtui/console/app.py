"""The app: settings, themes, keys that mean the same everywhere. What is shown is the screens' business."""

import asyncio
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.screen import Screen

from labtui.api import Lab
from labtui.console import actions as deeds
from labtui.console import saved_state as memory
from labtui.console.bindings import everywhere
from labtui.console.command_palette import name_of, system_commands
from labtui.console.data.catalog_watch import CatalogWatch
from labtui.console.data.poller import Poller
from labtui.console.experiments.screen import MainScreen
from labtui.console.keymap import read_keymap
from labtui.console.leave import Parting
from labtui.console.terminal.driver import thrifty
from labtui.console.terminal.job_control import Suspending
from labtui.console.theme import NAMES, THEMES

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console is to be opened."""

    theme: str = ""
    ascii_only: bool = False
    wake_queue: bool = False
    """Whether a queue that stands still is to go on."""
    state_folder: Path | None = None
    """Where memory is kept; None means XDG's place."""


class LabtuiApp(Parting, Suspending):
    """The console on one lab."""

    TITLE = "labtui"
    CSS_PATH = Path(__file__).with_name("labtui.tcss")
    BINDINGS: ClassVar[list[BindingType]] = everywhere()

    def __init__(self, lab: Lab, settings: Settings | None = None, *, poller: Poller | None = None) -> None:
        super().__init__(poller or Poller(lab.store, notices=CatalogWatch(lab.catalog.path).notices))
        self.lab = lab
        self.settings = settings or Settings()
        self.ascii_only = self.settings.ascii_only
        self._memory_file = memory.place(lab.store.root, self.settings.state_folder)
        self.remembered = memory.recall(self._memory_file)
        self.last_seen = self.remembered.seen
        self.keys: dict[str, str] = {}
        self.set_class(self.ascii_only, "-ascii")
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.settings.theme or self.remembered.theme
        self.theme = wanted if wanted in NAMES else NAMES[0]

    def get_driver_class(self) -> type[Driver]:
        """Textual's, with fewer bytes."""
        return thrifty(super().get_driver_class())

    def get_default_screen(self) -> Screen[Any]:
        """The main screen."""
        return MainScreen()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every command of the screen."""
        return system_commands(screen)

    def on_mount(self) -> None:
        """Take signals, apply the user's keys, and begin to poll once the first frame is there."""
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, self.exit, None, 128 + number)
        self.keys, faults = read_keymap()
        self.set_keymap(self.keys)
        for fault in faults:
            self.say(fault, ink="warn")
        self.mind_job_control()
        self.call_after_refresh(self.begin_watching)

    def opened(self, told: str) -> None:
        """Say what happened meanwhile, and have go on what stood still."""
        super().opened(told)
        if self.settings.wake_queue:
            self.perform(lambda _: deeds.wake_queue(self.lab, told))

    def on_unmount(self) -> None:
        """Remember until when somebody looked."""
        if self.snapshot.when:
            self.remember()

    def faces(self, screen: Screen[Any]) -> bool:
        """Whether a screen is in sight: a dialog may lie over it, no other whole screen does."""
        return next((one for one in reversed(self.screen_stack) if not one.is_modal), None) is screen

    def remember(self, **changes: Any) -> None:
        """Keep how the console is looked at for the next start."""
        place = str(self.lab.store.root)
        self.remembered = msgspec.structs.replace(self.remembered, folder=place, seen=time.time(), **changes)
        memory.keep(self._memory_file, self.remembered)

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Every key of the screen."""
        from labtui.console.ui.help_screen import HelpScreen  # deferred: not needed before the first frame

        if not self.screen.is_modal:
            self.push_screen(HelpScreen(name_of(self.screen)))

    def action_theme(self) -> None:
        """The next theme."""
        self.theme = NAMES[(NAMES.index(self.theme) + 1) % len(NAMES)]
        self.remember(theme=self.theme)
        self.say(f"theme: {self.theme}")
