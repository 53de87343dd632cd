"""Frozen values for tests of the console, made by hand."""

from pathlib import Path

import msgspec
import numpy as np

from labtui.console.data.snapshot import Snapshot, Trend
from labtui.spec import Adam, Cnn, Constant, Data, RunSpec, Training, Variant
from labtui.store.curve import Curve
from labtui.store.records import Beat, LastValue, Launch, Result, SpecFile
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import TEST_ACCURACY, step_unit


def spec(name: str = "dropout", *, title: str = "", seed: int = 0, baseline: str | None = "network", **more) -> RunSpec:
    experiment, _, member = name.partition("@")
    return RunSpec(
        experiment=experiment,
        member=member,
        title=title or f"{experiment} {member}".strip().capitalize(),
        group=more.pop("group", "Cifar"),
        seed=seed,
        protocol="report",
        data=Data(name="cifar10"),
        model=Cnn(),
        penalty=None,
        optimizer=Adam(),
        scheduler=Constant(),
        training=Training(epochs=10),
        baseline=None if name == "network" else baseline,
        overrides=more.pop("overrides", {}),
    )


def variant(name: str, **more) -> Variant:
    return Variant(spec=spec(name, **more), description=f"About {name}.")


def run(
    name: str = "dropout",
    *,
    state: State = State.FINISHED,
    seed: int = 0,
    final: float | None = None,
    created: float = 1_000.0,
    step: int = 0,
    run_id: str = "",
    own: RunSpec | None = None,
    reason: str = "",
    **more,
) -> Run:
    own = own or spec(name, seed=seed, **more)
    run_id = run_id or f"{own.group}/{own.title}/s{own.seed}-{int(created)}"
    active = state.is_active
    result = None
    if state.is_over and state is not State.LOST:
        last = {} if final is None else {TEST_ACCURACY: LastValue(step=10, value=final)}
        outcome = str(state)
        result = Result(attempt=1, outcome=outcome, last=last, epochs=10, steps=3_910, seconds=112.0, reason=reason)
    return Run(
        id=run_id,
        folder=Path("/runs") / run_id,
        spec_file=SpecFile(run_id=run_id, created=created, labtui="0.1.0", spec=own, planned_steps=3_910),
        damage="",
        state=state,
        reason=reason,
        attempt=0 if state is State.QUEUED else 1,
        launch=Launch(attempt=1, host="here", boot_id="b", started=created, device="cpu", threads=1, data_root="data"),
        beat=Beat(attempt=1, counter=1, phase="training", step=step, total_steps=3_910, epoch=4, epochs=10, eta=72.0,
                  images_per_second=12_300.0) if active else None,
        exit=None,
        result=result,
        stop_requested=False,
        modified=created,
        foreign=False,
        read_only=False,
    )  # fmt: skip


def foreign(run_id: str = "lightning_logs/version_0", *, state: State = State.QUIET) -> Run:
    base = run(state=State.QUEUED, run_id=run_id)
    return msgspec_replace(base, spec_file=None, state=state, foreign=True, read_only=True, launch=None)


def msgspec_replace(value: Run, **changes) -> Run:
    from dataclasses import replace

    return replace(value, **changes)


def curve(tag: str, values, steps=None, *, start: float = 1_000.0) -> Curve:
    values = np.asarray(values, dtype=np.float32)
    steps = np.arange(1, values.size + 1) if steps is None else np.asarray(steps)
    return Curve(tag, step_unit(tag), steps.astype(np.int64), values, start + steps.astype(np.float64))


def trend(values, *, tag: str = "Test accuracy") -> Trend:
    values = np.asarray(values, dtype=np.float32)
    return Trend(tag, values, float(values[-1]), values.size, is_accuracy=True)


def snapshot(*runs: Run, **more) -> Snapshot:
    return Snapshot(runs=runs, when=2_000.0, **more)


class FakeCatalog:
    """What the list needs of a catalog."""

    builtin = False
    path = Path("experiments.toml")

    def __init__(self, *names: str, problems=()) -> None:
        self.variants = tuple(variant(name) for name in names)
        self.problems = tuple(problems)


def with_seed(own: RunSpec, seed: int) -> RunSpec:
    return msgspec.structs.replace(own, seed=seed)
