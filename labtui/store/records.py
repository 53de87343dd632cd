"""The small JSON files of a run folder, as frozen values.

All times are seconds since the epoch by the writer's clock; nothing but a person compares them across machines. Unknown
keys are ignored, so that an older labtui reads what a newer one wrote; SCHEMA tells them apart.
"""

from typing import Any, Literal

from msgspec import Struct

from labtui.spec import RunSpec

SCHEMA = 1

ORPHANED = "the process that started it is gone"
"""The reason of a run that saved and stopped though nobody asked: its parent was killed."""

Outcome = Literal["finished", "stopped", "diverged", "failed"]
Phase = Literal["starting", "loading", "training", "evaluating", "saving"]


class SpecFile(Struct, frozen=True, kw_only=True):
    """`spec.json`: what to run. Written by the store before the launch and never changed."""

    schema: int = SCHEMA
    run_id: str
    created: float
    labtui: str
    spec: RunSpec
    data_fingerprint: str | None = None
    """What tells this data set's bytes from any other's."""
    planned_steps: int | None = None
    """Optimizer steps of the whole run, where known before the launch."""


class ProcessId(Struct, frozen=True, kw_only=True):
    """A process that no later one is mistaken for: its pid with its start time (with host and boot id beside it)."""

    pid: int
    start_time: float
    """Clock ticks since boot where /proc tells, else psutil's creation time in seconds."""


class Launch(Struct, frozen=True, kw_only=True):
    """`attempts/NNN/launch.json`: with what it runs. Written by the small parent, again once the engine has a pid."""

    schema: int = SCHEMA
    attempt: int
    launcher: str = "local"
    job_id: str | None = None
    parent: ProcessId | None = None
    engine: ProcessId | None = None
    host: str
    boot_id: str
    started: float
    device: str
    """`cpu`, `cuda:N` as the user counts them, or `mps`."""
    device_name: str = ""
    device_uuid: str | None = None
    threads: int
    data_root: str
    resume: bool = False
    """Whether to go on from the last checkpoint rather than from the beginning."""
    python: str = ""
    versions: dict[str, str] = {}
    """Of labtui, torch and what else decides bits, by distribution name."""
    commit: str | None = None
    """Of the catalog's folder, with `-dirty` where it had changes."""
    diff: str = ""
    argv: tuple[str, ...] = ()


class StopRequest(Struct, frozen=True, kw_only=True):
    """`attempts/NNN/requests/stop.json`: finish the step, save, end."""

    by: str
    when: float


class Exit(Struct, frozen=True, kw_only=True):
    """`attempts/NNN/exit.json`: how the engine's process ended, from the small parent."""

    code: int | None = None
    signal: int | None = None
    ended: float


class Beat(Struct, frozen=True, kw_only=True):
    """`beat.json`: the engine's sign of life. The counter moves only when the work has moved."""

    attempt: int
    counter: int
    phase: Phase
    step: int = 0
    """Optimizer steps done, over all attempts."""
    total_steps: int = 0
    epoch: int = 0
    """The epoch under way, from 1."""
    epochs: int = 0
    images_per_second: float = 0.0
    eta: float | None = None
    """Seconds until the end, as the engine expects."""
    points_lost: int = 0
    """Metric points that could not be written."""
    warning: str = ""


class LastValue(Struct, frozen=True, kw_only=True):
    """The last point of a curve, as stored (float32); not-finite values as strings, since JSON has none."""

    step: int
    value: float | Literal["nan", "inf", "-inf"]

    @property
    def number(self) -> float:
        """The value as a float; `float("nan")` and infinities included."""
        return float(self.value)


class ModelSummary(Struct, frozen=True, kw_only=True):
    """What a model weighs."""

    parameters: int
    flops_per_image: int
    """Floating-point operations of one forward pass; a multiply-add counts two."""
    layers: tuple[tuple[str, str, int], ...] = ()
    """Per layer: name, kind with its shape, number of parameters."""


class Result(Struct, frozen=True, kw_only=True):
    """`result.json`: how and why the run ended; the engine's last act."""

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
    """Samples of one epoch, appended ones counted in."""
    test_images: int = 0
    """Plain test images, those of predictions.npz; the report's own test set holds twice as many where it appends."""
    train_seconds: float = 0.0
    """Seconds of training alone, over all attempts."""
    seconds: float = 0.0
    """Seconds from the engine's start to its end, over all attempts."""
    images_per_second: float = 0.0
    """Training images over training seconds."""
    points_lost: int = 0
    model: ModelSummary | None = None
    facts: dict[str, Any] = {}
    """What else decided the result: data fingerprint, deterministic flags, library versions as the engine saw them."""
