"""Small specs and records for tests of every room."""

import os
import time
from pathlib import Path
from typing import Any

import msgspec

from labtui.spec import Adam, Cnn, Constant, Data, RunSpec, Training
from labtui.store import process
from labtui.store.files import write_json
from labtui.store.paths import RunPaths
from labtui.store.records import Beat, Exit, Launch, ProcessId, Result, SpecFile


def make_spec(**changes: Any) -> RunSpec:
    """The report's Dropout run on CIFAR-10, or what `changes` make of it."""
    fields: dict[str, Any] = {
        "experiment": "dropout",
        "title": "Dropout",
        "group": "Cifar",
        "seed": 0,
        "protocol": "report",
        "data": Data(name="cifar10"),
        "model": Cnn(),
        "penalty": None,
        "optimizer": Adam(),
        "scheduler": Constant(),
        "training": Training(),
    }
    return RunSpec(**(fields | changes))


def make_launch(**changes: Any) -> Launch:
    """A launch on this machine in its present boot, by a parent and an engine that are this very process."""
    here = process.process_id(os.getpid())
    fields: dict[str, Any] = {
        "attempt": 1,
        "parent": here,
        "engine": here,
        "host": process.host(),
        "boot_id": process.boot_id(),
        "started": time.time(),
        "device": "cpu",
        "threads": 1,
        "data_root": "data",
    }
    return Launch(**(fields | changes))


def make_beat(**changes: Any) -> Beat:
    """A beat in the middle of training."""
    fields: dict[str, Any] = {"attempt": 1, "counter": 7, "phase": "training", "step": 70, "total_steps": 100}
    return Beat(**(fields | changes))


def make_result(**changes: Any) -> Result:
    """A finished run's result."""
    return Result(**({"attempt": 1, "outcome": "finished"} | changes))


def gone_process() -> ProcessId:
    """A process that has ended: our own pid with another start time, as if the pid had been given again."""
    return ProcessId(pid=os.getpid(), start_time=1.0)


def write_run(
    folder: Path,
    *,
    spec: RunSpec | None = None,
    launch: Launch | None = None,
    beat: Beat | None = None,
    exit: Exit | None = None,  # noqa: A002  # the record's own name
    result: Result | None = None,
    attempt: int = 0,
) -> RunPaths:
    """A run folder with these files; `attempt` claims that number even without a launch.json."""
    paths = RunPaths(folder)
    folder.mkdir(parents=True, exist_ok=True)
    spec_file = SpecFile(run_id="a/run", created=time.time(), labtui="0.1.0", spec=spec or make_spec())
    write_json(paths.spec, spec_file, durable=False)
    number = attempt or (launch.attempt if launch else 0)
    if number:
        paths.attempt(number).stop_request.parent.mkdir(parents=True)
    if launch:
        launch = msgspec.structs.replace(launch, folder_inode=folder.stat().st_ino)
        write_json(paths.attempt(number).launch, launch, durable=False)
    if exit:
        write_json(paths.attempt(number).exit, exit, durable=False)
    for path, record in ((paths.beat, beat), (paths.result, result)):
        if record:
            write_json(path, record, durable=False)
    return paths
