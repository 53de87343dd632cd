"""What is shown of runs in the foreground: a line per epoch, JSON lines, or nothing; `live` has the moving one."""

from typing import Any, Protocol

from labtui.cli.follow import Epoch, Sighting
from labtui.cli.format import COLORS, duration, number
from labtui.cli.streams import Painted, put_json, say
from labtui.store.run import Run
from labtui.store.tags import TEST_ACCURACY, TEST_LOSS, is_accuracy


class Display(Protocol):
    """Shows runs; whatever it is told, it changes nothing."""

    def say(self, text: str) -> None:
        """Show a sentence that is not part of any run's progress."""

    def started(self, run: Run) -> None:
        """A run has been started."""

    def seen(self, sighting: Sighting) -> None:
        """A run was looked at; called several times a second."""

    def ended(self, run: Run) -> None:
        """A run is over."""

    def close(self) -> None:
        """Nothing more comes."""


class QuietDisplay:
    """Shows nothing but what is said aloud."""

    def say(self, text: str) -> None:
        """Show it."""
        say(text)

    def started(self, run: Run) -> None:
        """Show nothing."""

    def seen(self, sighting: Sighting) -> None:
        """Show nothing."""

    def ended(self, run: Run) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class LineDisplay(QuietDisplay):
    """One line per epoch on stderr, without escape codes or carriage returns."""

    def started(self, run: Run) -> None:
        """Show where the run is."""
        device = f" on {run.launch.device}" if run.launch is not None else ""
        say(f"{label(run)}: started{device}, {run.folder}")

    def seen(self, sighting: Sighting) -> None:
        """Show each epoch that is new."""
        for epoch in sighting.new_epochs:
            say(f"{label(sighting.run)}: {epoch_text(sighting.run, epoch)}")

    def ended(self, run: Run) -> None:
        """Show how it ended."""
        say_end(run)


class JsonDisplay(QuietDisplay):
    """Events as JSON lines on stdout."""

    def started(self, run: Run) -> None:
        """Write a `started` event."""
        put_json(
            _event("started", run) | {"folder": str(run.folder), "device": run.launch.device if run.launch else None}
        )

    def seen(self, sighting: Sighting) -> None:
        """Write an `epoch` event for each that is new."""
        for epoch in sighting.new_epochs:
            beat = sighting.run.beat
            figures = {tag: _finite(value) for tag, value in epoch.figures.items()}
            rate = {"images_per_second": beat.images_per_second, "eta": beat.eta} if beat is not None else {}
            put_json(_event("epoch", sighting.run) | {"epoch": epoch.number, "figures": figures} | rate)

    def ended(self, run: Run) -> None:
        """Write an `ended` event with the last figures."""
        figures = {tag: _finite(last.number) for tag, last in run.result.last.items()} if run.result is not None else {}
        seconds = run.result.seconds if run.result is not None else None
        ending = {"state": run.state.value, "reason": run.reason, "figures": figures, "seconds": seconds}
        put_json(_event("ended", run) | ending)


def label(run: Run) -> str:
    """`Dropout s0`: a run among those of one command."""
    return f"{run.display_title} s{run.seed}"


def epoch_text(run: Run, epoch: Epoch) -> str:
    """One epoch on one line."""
    total = run.spec.training.epochs if run.spec is not None else 0
    parts = [f"epoch {epoch.number}/{total}"]
    parts += [f"{tag} {number(value, 2 if is_accuracy(tag) else 4)}" for tag, value in epoch.figures.items()]
    if run.beat is not None and run.beat.images_per_second:
        parts.append(f"{number(run.beat.images_per_second)} images/s")
    if run.beat is not None and run.beat.eta is not None and not run.state.is_over:
        parts.append(f"ETA {duration(run.beat.eta)}")
    return "  ".join(parts)


def say_end(run: Run) -> None:
    """One line on stderr: how a run ended and with what."""
    state = Painted(run.state.value, COLORS.get(run.state, "white"))
    say(f"{label(run)}: ", state, ending_text(run))


def ending_text(run: Run) -> str:
    """What stands behind the state of an ended run."""
    if run.result is None:
        return f": {run.reason}" if run.reason else ""
    took = f" in {duration(run.result.seconds)}"
    last = run.result.last
    figures = [f"test accuracy {number(last[TEST_ACCURACY].number, 2)} %"] if TEST_ACCURACY in last else []
    figures += [f"cross-entropy {number(last[TEST_LOSS].number, 4)}"] if TEST_LOSS in last else []
    reason = f" ({run.reason})" if run.reason else ""
    return f"{took}{reason}{': ' if figures else ''}{', '.join(figures)}"


def _event(kind: str, run: Run) -> dict[str, Any]:
    spec = run.spec
    return {
        "event": kind,
        "run": run.id,
        "run_name": f"{run.group}/{run.title}",
        "name": run.name,
        "seed": run.seed,
        "dataset": spec.data.name if spec is not None else None,
        "fallback": spec is not None and spec.fallback_from is not None,
    }


def _finite(value: float) -> float | None:
    """JSON has no NaN and no infinities: null."""
    return value if value - value == 0 else None
