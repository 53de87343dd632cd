"""One attempt of a program: start it, read what it records, pass a stop on, and describe how it ended."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from labtui import __version__
from labtui.errors import LabError
from labtui.harness.child import Child
from labtui.harness.outcome import ending
from labtui.harness.progress import CPU_INTERVAL, Activity, Progress
from labtui.harness.sources import (
    CsvParser,
    GrowingText,
    NewestMatch,
    Source,
    TextSource,
    Values,
    json_parser,
    log_parser,
    newest,
)
from labtui.program import Place, command_words, environment, filled, line_pattern, planned_steps
from labtui.store.attempt import Ending, ProgramAttempt
from labtui.store.files import read_json_or_none
from labtui.store.reader import RunReader
from labtui.store.recorder import Recorder, as_stored
from labtui.store.records import LastValue, Result
from labtui.store.stop_signal import StopSignal
from labtui.text.clean import clean_line

POLL_INTERVAL = 0.25
"""Seconds between two looks at the program, its files and requests to stop."""

KILL_AFTER = 5.0
"""Seconds that a program has after a signal to the harness itself: whoever sends that does not wait long."""

_GAPS = "it printed faster than could be read: some metrics are missing"

_TAIL_BYTES = 16 << 10
_READ_BYTES = 8 << 20

Say = Callable[[str], None]


class Session:
    """Runs one attempt. Its working folder is the run's."""

    def __init__(self, attempt: ProgramAttempt, progress: Progress, stop: StopSignal, say: Say) -> None:
        self._attempt = attempt
        self._spec = attempt.spec_file.program
        self._progress = progress
        self._stop = stop
        self._say = say
        self._began = time.monotonic()
        self._reader = RunReader(Path())
        self._recorder: Recorder | None = None
        self._counts: dict[str, int] = {}
        self._resumed = ""
        self._earlier = _earlier_seconds(attempt)

    def run(self) -> tuple[Result, int]:
        """Run the program to its end; the result, and the exit code for it. Whatever goes wrong is in the result."""
        try:
            end = self._run()
        except LabError as error:
            self._say(str(error))
            end = Ending("failed", error.message, error.exit_code)
        return self._result(end), end.exit_code

    # --- Course -------------------------------------------------------------------------------------------------------

    def _run(self) -> Ending:
        place = self._place()
        self._note_resume(place)
        words, variables = self._command(place)
        self._begin_recording()
        log = GrowingText(self._attempt.files.log)
        log.skip()
        sources = self._sources(log, place)
        child = Child(words, Path(self._spec.folder or "."), variables)
        self._progress.phase = "training"
        code = self._watch(child, sources, log)
        left = child.end_all()
        if left:
            self._say(f"[labtui] {left} processes that the program had left behind were ended.")
        for source in sources:
            self._record(source.finish())
        self._read_events(to_end=True)
        metric = self._spec.metric.tag if self._spec.metric else None
        asked = self._stop.reason if self._stop.requested else ""
        return ending(
            code,
            self._last_values(),
            metric,
            asked=asked,
            asked_code=self._stop.exit_code,
            last_line=_last_line(self._attempt.files.log),
            note="; ".join(filter(None, (self._resumed, _GAPS if log.gaps else ""))),
        )

    def _watch(self, child: Child, sources: list[Source], log: GrowingText) -> int:
        """Until the program has exited: read, write heartbeats, pass a request to stop on."""
        activity = Activity(self._spec.stall)
        next_cpu = 0.0
        deadline: float | None = None
        while (code := child.poll()) is None:
            now = time.monotonic()
            self._stop.poll()
            if self._stop.requested and deadline is None:
                deadline = now + self._ask_to_stop(child)
            if deadline is not None and now >= deadline:
                self._say(f"[labtui] not ended {self._spec.stop.patience:g} s after the request to stop: killed.")
                child.end_all()
                continue
            for source in sources:
                self._record(source.poll())
            if log.gaps:
                self._progress.notes["log"] = _GAPS
            self._read_events()
            due = now >= next_cpu
            next_cpu = now + CPU_INTERVAL if due else next_cpu
            activity.note(now, (log.size, self._position()), child.cpu_seconds() if due else None)
            self._progress.beat(now, activity)
            time.sleep(POLL_INTERVAL)
        return code

    def _ask_to_stop(self, child: Child) -> float:
        """Send the program's own signal; return the seconds that it has."""
        from signal import Signals  # deferred: only when it is asked to stop

        number = Signals[f"SIG{self._spec.stop.signal}"]
        self._progress.phase = "saving"
        self._say(f"[labtui] {self._stop.reason}: {number.name} sent.")
        child.send(number)
        return KILL_AFTER if self._stop.exit_code else self._spec.stop.patience

    # --- The command --------------------------------------------------------------------------------------------------

    def _place(self) -> Place:
        """Where this attempt runs, with the checkpoint that it resumes from."""
        launch = self._attempt.launch
        place = Place(run_dir=str(Path().absolute()), device=launch.device, threads=launch.threads)
        if not launch.resume or self._spec.checkpoint is None or self._spec.resume is None:
            return place
        found = newest(Path(self._spec.folder or "."), filled(self._spec.checkpoint, self._spec, place))
        return Place(
            run_dir=place.run_dir, device=place.device, threads=place.threads, checkpoint=str(found) if found else ""
        )

    def _note_resume(self, place: Place) -> None:
        if not self._attempt.launch.resume:
            return
        if place.checkpoint:
            self._say(f"[labtui] resumes from {place.checkpoint}")
            return
        self._resumed = "began again: " + (
            "there was no checkpoint yet" if self._spec.checkpoint and self._spec.resume else "it has no checkpoint"
        )
        self._progress.notes["resume"] = self._resumed
        self._say(f"[labtui] {self._resumed}")

    def _command(self, place: Place) -> tuple[list[str], dict[str, str]]:
        import os  # deferred: a plain dict is what the rest works with
        import shlex

        try:
            words = command_words(self._spec, place)
        except ValueError as error:
            message = f"the command cannot be split into words: {error}"
            raise LabError(message) from error
        self._say(f"[labtui] {shlex.join(words)}")
        return words, {**os.environ, **environment(self._spec, place)}

    # --- Metrics ------------------------------------------------------------------------------------------------------

    def _begin_recording(self) -> None:
        """Values that are not in event files go into one of the harness's own. Steps that a resumed program repeats are
        written again: of two values for a step, readers take the one from the later file."""
        self._read_events(to_end=True)
        self._counts = {tag: curve.last[0] for tag, curve in self._reader.curves.items() if curve.last}
        self._recorder = Recorder(Path(), self._attempt.files.number, last={})

    def _sources(self, log: GrowingText, place: Place) -> list[Source]:
        rules = self._spec.read
        sources: list[Source] = []
        if rules.log:
            sources.append(TextSource(log, log_parser([line_pattern(text) for text in rules.log])))
        if rules.jsonl:
            pattern = filled(rules.jsonl, self._spec, place)
            sources.append(NewestMatch(Path(), pattern, lambda path: TextSource(GrowingText(path), json_parser)))
        if rules.csv:
            pattern = filled(rules.csv, self._spec, place)
            sources.append(NewestMatch(Path(), pattern, lambda path: TextSource(GrowingText(path), CsvParser())))
        return sources

    def _record(self, found: Iterator[Values]) -> None:
        assert self._recorder is not None
        self._recorder.record_all(self._placed(found))
        self._progress.points_lost = self._recorder.points_lost

    def _placed(self, found: Iterator[Values]) -> Iterator[tuple[int, Mapping[str, float]]]:
        """The values by step; those of lines that name no step are counted, tag by tag."""
        for values in found:
            if values.epoch is not None:
                self._progress.epoch = values.epoch
            if values.step is not None:
                yield values.step, values.values
                continue
            for tag, value in values.values.items():
                self._counts[tag] = self._counts.get(tag, -1) + 1
                yield self._counts[tag], {tag: value}

    def _read_events(self, *, to_end: bool = False) -> None:
        """Read what event files have grown by; the harness's own are among them."""
        self._reader.poll(_READ_BYTES)
        while to_end and not self._reader.complete:
            self._reader.poll(_READ_BYTES)
        steps = [curve.last[0] for curve in self._reader.curves.values() if curve.last]
        if steps and self._recorder is not None:
            self._progress.reached(max(steps), time.monotonic())

    def _position(self) -> int:
        return sum(len(curve) for curve in self._reader.curves.values())

    def _last_values(self) -> dict[str, LastValue]:
        return {
            tag: LastValue(step=curve.last[0], value=as_stored(curve.last[1]))
            for tag, curve in sorted(self._reader.curves.items())
            if curve.last
        }

    def _result(self, end: Ending) -> Result:
        if self._recorder is not None:
            self._recorder.close()
            self._read_events(to_end=True)
        seconds = round(self._earlier + time.monotonic() - self._began, 3)
        return Result(
            attempt=self._attempt.files.number,
            outcome=end.outcome,
            reason=clean_line(end.reason),
            diverged_step=end.diverged_step,
            last=self._last_values(),
            steps=self._progress.step,
            train_seconds=seconds,
            seconds=seconds,
            points_lost=self._recorder.points_lost if self._recorder else 0,
            facts={"labtui": __version__, "planned_steps": planned_steps(self._spec)},
        )


def _earlier_seconds(attempt: ProgramAttempt) -> float:
    """Seconds of earlier attempts, as the last one recorded them."""
    before = read_json_or_none(attempt.paths.result, Result) if attempt.files.number > 1 else None
    return before.seconds if before else 0.0


def _last_line(log: Path) -> str:
    """The last line of the program's output: of a traceback, the error."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - _TAIL_BYTES))
            lines = stream.read().decode("utf-8", "replace").replace("\r", "\n").splitlines()
    except OSError:
        return ""
    own = [line.strip() for line in lines if any(map(str.isalpha, line)) and not line.startswith("[labtui]")]
    return clean_line(own[-1], 200) if own else ""
