"""Figures and states as a person reads them."""

import math
import time

from labtui.cli.streams import Painted, Piece
from labtui.store.run import Run
from labtui.store.state import State

NOTHING = "-"

COLORS = {
    State.FINISHED: "green",
    State.LIVE: "cyan",
    State.RUNNING: "cyan",
    State.STARTING: "cyan",
    State.STALLED: "yellow",
    State.STOPPED: "yellow",
    State.DIVERGED: "red",
    State.FAILED: "red",
    State.LOST: "red",
}


def state_piece(state: State) -> Piece:
    """The state in its colour."""
    return Painted(state.value, COLORS[state]) if state in COLORS else state.value


def duration(seconds: float | None) -> str:
    """`8s`, `1m 52s`, `3h 05m`, `2d 04h`; a dash where it is not known."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NOTHING
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def ago(when: float | None) -> str:
    """How long ago a moment was by this machine's clock."""
    return NOTHING if when is None else f"{duration(max(0.0, time.time() - when))} ago"


def number(value: float | None, digits: int = 0) -> str:
    """With thousands separators, or a dash."""
    return NOTHING if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def size(amount: float | None) -> str:
    """Bytes in the unit that fits."""
    if amount is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def progress(run: Run) -> str:
    """`3/10` epochs, as far as the run's files tell."""
    total = run.spec.training.epochs if run.spec is not None else None
    if run.result is not None and run.state.is_over:
        return f"{run.result.epochs}/{total}" if total else str(run.result.epochs)
    if run.beat is not None and run.beat.attempt == run.attempt and run.beat.epochs:
        return f"{run.beat.epoch}/{run.beat.epochs}"
    return f"0/{total}" if total else NOTHING


def plural(count: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
