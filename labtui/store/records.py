"""The small JSON files of a run folder, as frozen values.

All times are seconds since the epoch by the writer's clock; no program compares them across machines. Unknown keys are
ignored, so that an older labtui can read what a newer one wrote; SCHEMA distinguishes the formats.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from labtui.spec import ProgramSpec, RunSpec, Spec

SCHEMA = 1

PROGRAM_SCHEMA = 2
"""The schema of a spec.json that runs a program: versions that know no programs only show such a run."""

ORPHANED = "the process that started it is gone"
"""The reason of a run that saved and stopped without being asked, because its supervisor was killed."""

Outcome = Literal["finished", "stopped", "diverged", "failed"]
Phase = Literal["starting", "loading", "training", "evaluating", "saving"]


class SpecFile(Struct, frozen=True, kw_only=True):
    """`spec.json`: what to run. Written before the launch and never changed."""

    schema: int = SCHEMA
    run_id: str
    created: float
    labtui: str
    spec: RunSpec
    data_fingerprint: str | None = None
    """Identifies the bytes of the data set."""
    planned_steps: int | None = None
    """Optimizer steps of the whole run, if known before the launch."""
    continues: str | UnsetType = UNSET
    """The `run_id` of the finished run whose checkpoint it starts from; absent in any other run."""
    keep_best: str | UnsetType = UNSET
    """The tag by which the checkpoint of the best epoch is kept; absent if none is."""
    seal: str | UnsetType = UNSET
    """Shows that this user created the run: labtui.launch.seal. Only in a run that imports the user's own code, which
    is not executed without it."""


class ProgramFile(Struct, frozen=True, kw_only=True):
    """`spec.json` of a run whose training is a program of the user's own."""

    schema: int = PROGRAM_SCHEMA
    run_id: str
    created: float
    labtui: str
    program: ProgramSpec
    planned_steps: int | None = None
    seal: str = ""
    """Shows that this user created the run: labtui.launch.seal. Without it the command is not executed."""

    @property
    def spec(self) -> ProgramSpec:
        """What to run."""
        return self.program

    @property
    def data_fingerprint(self) -> None:
        """None: a program's inputs are part of its recipe."""
        return


AnySpecFile = SpecFile | ProgramFile


def spec_file(
    spec: Spec, *, run_id: str, created: float, labtui: str, data_fingerprint: str | None, planned_steps: int | None
) -> AnySpecFile:
    """The content of a new spec.json."""
    if isinstance(spec, ProgramSpec):
        return ProgramFile(run_id=run_id, created=created, labtui=labtui, program=spec, planned_steps=planned_steps)
    return SpecFile(
        run_id=run_id,
        created=created,
        labtui=labtui,
        spec=spec,
        data_fingerprint=data_fingerprint,
        planned_steps=planned_steps,
    )


class ProcessId(Struct, frozen=True, kw_only=True):
    """A process, by pid and start time (with host and boot id beside it): no later process is mistaken for it."""

    pid: int
    start_time: float
    """Clock ticks since boot from /proc, otherwise psutil's creation time in seconds."""


class Launch(Struct, frozen=True, kw_only=True):
    """`attempts/NNN/launch.json`: device, threads, versions and processes of an attempt.

    Written by the supervisor, and again once the engine has a pid.
    """

    schema: int = SCHEMA
    attempt: int
    launcher: str = "local"
    job_id: str | None = None
    parent: ProcessId | None = None
    engine: ProcessId | None = None
    host: str
    boot_id: str
    pid_namespace: str = ""
    """Where the pids count, on Linux: two containers of one machine have different ones. Empty if unknown."""
    folder_inode: int | None = None
    """The run folder's inode: a copy of the folder has another one, and these processes do not work in it."""
    started: float
    device: str
    """`cpu`, `cuda:N` as the user counts them, or `mps`."""
    device_name: str = ""
    device_uuid: str | None = None
    threads: int
    data_root: str
    catalog_folder: str | None = None
    """The folder whose commit is recorded."""
    resume: bool = False
    """Whether to resume from the last checkpoint."""
    python: str = ""
    versions: dict[str, str] = {}
    """Of labtui, torch and everything else that a result can depend on, by distribution name."""
    commit: str | None = None
    """Of the catalog's folder, with `-dirty` if it had changes, with `-unknown` if git did not know; or `unknown`."""
    diff: str = ""
    argv: tuple[str, ...] = ()


class StopRequest(Struct, frozen=True, kw_only=True):
    """`attempts/NNN/requests/stop.json`: finish the step, save and exit."""

    by: str
    when: float


class Exit(Struct, frozen=True, kw_only=True):
    """`attempts/NNN/exit.json`: how the engine's process exited, written by the supervisor."""

    code: int | None = None
    signal: int | None = None
    ended: float


class Beat(Struct, frozen=True, kw_only=True):
    """`beat.json`: the engine's heartbeat. The counter changes only when the work has made progress."""

    attempt: int
    counter: int
    phase: Phase
    step: int = 0
    """Optimizer steps done, over all attempts."""
    total_steps: int = 0
    epoch: int = 0
    """The current epoch, from 1."""
    epochs: int = 0
    images_per_second: float = 0.0
    eta: float | None = None
    """Expected seconds until the end."""
    points_lost: int = 0
    """Metric points that could not be written."""
    warning: str = ""


class LastValue(Struct, frozen=True, kw_only=True):
    """The last point of a curve, as stored (float32). Values that are not finite are strings, as JSON has no others."""

    step: int
    value: float | Literal["nan", "inf", "-inf"]

    @property
    def number(self) -> float:
        """The value as a float; `float("nan")` and infinities included."""
        return float(self.value)


class ModelSummary(Struct, frozen=True, kw_only=True):
    """The size of a model."""

    parameters: int
    flops_per_image: int
    """Floating-point operations of one forward pass; a multiply-add counts two."""
    layers: tuple[tuple[str, str, int], ...] = ()
    """Per layer: name, type with its shape, number of parameters."""


class Result(Struct, frozen=True, kw_only=True):
    """`result.json`: how and why the run ended; the last file that the engine writes."""

    schema: int = SCHEMA
    attempt: int
    outcome: Outcome
    reason: str = ""
    """For people, beside the outcome: "out of memory", "loss is NaN at step 312"."""
    diverged_step: int | None = None
    last: dict[str, LastValue] = {}
    epochs: int = 0
    """Epochs completed."""
    steps: int = 0
    images_seen: int = 0
    train_images: int = 0
    """Samples of one epoch, including appended ones."""
    test_images: int = 0
    """Plain test images, as in predictions.npz. (The report's own test set has twice as many if it appends.)"""
    train_seconds: float = 0.0
    """Seconds of training alone, over all attempts."""
    seconds: float = 0.0
    """Seconds from the engine's start to its end, over all attempts."""
    images_per_second: float = 0.0
    """Training images over training seconds."""
    points_lost: int = 0
    model: ModelSummary | None = None
    facts: dict[str, Any] = {}
    """What else the result depends on: data fingerprint, deterministic flags, library versions seen by the engine."""
