"""Every file name of a run folder and of a runs folder; and the user's cache folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LABTUI_FOLDER = ".labtui"
"""labtui's own folder in a runs folder: queue entries, plans and trash. It never contains an event file."""

SET_ASIDE = "failed"
"""Below the queue: entries that could not be started."""


@dataclass(frozen=True, slots=True)
class AttemptPaths:
    """The files of one attempt: `attempts/NNN/`."""

    folder: Path

    @property
    def number(self) -> int:
        """The attempt's number, from 1."""
        return int(self.folder.name)

    @property
    def launch(self) -> Path:
        """How it was started: device, threads, versions, processes."""
        return self.folder / "launch.json"

    @property
    def stop_request(self) -> Path:
        """Anyone may ask the engine to stop by creating this file."""
        return self.folder / "requests" / "stop.json"

    @property
    def log(self) -> Path:
        """Standard output and error of the engine."""
        return self.folder / "log.txt"

    @property
    def exit(self) -> Path:
        """How the engine's process ended."""
        return self.folder / "exit.json"


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The files of one run."""

    folder: Path

    @property
    def spec(self) -> Path:
        """What to run; never changed once written."""
        return self.folder / "spec.json"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor for its whole life; its content is never read."""
        return self.folder / "lock"

    @property
    def beat(self) -> Path:
        """The engine's heartbeat, replaced about once a second."""
        return self.folder / "beat.json"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.folder / "checkpoint.pt"

    @property
    def previous_checkpoint(self) -> Path:
        """The checkpoint before the newest one."""
        return self.folder / "checkpoint.prev.pt"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint of the best epoch, in a run that keeps it."""
        return self.folder / "checkpoint.best.pt"

    @property
    def start_checkpoint(self) -> Path:
        """The checkpoint of another run that this one continues."""
        return self.folder / "checkpoint.start.pt"

    @property
    def predictions(self) -> Path:
        """Per plain test image: label, predicted class, log-probability of the true class."""
        return self.folder / "predictions.npz"

    @property
    def result(self) -> Path:
        """How the run ended; the engine's last act."""
        return self.folder / "result.json"

    @property
    def tags(self) -> Path:
        """The words that users tagged the run with."""
        return self.folder / "tags.json"

    @property
    def attempts(self) -> Path:
        """The folder of the attempts."""
        return self.folder / "attempts"

    def attempt(self, number: int) -> AttemptPaths:
        """The files of attempt `number`, from 1."""
        return AttemptPaths(self.attempts / f"{number:03d}")

    def attempt_numbers(self) -> list[int]:
        """The numbers of the attempts that were claimed, ascending. Links and other names are skipped."""
        if self.attempts.is_symlink():
            return []
        try:
            with os.scandir(self.attempts) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        numbers = (int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10)
        return sorted(number for number in numbers if number > 0 and f"{number:03d}" in names)

    def last_attempt(self) -> AttemptPaths | None:
        """The highest attempt that was claimed."""
        numbers = self.attempt_numbers()
        return self.attempt(numbers[-1]) if numbers else None


def checksum_path(checkpoint: Path) -> Path:
    """The small file beside a checkpoint that contains its size and CRC-32."""
    return checkpoint.with_name(checkpoint.name + ".sum.json")


def cache_folder(environ: Mapping[str, str]) -> Path:
    """labtui's folder in the user's cache (`$XDG_CACHE_HOME/labtui`, by default `~/.cache/labtui`)."""
    base = environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "labtui"
    import platformdirs  # deferred: only needed if the environment does not say

    return platformdirs.user_cache_path("labtui", appauthor=False)


@dataclass(frozen=True, slots=True)
class RunsPaths:
    """The files of a runs folder that belong to no run."""

    root: Path

    @property
    def queue(self) -> Path:
        """One small file per queued run."""
        return self.root / LABTUI_FOLDER / "queue"

    @property
    def set_aside(self) -> Path:
        """Queue entries that could not be started, each with its reason beside it."""
        return self.queue / SET_ASIDE

    @property
    def plans(self) -> Path:
        """One file per plan of comparisons that are run until they are decided."""
        return self.root / LABTUI_FOLDER / "plans"

    @property
    def ledger(self) -> Path:
        """Which comparisons were looked at, one line of JSON each."""
        return self.root / LABTUI_FOLDER / "ledger.jsonl"

    @property
    def trash(self) -> Path:
        """Where `labtui rm` moves runs, their event files renamed so that TensorBoard does not read them."""
        return self.root / LABTUI_FOLDER / "trash"
