"""`labtui run … --until decided`: seeds are queued, one prefix after the other, until each comparison is decided.

The plan is a file in the runs folder, written before the first run; how far it has come follows from the runs alone.
The driver of a plan can be killed at any moment: the same command, or a new driver, continues from the runs on disk.
`python -m labtui.api.until RUNS PLAN CATALOG DATA DEVICE JOBS` drives a plan in the background.
"""

import hashlib
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from filelock import FileLock, Timeout

from labtui import datasets
from labtui.api.data_info import spec_data
from labtui.api.dataset_choice import Progress
from labtui.api.lab import Lab, open_lab
from labtui.api.lifecycle import enqueue, enqueue_resume, remove_from_queue, start_queue_runner
from labtui.api.looks import record_plan, stored_plans, tried_before
from labtui.api.metrics import resolve
from labtui.api.placement import Placement, estimated_memory, place_runs
from labtui.api.planning import plan_runs, planned_run
from labtui.compare.baselines import joint_factor
from labtui.compare.cells import empty_cell
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import TableMetric, require_direction, smallest_effect
from labtui.compare.metrics import metric as metric_of
from labtui.compare.outcomes import SeedOutcome, seed_outcome
from labtui.compare.plans import (
    Outcomes,
    Plan,
    PlannedComparison,
    PlanState,
    Side,
    changed_terms,
    evaluate,
    wanted_seeds,
)
from labtui.compare.sequential import CAP, FIRST_LOOK, Boundaries, boundaries
from labtui.compare.spec_diff import pairs_by_seed
from labtui.compare.statistics import ALPHA
from labtui.errors import LabError, MachineError, UsageError
from labtui.launch.daemonize import daemonize, redirect_output, spawn
from labtui.launch.environment import importable_environment
from labtui.launch.queue.entries import waiting_entries
from labtui.spec import Metric, ProgramSpec, Spec, Variant, recipe_hash
from labtui.store.files import read_json, write_json
from labtui.store.paths import RunsPaths
from labtui.store.run import Run
from labtui.store.safe_paths import machine_error
from labtui.store.state import State
from labtui.store.tags import is_accuracy

POLL = 0.3
"""Seconds between two looks at the runs."""

MOST_SEEDS = 1_000
"""The largest number of seeds of a plan."""

BY = "labtui run --until decided"

LOG_STOPPED = "stopped: "
"""How the last entry of a driver's log begins, behind its time, if the driver left before the plan had ended."""

_READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What was asked for on the command line or in the launch dialog."""

    names: tuple[str, ...]
    baseline: str | None = None
    """Replaces the baselines that the entries declare."""
    max_seeds: int = CAP
    alpha: float = ALPHA
    smallest_effect: float | None = None
    """Replaces the entries' own."""
    overrides: tuple[str, ...] = ()
    """`key=value`, for rows and baselines alike."""
    dataset: str | None = None
    metric: str | None = None
    """A tag; None means the metric that the entries are judged by."""


def make_plan(
    lab: Lab,
    request: PlanRequest,
    placement: Placement,
    *,
    fetch: bool = True,
    calibrate: bool = True,
    progress: Progress | None = None,
) -> tuple[Plan, tuple[str, ...]]:
    """The plan for a request, and messages for the user. Nothing is written.

    Without `calibrate`, which may take seconds, its boundaries have no rates: enough for a preview, not to be run.
    Raises UsageError for wrong names and options, for a row without a baseline, and for one that differs from its
    baseline in more than the declared factor, whose difference no number of seeds can explain.
    """
    if not request.names:
        raise UsageError("--until decided needs the names of the experiments to decide.")
    if not 0 < request.alpha < 0.5:
        raise UsageError(f"--alpha {request.alpha:g} is not between 0 and 0.5.")
    if not FIRST_LOOK <= request.max_seeds <= MOST_SEEDS:
        raise UsageError(f"--max-seeds must be between {FIRST_LOOK} and {MOST_SEEDS:,}: fewer seeds show no spread.")
    rows = lab.catalog.select(request.names)
    pairs = [(row, _baseline_of(lab, row, request.baseline)) for row in rows]
    pairs = [(row, baseline) for row, baseline in pairs if row.spec.name != baseline.spec.name]
    if not pairs:
        raise UsageError("A baseline cannot be compared with itself: name the experiments to compare with it.")
    named = tuple(dict.fromkeys(variant.spec.name for pair in pairs for variant in pair))
    planned = plan_runs(
        lab,
        named,
        seeds=(0,),
        overrides=request.overrides,
        dataset=request.dataset,
        fetch=fetch,
        device=placement.devices[0].kind,
        mention_finished=False,
        progress=progress,
    )
    specs = {one.spec.name: one.spec for one in planned.runs}
    if len({spec.dataset for spec in specs.values()}) > 1:
        raise UsageError(
            "The rows use different data sets and cannot be compared.", advice="Choose one with --dataset."
        )
    own = not any(isinstance(spec, ProgramSpec) for spec in specs.values())
    declared = _declared_metric(lab, request, named, own=own)
    metric = metric_of(declared, own=own)
    require_direction(metric)
    comparisons = tuple(_comparison(row, base, specs, request, metric) for row, base in pairs)
    info = spec_data(lab, next(iter(specs.values())))
    plan_id = _plan_id(metric.tag, comparisons)
    tried = _tried(lab, plan_id, comparisons, metric.tag)
    share = request.alpha / max(tried, len(comparisons))
    plan = Plan(
        id=plan_id,
        created=time.time(),
        metric=metric.tag,
        declared=None if own else declared,
        own_metric=own,
        scale=100.0 if metric.percent else 1.0,
        higher_is_better=metric.better == "higher",
        alpha=request.alpha,
        boundaries=boundaries(share, request.max_seeds)
        if calibrate
        else Boundaries(alpha=share, cap=request.max_seeds),
        comparisons=comparisons,
        resolution=100 / info.test_images if metric.is_accuracy and info else 0.0,
        chance=100 / len(info.classes) if metric.is_accuracy and info else None,
        device=placement.devices[0].kind,
        threads=placement.threads if placement.devices[0].kind == "cpu" else None,
        tried=tried,
    )
    return plan, planned.notices


def _tried(lab: Lab, plan_id: str, comparisons: Sequence[PlannedComparison], metric: str) -> int:
    """With how many comparisons a plan shares its alpha: as its file says if there is one, else as the runs say."""
    path = plan_path(lab, plan_id)
    return read_json(path, Plan).tried if path.exists() else tried_before(lab, comparisons, metric)


def store_plan(lab: Lab, plan: Plan) -> Plan:
    """Write a plan's file, or give the one that is there.

    Raises UsageError if the stored plan has other terms: a plan is fixed before its first run. Raises MachineError
    if the file cannot be written.
    """
    stored = stored_plan(lab, plan)
    if stored is not None:
        return stored
    _refuse_second_plan(lab, plan)
    path = plan_path(lab, plan.id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, plan)
    except OSError as error:
        raise machine_error(error, "The plan could not be written", path) from error
    return plan


def stored_plan(lab: Lab, plan: Plan) -> Plan | None:
    """The stored plan of the same comparisons, or None. Raises UsageError if its terms differ from these."""
    path = plan_path(lab, plan.id)
    if not path.exists():
        return None
    stored = read_json(path, Plan)
    changed = changed_terms(stored, plan)
    if changed:
        raise UsageError(
            f"These comparisons already have a plan with different settings ({', '.join(changed)}): {path}",
            advice="A plan is fixed before its first run. To continue it, use its settings: --alpha "
            f"{stored.alpha:g} --max-seeds {stored.cap}{_effects(stored)}.",
        )
    return stored


def _refuse_second_plan(lab: Lab, plan: Plan) -> None:
    """Raises UsageError if one of its comparisons belongs to another plan: each plan has an alpha of its own."""
    pairs = {(one.row.recipe, one.baseline.recipe): one.row.name for one in plan.comparisons}
    for other in stored_plans(lab):
        taken = [pairs[key] for one in other.comparisons if (key := (one.row.recipe, one.baseline.recipe)) in pairs]
        if taken and other.id != plan.id and other.metric == plan.metric:
            names = " ".join(one.row.name for one in other.comparisons)
            raise UsageError(
                f"{', '.join(taken)} already belongs to another plan: {plan_path(lab, other.id)}",
                advice=f"Leave it out, or continue that plan: labtui run {names} --until decided.",
            )


def plan_path(lab: Lab, plan_id: str) -> Path:
    """The file of a plan."""
    return RunsPaths(lab.store.root).plans / f"{plan_id}.json"


def place_seeds(requested_device: str, specs: Iterable[Spec], jobs: int | None, max_seeds: int) -> Placement:
    """Where the seeds of a plan run: as many at once as fit into the memory, unless `jobs` says how many.

    Raises MachineError if there is no such device, and UsageError if the name is not a device.
    """
    return place_runs(requested_device, runs=2 * max_seeds, jobs=jobs, memory=estimated_memory(specs))


class PlanReader:
    """Reads from the runs of a lab how far one plan has come."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.runs: tuple[Run, ...] = ()
        """The plan's runs at the last reading, newest first."""
        self.outcomes: Outcomes = {}
        self.state = evaluate(plan, self.outcomes)
        self._recipes: dict[str, str] = {}

    def read(self, runs: Iterable[Run]) -> PlanState:
        """How far the plan has come; `runs` are those of the lab, newest first."""
        self.runs = tuple(run for run in runs if self._is_seed(run))
        outcomes = plan_outcomes(self.plan, self.runs)
        if outcomes != self.outcomes:  # an evaluation simulates for up to half a second, on the cores that train
            self.outcomes, self.state = outcomes, evaluate(self.plan, outcomes)
        return self.state

    @property
    def trained(self) -> int:
        """The seeds that have an outcome, over all sides."""
        return sum(len(seeds) for seeds in self.outcomes.values())

    def recipe(self, run: Run) -> str:
        """The recipe hash of one of the plan's runs."""
        return self._recipes[run.id]

    def _is_seed(self, run: Run) -> bool:
        """Whether a run is a seed of this plan: its recipe, and trained where the plan trains."""
        if run.spec is None or run.foreign or run.spec.seed >= self.plan.cap:
            return False
        if run.id not in self._recipes:  # a spec never changes, and every run of the folder is asked at every step
            self._recipes[run.id] = recipe_hash(run.spec)
        if self._recipes[run.id] not in {side.recipe for side in self.plan.sides}:
            return False
        if run.launch is None:
            return True
        same_threads = self.plan.threads is None or run.launch.threads == self.plan.threads
        return run.launch.device.partition(":")[0] == self.plan.device and same_threads


def plan_lock(lab: Lab, plan_id: str) -> FileLock:
    """The lock that the driver of a plan holds; it does not wait."""
    return FileLock(plan_path(lab, plan_id).with_suffix(".lock"), timeout=0)


class PlanDriver:
    """Moves one plan forward: queues the seeds that are wanted, and evaluates those that have ended."""

    def __init__(self, lab: Lab, plan: Plan, requested_device: str, placement: Placement) -> None:
        """`requested_device` goes to the queue; `placement` says how many runs at once."""
        self._lab = lab
        self._plan = plan
        self._device = requested_device
        self._placement = placement
        self._lock = plan_lock(lab, plan.id)
        self._retried: set[str] = set()
        self._resumes = True
        self._reader = PlanReader(plan)
        self._recorded: PlanState | None = None

    @property
    def runs(self) -> tuple[Run, ...]:
        """The plan's runs at the last step, newest first."""
        return self._reader.runs

    def step(self) -> PlanState:
        """Look at the runs once, queue what is wanted, and give how far the plan has come.

        If another process drives the plan, nothing is queued. Raises LabError if a seed's run failed for a reason that
        says nothing about its recipe, or was stopped, after this driver had started: the plan then waits for the user.
        """
        state = self._reader.read(self._lab.store.scan())
        if state is not self._recorded:
            record_plan(self._lab, state, self._reader.outcomes)
            self._recorded = state
        if not state.has_ended and self._drives():
            self._queue(state)
        return state

    def stop_queueing(self) -> tuple[Run, ...]:
        """Queue nothing any more. Returns the plan's runs that are queued or running."""
        self._lock.release()
        return tuple(run for run in self.runs if run.is_pending)

    def remove_queued(self) -> None:
        """Remove the plan's runs that have not started from the queue."""
        waiting = {run.id for run in self.runs if run.state is State.QUEUED}
        for entry in waiting_entries(self._lab.store.root):
            if entry.run in waiting:
                remove_from_queue(self._lab, entry)

    def _drives(self) -> bool:
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    def _queue(self, state: PlanState) -> None:
        reader = self._reader
        newest = {(reader.recipe(run), run.spec.seed): run for run in reversed(self.runs) if run.spec is not None}
        queued = False
        active = sum(run.is_pending for run in self.runs)
        for side, seed in wanted_seeds(state, reader.outcomes, ahead=self._placement.jobs):
            before = newest.get((side.recipe, seed))
            if before is not None and before.is_pending:
                continue
            if active >= max(2 * self._placement.jobs, 2 * len(self._plan.sides)):
                break
            self._start(side, seed, before)
            queued, active = True, active + 1
        self._resumes = False
        if queued:
            start_queue_runner(self._lab)

    def _start(self, side: Side, seed: int, run: Run | None) -> None:
        if run is None:
            planned = planned_run(msgspec.structs.replace(side.spec, seed=seed), info=spec_data(self._lab, side.spec))
            enqueue(
                self._lab,
                planned,
                device=self._device,
                threads=self._plan.threads or self._placement.threads,
                per_device=self._placement.per_device,
                by=BY,
            )
            return
        if not self._resumes and run.state is not State.LOST:
            ended = f"{side.title}, seed {seed} ({run.id})"
            reason = f": {run.reason}" if run.reason else ""
            raise LabError(
                f"{ended} is {run.state}{reason}. The plan is waiting.",
                advice="Nothing is lost: the same command resumes this run and continues the plan.",
            )
        if run.id in self._retried:
            raise LabError(f"{side.title}, seed {seed} ({run.id}) is {run.state} again: {run.reason or 'see its log'}.")
        self._retried.add(run.id)
        enqueue_resume(self._lab, run, by=BY)


def plan_outcomes(plan: Plan, runs: Iterable[Run]) -> Outcomes:
    """What became of each seed of a plan, by recipe. `runs` are the plan's, newest first.

    A seed that diverged or never learned has failed, even if a later run of it finished: trying a seed again until it
    works would choose the result.
    """
    tries: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in runs:
        if run.spec is not None:
            tries[recipe_hash(run.spec), run.spec.seed].append(run)
    outcomes: dict[str, dict[int, SeedOutcome]] = defaultdict(dict)
    classes = {side.recipe: _classes(side.spec, tries.values()) for side in plan.sides}
    for (recipe, seed), same in tries.items():
        outcome = seed_outcome(seed, same, plan.metric, classes[recipe])
        if outcome is not None:
            value, reached = (None if one is None else one * plan.scale for one in (outcome.value, outcome.reached))
            outcomes[recipe][seed] = outcome._replace(value=value, reached=reached)
    return outcomes


def _classes(spec: Spec, tries: Iterable[list[Run]]) -> int | None:
    """Of a spec's data set: what the registry says, or else what a run of the plan recorded."""
    if spec.dataset in datasets.known_datasets():
        return len(datasets.get(spec.dataset).classes)
    results = (run.result for same in tries for run in same if run.result is not None)
    return next((one for result in results if isinstance(one := result.facts.get("classes"), int)), None)


def follow_plan(
    driver: PlanDriver, changed: Callable[[PlanState], None], wait: Callable[[float], bool]
) -> PlanState | None:
    """Drive a plan to its end; `changed` is called with each new state. None if `wait` said to leave."""
    last: PlanState | None = None
    while True:
        state = driver.step()
        if last is None or state != last:
            changed(state)
            last = state
        if state.has_ended:
            return state
        if wait(POLL):
            return None


def start_in_background(lab: Lab, plan: Plan, requested_device: str, jobs: int | None) -> Path:
    """Drive a stored plan in a process of its own, which outlives this one. Returns the path of its log.

    Raises MachineError if the process cannot be started.
    """
    log = plan_path(lab, plan.id).with_suffix(".log")
    catalog = "" if lab.catalog.builtin else str(lab.catalog.path.absolute())
    arguments = [str(lab.store.root.absolute()), plan.id, catalog, str(lab.data_root.absolute()), requested_device]
    command = [sys.executable, "-m", "labtui.api.until", *arguments, str(jobs or "auto")]
    said = spawn(command, cwd=lab.folder, environment=importable_environment(os.environ))
    if _READY not in said.splitlines():
        raise MachineError(f"The plan was not started in the background: {said.strip() or 'the process said nothing'}")
    return log


def main(arguments: Sequence[str]) -> int:
    """Drive a plan in the background until it ends. Exit codes as for `labtui run`."""
    root, plan_id, catalog, data, device, jobs = arguments
    daemonize()
    lab = open_lab(
        catalog=Path(catalog) if catalog else None,
        runs=Path(root),
        data=Path(data),
        environ=os.environ,
        cwd=Path.cwd(),
    )
    plan = read_json(plan_path(lab, plan_id), Plan)
    placement = place_seeds(device, [side.spec for side in plan.sides], None if jobs == "auto" else int(jobs), plan.cap)
    print(_READY, flush=True)  # noqa: T201 - what the starter waits for
    log = os.open(plan_path(lab, plan_id).with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    redirect_output(log)
    driver = PlanDriver(lab, plan, device, placement)

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return False

    def changed(state: PlanState) -> None:
        done = ", ".join(f"{one.comparison.row.title}: {one.decision}" for one in state.comparisons)
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {done}", flush=True)  # noqa: T201 - the log

    try:
        follow_plan(driver, changed, wait)
        driver.remove_queued()
    except LabError as error:
        text = f"{error.message} {error.advice}".strip().replace("\n", " ")
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {LOG_STOPPED}{text}", flush=True)  # noqa: T201 - the log
        return error.exit_code
    return 0


def _effects(plan: Plan) -> str:
    effects = {one.smallest_effect for one in plan.comparisons}
    return f" --smallest-effect {effects.pop() or 0:g}" if len(effects) == 1 else ""


def _baseline_of(lab: Lab, row: Variant, named: str | None) -> Variant:
    name = named or row.spec.baseline
    if not name:
        raise UsageError(f"{row.spec.name} declares no baseline.", advice="Name one with --baseline NAME.")
    found = lab.catalog.select([name])
    if len(found) != 1:
        members = ", ".join(variant.spec.name for variant in found)
        raise UsageError(f"{name} has several members.", advice=f"Name one of them: {members}.")
    return found[0]


def _declared_metric(lab: Lab, request: PlanRequest, names: Sequence[str], *, own: bool) -> Metric:
    """The metric of a plan. Raises UsageError for one that its looks cannot follow."""
    declared = resolve(lab, request.metric, names=names)
    if declared.take != "last":
        raise UsageError(f"--until decided needs the last value of {declared.tag}, not take = {declared.take!r}.")
    if not own and is_accuracy(declared.tag) and declared.percent is None and not declared.unit:
        raise UsageError(
            f"Is {declared.tag} logged as 0..1 or in percent? A plan is fixed before there is any value.",
            advice='Say it in the catalog: metric = { percent = true } or metric = { unit = "%" }.',
        )
    return declared


def _comparison(
    row: Variant, baseline: Variant, specs: Mapping[str, Spec], request: PlanRequest, metric: TableMetric
) -> PlannedComparison:
    here, there = specs[row.spec.name], specs[baseline.spec.name]
    factor = row.spec.factor
    if request.baseline is not None:
        factor = joint_factor(here, factor, there, baseline.spec.factor)
    cells = [empty_cell(msgspec.structs.replace(one, spec=spec)) for one, spec in ((row, here), (baseline, there))]
    found = confounds(cells[0], cells[1], factor, metric)
    if found:
        raise UsageError(
            f"{here.name} and {there.name} differ beyond the declared factor, so no number of seeds can decide what "
            f"the factor does: {'; '.join(finding.text for finding in found)}.",
            advice="Choose a baseline that differs in the factor alone with --baseline, or declare the factor.",
        )
    effect = request.smallest_effect
    if effect is None:
        effect = smallest_effect(row, metric)
    method: Literal["paired", "welch"] = "paired" if pairs_by_seed(here, there) else "welch"
    sides = [Side.of(spec) for spec in (here, there)]
    return PlannedComparison(row=sides[0], baseline=sides[1], method=method, smallest_effect=effect)


def _plan_id(metric: str, comparisons: Sequence[PlannedComparison]) -> str:
    parts = [metric, *sorted(f"{one.row.recipe}-{one.baseline.recipe}" for one in comparisons)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
