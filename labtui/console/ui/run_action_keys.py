"""Keys that act on runs, the same wherever a run can be pointed at."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual.screen import Screen

from labtui.console import actions as deeds
from labtui.console.ui.question import Question
from labtui.store.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.console.app import LabtuiApp
    from labtui.console.experiments.entry import Entry
    from labtui.store.run import Run

ASK_FROM = 2
"""Experiments from which queueing asks first."""


class Doing(Screen[None]):
    """Actions on what a screen points at."""

    app: "LabtuiApp"

    @property
    @abstractmethod
    def pointed(self) -> "Sequence[Entry]":
        """What a command acts on: marked entries, else the current one."""

    @property
    @abstractmethod
    def run_here(self) -> "Run | None":
        """The one run under the cursor."""

    @abstractmethod
    def say(self, text: str, *, ink: str = "") -> None:
        """Say it on the status line."""

    def action_run(self) -> None:
        """Queue what is pointed at with its defaults."""
        names = list(dict.fromkeys(entry.variant.spec.name for entry in self.pointed if entry.variant))
        if not names:
            self.say("only experiments of the catalog can be run from here", ink="warn")
        elif not self.app.lab.store.writable:
            self.say(f"{self.app.lab.store.root} cannot be written: nothing can be run into it", ink="warn")
        elif len(names) < ASK_FROM:
            self._queue(names)
        else:
            self.app.push_screen(
                Question(f"Queue {len(names)} experiments with their defaults ({', '.join(names)})?"),
                lambda yes: self._queue(names) if yes else None,
            )

    def _queue(self, names: list[str]) -> None:
        lab = self.app.lab
        self.app.perform(lambda tell: deeds.queue_defaults(lab, names, tell))

    def action_resume(self) -> None:
        """Have the run under the cursor go on, or tried again where it could not be started."""
        run, lab = self.run_here, self.app.lab
        if run is None or not (run.state.is_over or run.state is State.QUEUED):
            self.say("nothing here was stopped, lost or failed", ink="warn")
        elif not lab.store.writable:
            self.say(f"{lab.store.root} cannot be written: nothing can go on in it", ink="warn")
        else:
            self.app.perform(lambda _: deeds.go_on(lab, run))

    def action_stop(self) -> None:
        """Stop the run under the cursor, or take it out of the queue; asks first."""
        run = self.run_here
        if run is None or run.foreign or not (run.state.is_active or run.state is State.QUEUED):
            self.say("nothing runs here", ink="warn")
        elif run.state is State.QUEUED:
            self._ask(f"Take {deeds.label(run)} out of the queue?", run)
        elif run.stop_requested:
            self._ask(f"{deeds.label(run)} was asked to stop. Go on to SIGTERM and SIGKILL?", run)
        else:
            self._ask(f"Stop {deeds.label(run)}? It finishes its step and saves first.", run)

    def _ask(self, question: str, run: "Run") -> None:
        lab = self.app.lab

        def answered(yes: bool | None) -> None:
            if yes and run.state is State.QUEUED:
                self.app.perform(lambda _: deeds.take_out_of_queue(lab, run))
            elif yes:
                self.app.perform(lambda tell: deeds.stop_run(run, tell))

        self.app.push_screen(Question(question), answered)

    def action_copy(self) -> None:
        """Copy the command that does the same again."""
        run, entries = self.run_here, self.pointed
        command = (
            deeds.command_of(run) if run else deeds.command_for(entry.variant for entry in entries if entry.variant)
        )
        if command:
            self.app.copy_to_clipboard(command)
            self.say(f"copied: {command}")
        else:
            self.say("no command repeats another tool's run", ink="warn")

    def action_tensorboard(self) -> None:
        """Say how these runs are opened in TensorBoard."""
        self.say(f"labtui --runs {self.app.lab.store.root} tb   opens these runs in TensorBoard, in another terminal")
