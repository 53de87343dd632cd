"""The app: theme, polling, workers, palette. What is shown is the screens' business."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.reactive import var
from textual.screen import Screen

from labtui.console import memory
from labtui.console.bindings import everywhere
from labtui.console.keymap import read_keymap
from labtui.console.leaving import farewell
from labtui.console.messages import DeedFailed, PollFailed, RunsUpdated, Told
from labtui.console.monitor import Monitor, watch
from labtui.console.palette import name_of, system_commands
from labtui.console.screens.main import MainScreen
from labtui.console.snapshot import Interest, Snapshot
from labtui.console.themes import NAMES, THEMES
from labtui.errors import LabError
from labtui.plan import Lab

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console is to be opened."""

    theme: str = ""
    ascii_only: bool = False
    state_folder: Path | None = None
    """Where memory is kept; None means XDG's place."""


class LabtuiApp(App[None]):
    """The console on one lab."""

    TITLE = "labtui"
    CSS_PATH = Path(__file__).with_name("labtui.tcss")
    BINDINGS: ClassVar[list[BindingType]] = everywhere()

    snapshot: var[Snapshot] = var(Snapshot, init=False)

    def __init__(self, lab: Lab, settings: Settings | None = None, *, monitor: Monitor | None = None) -> None:
        super().__init__()
        self.lab = lab
        self.settings = settings or Settings()
        self.ascii_only = self.settings.ascii_only
        self._memory_file = memory.place(lab.store.root, self.settings.state_folder)
        self.remembered = memory.recall(self._memory_file)
        self._monitor = monitor or Monitor(lab.store)
        self._end_watching: Callable[[], None] = lambda: None
        self.keys: dict[str, str] = {}
        self.set_class(self.ascii_only, "-ascii")
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.settings.theme or self.remembered.theme
        self.theme = wanted if wanted in NAMES else NAMES[0]

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
        self.app_resume_signal.subscribe(self, self._repaint)
        self.call_after_refresh(self._begin_watching)

    def _repaint(self, _: App[None]) -> None:
        """Back from Ctrl-Z: the shell's screen was shown meanwhile, and Textual repaints only what changed."""
        self.screen.refresh(layout=True)

    def _begin_watching(self) -> None:
        self._end_watching = watch(self._monitor, self._deliver, self._tell_of_fault)

    def _deliver(self, snapshot: Snapshot) -> None:
        self.post_message(RunsUpdated(snapshot))

    def _tell_of_fault(self, fault: Exception) -> None:
        self.post_message(PollFailed(f"the runs folder cannot be read: {fault}"))

    def on_unmount(self) -> None:
        """End polling."""
        self._end_watching()

    # --- For the screens ----------------------------------------------------------------------------------------------

    def faces(self, screen: Screen[Any]) -> bool:
        """Whether a screen is in sight: a dialog may lie over it, no other whole screen does."""
        return next((one for one in reversed(self.screen_stack) if not one.is_modal), None) is screen

    def wish(self, interest: Interest) -> None:
        """What the next polls should read."""
        self._monitor.wish(interest)

    def perform(self, deed: Callable[[Callable[[str], None]], str]) -> None:
        """Do something that takes its time in a thread, and say what came of it."""

        def tell(text: str) -> None:
            self.post_message(Told(text))

        def work() -> None:
            try:
                tell(deed(tell))
            except LabError as fault:
                self.post_message(DeedFailed(fault.message, fault.advice))
            except Exception as fault:  # noqa: BLE001 - a deed that fails must not end the console
                self.post_message(DeedFailed(f"{type(fault).__name__}: {fault}"))
            self._monitor.hurry()

        self.run_worker(work, thread=True, exit_on_error=False, group="deeds")

    def remember(self, **changes: Any) -> None:
        """Keep how the console is looked at for the next start."""
        self.remembered = msgspec.structs.replace(self.remembered, folder=str(self.lab.store.root), **changes)
        memory.keep(self._memory_file, self.remembered)

    def say(self, text: str, *, ink: str = "") -> None:
        """Say something on the status line of the topmost screen that has one."""
        for screen in reversed(self.screen_stack):
            if (speak := getattr(screen, "say", None)) is not None:
                speak(text, ink=ink)
                return

    # --- What workers say ---------------------------------------------------------------------------------------------

    def on_runs_updated(self, message: RunsUpdated) -> None:
        """A poll came in: the screens watch this."""
        self.snapshot = message.snapshot

    def on_poll_failed(self, message: PollFailed) -> None:
        """Say it; polling goes on."""
        self.say(message.text, ink="bad")

    def on_told(self, message: Told) -> None:
        """Say it."""
        self.say(message.text)

    def on_deed_failed(self, message: DeedFailed) -> None:
        """Say what happened and what to do."""
        self.say(f"{message.text} {message.advice}".strip(), ink="bad")

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """One screen back; from the first one, out. Nothing is stopped."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            said = farewell(self.snapshot.runs)
            self.exit(message=Text(said) if said else None)

    def action_help(self) -> None:
        """Every key of the screen."""
        from labtui.console.screens.help import HelpScreen  # deferred: not needed before the first frame

        if not self.screen.is_modal:
            self.push_screen(HelpScreen(name_of(self.screen)))

    def action_theme(self) -> None:
        """The next theme."""
        self.theme = NAMES[(NAMES.index(self.theme) + 1) % len(NAMES)]
        self.remember(theme=self.theme)
        self.say(f"theme: {self.theme}")
