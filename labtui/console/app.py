"""The app: settings, the latest snapshot, what is the same on every screen. Screens show it, `Actions` acts on runs."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from rich.text import Text
from textual import events
from textual.actions import ActionError
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.reactive import var
from textual.screen import Screen

from labtui.api import Lab
from labtui.api.metrics import MetricBook
from labtui.console import saved_state
from labtui.console.actions import Actions, restart_queue
from labtui.console.commands import EVERYWHERE, bindings, name_of, read_keymap, system_commands
from labtui.console.data.plans import PlanWatch
from labtui.console.data.poller import CatalogWatch, Poller, poll_in_thread
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.experiments.screen import MainScreen
from labtui.console.messages import ActionFailed, Notification, PollFailed, RunsUpdated
from labtui.console.notifications import RunChange, plan_changes, run_changes, still_running, summary_since
from labtui.console.terminal.driver import compact_driver
from labtui.console.terminal.job_control import JobControl
from labtui.console.terminal.notify import notification_codes
from labtui.console.theme import NAMES, THEMES
from labtui.console.ui.failures import FailureLog, describe
from labtui.console.ui.status_line import StatusLine
from labtui.errors import LabError
from labtui.store.notify_settings import NotifySettings, read_notify_settings

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

DOUBLE_PRESS = 2.0
"""Seconds within which a second ctrl+c quits."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console is opened."""

    theme: str = ""
    ascii_only: bool = False
    restart_queue: bool = False
    """Whether to restart a queue that stands still."""
    state_folder: Path | None = None
    """Where the saved state lies; None means XDG's state folder."""


class LabtuiApp(App[None]):
    """The console on one lab. Screens watch `snapshot`."""

    TITLE = "labtui"
    CSS_PATH = Path(__file__).with_name("labtui.tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings(EVERYWHERE)

    snapshot: var[Snapshot] = var(Snapshot, init=False)

    def __init__(self, lab: Lab, settings: Settings | None = None, *, poller: Poller | None = None) -> None:
        super().__init__()
        self.lab = lab
        self.settings = settings or Settings()
        self.ascii_only = self.settings.ascii_only
        self.metrics = MetricBook(lab)
        self.actions = Actions(self)
        self.failures = FailureLog(self.settings.state_folder)
        self.keys: dict[str, str] = {}
        """The user's own keys by command id."""
        self.notify_settings = NotifySettings()
        self._state_file = saved_state.path_of(lab.store.root, self.settings.state_folder)
        self.saved_state = saved_state.load(self._state_file)
        self._last_open = self.saved_state.seen
        self._poller = poller or Poller(
            lab.store, notices=CatalogWatch(lab.catalog.path).notices, plans=PlanWatch(lab.store.root).read
        )
        self._stop_polling: Callable[[], None] = lambda: None
        self._job_control = JobControl(self)
        self._interrupted = 0.0
        self._is_leaving = False
        self.set_class(self.ascii_only, "-ascii")
        for theme in THEMES:
            self.register_theme(theme)
        theme_name = self.settings.theme or self.saved_state.theme
        self.theme = theme_name if theme_name in NAMES else NAMES[0]

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver, with fewer bytes."""
        return compact_driver(super().get_driver_class())

    def get_default_screen(self) -> Screen[Any]:
        """The main screen."""
        return MainScreen()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every command of the screen."""
        return system_commands(screen)

    @property
    def front_screen(self) -> Screen[Any] | None:
        """The topmost whole screen; dialogs may lie over it."""
        return next((screen for screen in reversed(self.screen_stack) if not screen.is_modal), None)

    def on_mount(self) -> None:
        """Take over signals, apply the user's keys, and start polling after the first frame."""
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, self.exit, None, 128 + number)
        self._job_control.take_signals()
        self.keys, problems = read_keymap()
        self.set_keymap(self.keys)
        try:
            self.notify_settings = read_notify_settings()
        except LabError as error:
            problems = (*problems, error.message)
        for problem in problems:
            self.say(problem, style="warn")
        self.call_after_refresh(self.start_polling)

    def on_unmount(self) -> None:
        """Save the state and stop polling."""
        if self.snapshot.when:
            self.save_state()
        self._stop_polling()

    def save_state(self, **changes: Any) -> None:
        """Save how the console is used, for the next start."""
        folder = str(self.lab.store.root)
        self.saved_state = msgspec.structs.replace(self.saved_state, folder=folder, seen=time.time(), **changes)
        saved_state.save(self._state_file, self.saved_state)

    def say(self, text: str, *, style: str = "") -> None:
        """Show a message on the status line of the topmost screen that has one."""
        for screen in reversed(self.screen_stack):
            for line in screen.query(StatusLine):
                line.say(text, style=style)
                return

    # --- Polling ------------------------------------------------------------------------------------------------------

    def start_polling(self) -> None:
        """Poll the runs folder from now on, in a thread."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        self._stop_polling = poll_in_thread(
            self._poller,
            lambda snapshot: self.post_message(RunsUpdated(snapshot)),
            lambda error: self.post_message(PollFailed(f"the runs folder cannot be read: {error}")),
        )

    def set_interest(self, interest: Interest) -> None:
        """Choose what the next polls read."""
        self._poller.set_interest(interest)

    def poll_now(self) -> None:
        """Poll at once: something was started or stopped."""
        self._poller.poll_now()

    def on_runs_updated(self, message: RunsUpdated) -> None:
        """Publish the snapshot to the screens, and say what happened to runs."""
        before, self.snapshot = self.snapshot, message.snapshot
        for notice in message.snapshot.notices:
            if notice not in before.notices:
                self.say(notice, style="warn")
        if not before.when:
            self._on_first_snapshot()
            return
        changes = []
        if before.runs is not message.snapshot.runs:
            changes += run_changes({run.id: run.state for run in before.runs}, message.snapshot.runs)
        changes += plan_changes(before.plans, message.snapshot.plans)
        for change in changes:
            self.say(change.text, style="bad" if change.alarm else "good")
        self._notify_terminal(changes)

    def _notify_terminal(self, changes: Sequence[RunChange]) -> None:
        """Ring the bell for alarms, and send what the user's notify.toml asks for."""
        signals = set(self.notify_settings.terminal)
        if self.notify_settings.when == "last" and any(run.is_pending for run in self.snapshot.runs if not run.foreign):
            signals = set()
        if changes and signals and self._driver is not None:
            more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
            self._driver.write(notification_codes(f"{changes[-1].text}{more}", sorted(signals), os.environ))
        if "bell" not in signals and any(change.alarm for change in changes):
            self.bell()

    def _on_first_snapshot(self) -> None:
        """Say what happened while no console was open, and restart a queue that stands still."""
        summary = summary_since(self.snapshot.runs, self._last_open, time.time())
        if summary:
            self.say(summary)
        if self.settings.restart_queue:
            self.actions.in_background(lambda _: restart_queue(self.lab, summary))

    def on_poll_failed(self, message: PollFailed) -> None:
        """Show the error; polling continues."""
        self.say(message.text, style="bad")

    def on_notification(self, message: Notification) -> None:
        """Show it."""
        self.say(message.text)

    def on_action_failed(self, message: ActionFailed) -> None:
        """Show what happened and what to do next."""
        self.say(f"{message.text} {message.advice}".strip(), style="bad")

    async def run_action(self, action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
        """Carry out a key's action; one that fails says so, and the console lives on."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except ActionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a key does wrong must not end the console
            path = self.failures.record(error)
            self.say(f"{describe(error)}. The traceback is in {path}" if path else describe(error), style="bad")
            return True

    # --- Keys of every screen -----------------------------------------------------------------------------------------

    def action_act(self, name: str) -> None:
        """Carry out one of the `Actions` by its name."""
        getattr(self.actions, name)()

    def action_help(self) -> None:
        """Show every key of the screen."""
        from labtui.console.help import HelpScreen  # deferred: not needed before the first frame

        if not self.screen.is_modal:
            self.push_screen(HelpScreen(name_of(self.screen)))

    def action_theme(self) -> None:
        """Switch to the next theme."""
        self.theme = NAMES[(NAMES.index(self.theme) + 1) % len(NAMES)]
        self.save_state(theme=self.theme)
        self.say(f"theme: {self.theme}")

    def action_suspend_process(self) -> None:
        """Return to the shell until it resumes us."""
        self._job_control.suspend()

    def action_leave(self) -> None:
        """Close the screen; on the main screen, quit. No run is stopped."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self._quit()

    def action_help_quit(self) -> None:
        """Quit on the second ctrl+c."""
        if time.monotonic() - self._interrupted < DOUBLE_PRESS:
            self._quit()
        self._interrupted = time.monotonic()
        self.say("press ctrl+c again to quit; runs keep running")

    def _quit(self) -> None:
        text = still_running(self.snapshot.runs)
        self.exit(message=Text(text) if text else None)

    def exit(self, *arguments: Any, **settings: Any) -> None:
        """End the console; keys that were typed after the last one are ignored."""
        self._is_leaving = True
        super().exit(*arguments, **settings)

    async def on_event(self, event: events.Event) -> None:
        """Ignore keys and mouse while the screens are closed."""
        if not (self._is_leaving and isinstance(event, events.InputEvent)):
            await super().on_event(event)


def run_app(lab: Lab, *, theme: str, ascii_only: bool, mouse: bool) -> int:
    """Run the app in this process until it ends. Returns its exit code."""
    for name in ("COLUMNS", "LINES"):  # a shell's export would win over the size that the terminal reports
        os.environ.pop(name, None)
    app = LabtuiApp(lab, Settings(theme=theme, ascii_only=ascii_only, restart_queue=True))
    app.run(mouse=mouse)
    return app.return_code or 0
