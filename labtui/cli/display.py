"""How foreground runs are shown: a line per epoch, JSON lines, or nothing. `live` has the moving display."""

import time
from typing import Any, Protocol

from labtui.cli.follow import Epoch, RunUpdate
from labtui.cli.format import progress, run_label, state_span
from labtui.cli.streams import put_json, say
from labtui.spec import ProgramSpec
from labtui.store.run import Run
from labtui.store.tags import TEST_ACCURACY, TEST_LOSS, is_accuracy
from labtui.text.durations import duration
from labtui.text.numbers import accuracy, count, loss

PROGRAM_INTERVAL = 5.0
"""Seconds between two lines about a program, whose steps can be many."""


class Display(Protocol):
    """Shows runs; it changes nothing."""

    def say(self, text: str) -> None:
        """Show a sentence that is not part of a run's progress."""

    def started(self, run: Run) -> None:
        """Show that a run has been started."""

    def updated(self, update: RunUpdate) -> None:
        """Show a run's progress; called several times a second."""

    def ended(self, run: Run) -> None:
        """Show that a run is over."""

    def close(self) -> None:
        """End the display."""


class QuietDisplay:
    """Shows sentences only."""

    def say(self, text: str) -> None:
        """Write the sentence to stderr."""
        say(text)

    def started(self, run: Run) -> None:
        """Show nothing."""

    def updated(self, update: RunUpdate) -> None:
        """Show nothing."""

    def ended(self, run: Run) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class LineDisplay(QuietDisplay):
    """One line per epoch on stderr, without escape codes or carriage returns."""

    def started(self, run: Run) -> None:
        """Show the run's device and folder."""
        device = f" on {run.launch.device}" if run.launch is not None else ""
        say(f"{run_label(run)}: started{device}, {run.folder}")

    def __init__(self) -> None:
        self._shown: dict[str, tuple[float, int]] = {}

    def updated(self, update: RunUpdate) -> None:
        """Show each new epoch; of a program, a line from time to time."""
        if isinstance(update.run.spec, ProgramSpec):
            self._show_program(update)
        for epoch in update.new_epochs:
            say(f"{run_label(update.run)}: {epoch_text(update.run, epoch)}")

    def _show_program(self, update: RunUpdate) -> None:
        step = update.run.beat.step if update.run.beat is not None else 0
        when, last = self._shown.get(update.run.id, (0.0, 0))
        if update.figures and step != last and time.monotonic() - when >= PROGRAM_INTERVAL:
            self._shown[update.run.id] = time.monotonic(), step
            say(f"{run_label(update.run)}: {program_text(update)}")

    def ended(self, run: Run) -> None:
        """Show how the run ended."""
        say_end(run)


class JsonDisplay(QuietDisplay):
    """Events as JSON lines on stdout."""

    def started(self, run: Run) -> None:
        """Write a `started` event."""
        put_json(
            _event("started", run) | {"folder": str(run.folder), "device": run.launch.device if run.launch else None}
        )

    def updated(self, update: RunUpdate) -> None:
        """Write an `epoch` event for each new epoch."""
        for epoch in update.new_epochs:
            beat = update.run.beat
            figures = {tag: _finite(value) for tag, value in epoch.figures.items()}
            rate = {"images_per_second": beat.images_per_second, "eta": beat.eta} if beat is not None else {}
            put_json(_event("epoch", update.run) | {"epoch": epoch.number, "figures": figures} | rate)

    def ended(self, run: Run) -> None:
        """Write an `ended` event with the last figures."""
        figures = {tag: _finite(last.number) for tag, last in run.result.last.items()} if run.result is not None else {}
        seconds = run.result.seconds if run.result is not None else None
        ending = {"state": run.state.value, "reason": run.reason, "figures": figures, "seconds": seconds}
        put_json(_event("ended", run) | ending)


def program_text(update: RunUpdate) -> str:
    """How far a program is, on one line: its step, its last values and the time left."""
    run = update.run
    parts = [f"step {progress(run)}", *(f"{tag} {loss(value)}" for tag, value in update.figures.items())]
    if run.beat is not None and run.beat.eta is not None and not run.state.is_over:
        parts.append(f"ETA {duration(run.beat.eta)}")
    return "  ".join(parts)


def epoch_text(run: Run, epoch: Epoch) -> str:
    """One epoch on one line: its figures, the speed and the time left."""
    total = run.spec.epochs if run.spec is not None else 0
    parts = [f"epoch {epoch.number}/{total}"]
    parts += [f"{tag} {accuracy(value) if is_accuracy(tag) else loss(value)}" for tag, value in epoch.figures.items()]
    if run.beat is not None and run.beat.images_per_second:
        parts.append(f"{count(run.beat.images_per_second)} images/s")
    if run.beat is not None and run.beat.eta is not None and not run.state.is_over:
        parts.append(f"ETA {duration(run.beat.eta)}")
    return "  ".join(parts)


def say_end(run: Run) -> None:
    """Write one line to stderr: how a run ended, and its last figures."""
    say(f"{run_label(run)}: ", state_span(run.state), ending_text(run))


def ending_text(run: Run) -> str:
    """What stands behind the state of an ended run: its time, reason and last figures."""
    if run.result is None:
        return f": {run.reason}" if run.reason else ""
    last = run.result.last
    if isinstance(run.spec, ProgramSpec):
        tag = run.spec.metric.tag if run.spec.metric else ""
        shown = f": {tag} {loss(last[tag].number)}" if tag in last else ""
        return f" in {duration(run.result.seconds)}{f' ({run.reason})' if run.reason else ''}{shown}"
    figures = [f"test accuracy {accuracy(last[TEST_ACCURACY].number)} %"] if TEST_ACCURACY in last else []
    figures += [f"cross-entropy {loss(last[TEST_LOSS].number)}"] if TEST_LOSS in last else []
    reason = f" ({run.reason})" if run.reason else ""
    return f" in {duration(run.result.seconds)}{reason}{': ' if figures else ''}{', '.join(figures)}"


def _event(kind: str, run: Run) -> dict[str, Any]:
    spec = run.spec
    return {
        "event": kind,
        "run": run.id,
        "run_name": f"{run.group}/{run.title}",
        "name": run.name,
        "seed": run.seed,
        "dataset": spec.dataset if spec is not None else None,
        "fallback": spec is not None and spec.fallback_from is not None,
    }


def _finite(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON does not have."""
    return value if value - value == 0 else None
