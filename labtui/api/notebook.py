"""The Python interface for notebooks and scripts: `labtui.open`. It is provisional and may still change.

Nothing here prints or exits: errors are raised as LabErrors, and what the user should know about queued runs, such as a
fallback data set, is issued as a `LabWarning`. Runs are queued and started by the queue runner, which outlives the
calling process.
"""

import operator
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from labtui.api import lifecycle
from labtui.api.lab import Lab, open_lab
from labtui.api.planning import plan_runs
from labtui.catalog.seeds import read_seeds
from labtui.errors import LabError, MachineError, UsageError
from labtui.launch.devices import choose
from labtui.launch.queue.entries import waiting_entries
from labtui.spec import Experiment, Metric
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.paths import expanded

if TYPE_CHECKING:
    from pandas import DataFrame

    from labtui.compare.model import ComparisonRow, ComparisonTable
    from labtui.store.curve import Curve

T = TypeVar("T")

BY = "labtui.open"
"""Who queued or stopped a run, for the record."""

POLL_INTERVAL = 0.3
"""Seconds between two looks at a run that is waited for."""

QUEUE_CHECK_INTERVAL = 5.0
"""Seconds between two checks that a queue runner is running, while waiting for a queued run."""

Names = str | Iterable[str]


class LabWarning(UserWarning):
    """Something that the user should know about runs that were queued."""


class WaitTimeout(LabError, TimeoutError):
    """A run did not end in time. It continues."""


class Listing(tuple[T, ...]):
    """A tuple that a notebook shows as a table."""

    _record: Callable[[T], Mapping[str, Any]]

    def __new__(cls, items: Iterable[T], record: Callable[[T], Mapping[str, Any]]) -> "Listing[T]":
        """`record` returns the columns of one item."""
        listing = super().__new__(cls, items)
        listing._record = record
        return listing

    def to_frame(self) -> "DataFrame":
        """A pandas data frame with a row per item. Raises MachineError if pandas is not installed."""
        return _frame([dict(self._record(item)) for item in self])

    def _repr_html_(self) -> str:
        return _html_table([self._record(item) for item in self])


class RunHandle:
    """One run. Its properties always show the present state of the run folder."""

    def __init__(self, lab: Lab, run: Run) -> None:
        self._lab = lab
        self._last = run
        self._removed = False

    @property
    def id(self) -> str:
        """The folder relative to the runs folder: `Cifar/Dropout/s0-20261123-142501`."""
        return self._last.id

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._last.folder

    @property
    def run(self) -> Run:
        """Everything that is known about the run at this moment. Raises UsageError if its folder is gone."""
        if not self._removed:
            self._last = self._lab.store.get(self.id)
        return self._last

    @property
    def state(self) -> State:
        """The state, which equals its text: `run.state == "finished"`."""
        return self.run.state

    def wait(self, timeout: float | None = None) -> State:
        """Wait until the run has ended, and return its state; a failed run raises nothing.

        While the run is queued, this also makes sure that a queue runner is running. Raises WaitTimeout after `timeout`
        seconds, and LabError if the run is not queued or its folder is gone.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        next_queue_check = 0.0
        while not (run := self.run).state.is_over:
            now = time.monotonic()
            if run.foreign:
                raise UsageError(f"{run.id} was created by another tool: labtui cannot tell when it ends.")
            if deadline is not None and now >= deadline:
                raise WaitTimeout(f"{run.id} is still {run.state} after {timeout:g} s. It continues.")
            if run.state is State.QUEUED and now >= next_queue_check:
                self._require_queued(run)
                lifecycle.start_queue_runner(self._lab)
                next_queue_check = now + QUEUE_CHECK_INTERVAL
            time.sleep(POLL_INTERVAL if deadline is None else min(POLL_INTERVAL, max(0.0, deadline - now)))
        return run.state

    def stop(self) -> bool:
        """Stop the run, and return whether it has ended.

        A queued run is removed from the queue; it then counts as stopped. A running one finishes its step and saves; if
        it does not end in time, it gets SIGTERM and then SIGKILL, as with `labtui stop`. Raises LabError if the request
        cannot be made.
        """
        run, messages = self.run, list[str]()
        ended = lifecycle.stop(self._lab, run, by=BY, say=messages.append)
        if run.state is State.QUEUED and not run.attempt and not run.folder.exists():
            self._last = replace(run, state=State.STOPPED, reason="; ".join(messages))
            self._removed = True
        return ended

    def _require_queued(self, run: Run) -> None:
        if not any(entry.run == run.id for entry in waiting_entries(self._lab.store.root)):
            if self.run.state is not State.QUEUED:  # it was started in the meantime
                return
            raise LabError(
                f"{run.id} is not queued: nothing would start it.", advice=f"Queue it with: labtui resume {run.id} -d"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunHandle) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def __repr__(self) -> str:
        return f"<labtui run {self.id}: {self._last.state if self._removed else self.state}>"


class RunCurves(Mapping[str, "Curve"]):
    """The curves of one run by tag, as they were when they were read."""

    def __init__(self, curves: Mapping[str, "Curve"]) -> None:
        self._curves = dict(curves)

    def __getitem__(self, tag: str) -> "Curve":
        return self._curves[tag]

    def __iter__(self) -> Iterator[str]:
        return iter(self._curves)

    def __len__(self) -> int:
        return len(self._curves)

    def to_frame(self) -> "DataFrame":
        """A pandas data frame with a row per point: tag, unit of the step, step, value, wall time in seconds.

        Raises MachineError if pandas is not installed.
        """
        columns = ("tag", "unit", "step", "value", "wall_time")
        points = [
            (tag, curve.unit.value, *point)
            for tag, curve in self.items()
            for point in zip(curve.steps.tolist(), curve.values.tolist(), curve.wall_times.tolist(), strict=True)
        ]
        return _frame(points, columns)

    def __repr__(self) -> str:
        return f"<labtui curves: {', '.join(f'{tag} ({len(curve):,})' for tag, curve in self.items())}>"

    def _repr_html_(self) -> str:
        records = []
        for tag, curve in self.items():
            step, value = curve.last or (None, None)
            unit = curve.unit.value
            records.append({"tag": tag, "points": len(curve), "unit": unit, "last step": step, "last value": value})
        return _html_table(records)


class ComparisonResult:
    """The comparison of experiments with their baselines: `table` and `rows` are typed values."""

    def __init__(self, table: "ComparisonTable") -> None:
        self.table = table

    @property
    def rows(self) -> "tuple[ComparisonRow, ...]":
        """One row per cell: the runs of one recipe on one kind of device."""
        return self.table.rows

    def to_frame(self) -> "DataFrame":
        """A pandas data frame with the columns of `labtui compare --csv`, a row per cell and comparison.

        Raises MachineError if pandas is not installed.
        """
        from labtui.compare.render.export import to_records

        return _frame(to_records(self.table))

    def __repr__(self) -> str:
        from labtui.compare.render.text import to_text

        return to_text(self.table, width=100)

    def _repr_html_(self) -> str:
        from labtui.compare.render.export import to_html

        return to_html(self.table)


class LabHandle:
    """A catalog with its runs folder. `labtui.open` returns one."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @property
    def experiments(self) -> Listing[Experiment]:
        """The experiments of the catalog, as read by `labtui.open`."""
        return Listing(self._lab.catalog.experiments, _experiment_record)

    def run(
        self,
        names: Names,
        *,
        seeds: int | str | Iterable[int] | None = None,
        overrides: Mapping[str, Any] | Sequence[str] = (),
        dataset: str | None = None,
        epochs: int | None = None,
        device: str = "auto",
        jobs: int | Literal["auto"] = 1,
    ) -> Listing[RunHandle]:
        """Queue every seed of the named experiments or members, and return a handle for each run.

        `seeds` is a count, a sequence, or text such as "0-4" (default: the catalog's); `overrides` is a mapping such as
        `{"optimizer.lr": 0.01}` or "key=value" texts; `dataset` disables the fallback; `jobs` is the number of runs at
        once. A data set that is not on this machine is downloaded first. Returns as soon as the runs are queued.

        Raises UsageError for wrong names, seeds or overrides, and MachineError if the device or the data set is not
        available or the runs cannot be queued. Issues a LabWarning for everything that the command line would mention.
        """
        names = _names(names)
        if not names:
            known = ", ".join(experiment.name for experiment in self._lab.catalog.experiments)
            raise UsageError("Name at least one experiment.", advice=f"{self._lab.catalog.path} has: {known}.")
        choose(device)  # before anything is downloaded
        plan = plan_runs(
            self._lab,
            names,
            seeds=_seeds(seeds),
            overrides=_overrides(overrides, epochs),
            dataset=dataset,
            device="" if device == "auto" else device,
        )
        for notice in plan.notices:
            warnings.warn(notice, LabWarning, stacklevel=2)
        at_once = None if jobs == "auto" else jobs
        runs = tuple(lifecycle.enqueue_plan(self._lab, plan, device=device, jobs=at_once, by=BY))
        lifecycle.start_queue_runner(self._lab)
        return self._handles(runs)

    def runs(self) -> Listing[RunHandle]:
        """All runs of the runs folder, newest first, those of other tools too."""
        return self._handles(self._lab.store.scan())

    def curves(self, run: RunHandle | str) -> RunCurves:
        """The curves of a run: a handle, or what the command line accepts (an id, a part of it, a name, `last`).

        Raises UsageError if no run or more than one matches.
        """
        from labtui.store.reader import read_curves  # deferred: numpy

        found = run.run if isinstance(run, RunHandle) else self._lab.store.find(run)
        return RunCurves(read_curves(found.folder, foreign=not found.has_own_tags, below=found.below))

    def compare(
        self,
        names: Names = (),
        *,
        metric: str | Metric | None = None,
        baseline: str | None = None,
        peek: bool = False,
        group: str = "",
        factor: Names = (),
        ignore: Names = (),
    ) -> ComparisonResult:
        """Compare the runs of the named experiments, members or titles with their baselines; no names means everything.

        `metric` is a tag, or a `labtui.spec.Metric` that says what its values mean; without it the experiments' own
        one is taken, else test/accuracy. `baseline` replaces the declared baselines. What is shown is recorded as a
        look; `peek` shows verdicts although announced seeds have not ended. In a folder of other tools, `group` reads
        name and seed from the names of runs (`{name}-seed{seed}`), `factor` names the hyperparameters under test, and
        `ignore` those that do not matter. Raises UsageError for a name that neither the catalog nor any run has, and
        MachineError if the look cannot be recorded.
        """
        from labtui.api.comparison import compare_experiments
        from labtui.compare.foreign import NO_RULES, GroupRules

        rules = GroupRules(group, _names(factor), _names(ignore))
        table = compare_experiments(
            self._lab,
            _names(names),
            metric=metric,
            baseline=baseline,
            peek=peek,
            rules=None if rules == NO_RULES else rules,
        )
        return ComparisonResult(table)

    def _handles(self, runs: Iterable[Run]) -> Listing[RunHandle]:
        return Listing((RunHandle(self._lab, run) for run in runs), _run_record)

    def __repr__(self) -> str:
        return f"<labtui lab: catalog {self._lab.catalog.path}, runs {self._lab.store.root}>"


def open(path: str | Path | None = None, runs: str | Path | None = None) -> LabHandle:  # noqa: A001 (labtui.open)
    """Open a lab: its catalog and its runs folder, found by the rules of the command line. Writes nothing.

    `path` is the catalog, or a folder to look for `experiments.toml` in and above; by default the current folder.
    `runs` is the runs folder; by default `runs/` beside the catalog. The environment variables LABTUI_CATALOG,
    LABTUI_RUNS and LABTUI_DATA are respected. Raises UsageError if the catalog cannot be read.
    """
    cwd, catalog = Path.cwd(), None
    if path is not None:
        path = cwd / expanded(Path(path))
        cwd, catalog = (path, None) if path.is_dir() else (cwd, path)
    runs_folder = None if runs is None else Path.cwd() / expanded(Path(runs))
    return LabHandle(open_lab(catalog=catalog, runs=runs_folder, environ=os.environ, cwd=cwd))


def _names(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _seeds(seeds: int | str | Iterable[int] | None) -> tuple[int, ...] | None:
    if seeds is None or isinstance(seeds, str):
        return None if seeds is None else read_seeds(seeds)
    try:
        # numpy's integers become Python's
        return read_seeds(tuple(map(operator.index, seeds)) if isinstance(seeds, Iterable) else operator.index(seeds))
    except TypeError as error:
        raise UsageError(f"{seeds!r} are not seeds. Use a count, whole numbers, or text such as '0-4'.") from error


def _overrides(overrides: Mapping[str, Any] | Sequence[str], epochs: int | None) -> Mapping[str, Any] | Sequence[str]:
    if isinstance(overrides, str):
        overrides = (overrides,)
    if epochs is None:
        return overrides
    if isinstance(overrides, Mapping):
        return {"training.epochs": epochs, **overrides}
    return (f"training.epochs={epochs}", *overrides)


def _experiment_record(experiment: Experiment) -> Mapping[str, Any]:
    return {
        "name": experiment.name,
        "title": experiment.title,
        "variants": len(experiment.variants),
        "seeds": len(experiment.seeds),
        "baseline": experiment.baseline or "",
        "factor": ", ".join(experiment.factor),
        "description": experiment.description,
    }


def _run_record(handle: RunHandle) -> Mapping[str, Any]:
    run = handle.run
    return {"id": run.id, "title": run.display_title, "seed": run.seed, "state": run.state.value, "reason": run.why}


def _html_table(records: Sequence[Mapping[str, Any]]) -> str:
    if not records:
        return "<p>nothing to show</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in records[0])
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in record.values())}</tr>" for record in records)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return escape("" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value))


def _frame(records: Sequence[Any], columns: Sequence[str] | None = None) -> "DataFrame":
    try:
        from pandas import DataFrame  # an optional package
    except ImportError as error:
        raise MachineError("pandas is not installed.", advice="Install it with: pip install pandas") from error
    return DataFrame(records, columns=columns)
