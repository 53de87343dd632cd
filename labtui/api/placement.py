"""Which devices runs train on, how many run at once, and with how many CPU threads each."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from labtui.errors import UsageError
from labtui.launch.devices import Device, candidates, survey
from labtui.launch.environment import jobs_at_once, requested_threads, threads_per_run, usable_cores
from labtui.spec import AnyModel, Cnn, ProgramSpec, Spec

_BASE_MEMORY = 600 << 20
"""Bytes for PyTorch and a data set, before anything that grows with the batch."""

_SMALL_MODEL_MEMORY, _LARGE_MODEL_MEMORY = 2 << 20, 10 << 20
"""Bytes per image of a batch while training the report's network and ResNet-18."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The devices that match a request, best first, and how runs share them."""

    devices: tuple[Device, ...]
    jobs: int
    """Runs at once."""
    threads: int
    """CPU threads of each run."""

    @property
    def per_device(self) -> int:
        """Runs that share one device, rounded up."""
        return -(-self.jobs // len(self.devices))


def place_runs(
    requested_device: str, *, runs: int, jobs: int | None = 1, memory: int = 0, threads: int | None = None
) -> Placement:
    """The placement of `runs` runs on the requested device ("auto", "cpu", "cuda", "cuda:N", "mps").

    With `jobs` None the machine decides how many run at once: one per GPU; on a CPU one per core, as far as runs of
    `memory` bytes fit into the free memory. `threads` is the number of CPU threads of each run; by default
    OMP_NUM_THREADS, or else each run's share of the cores. Raises MachineError if there is no such device on this
    machine, and UsageError if the name is not a device or if there are not so many cores.
    """
    devices = candidates(requested_device, survey())
    cores = usable_cores()
    if threads is not None and threads > cores:
        raise UsageError(f"{threads} threads for each run are too many: {cores} cores can be used here.")
    if jobs is None:
        jobs = (
            _fit_in_memory(devices[0], jobs_at_once(runs, cores), memory) if devices[0].kind == "cpu" else len(devices)
        )
    at_once = max(1, min(jobs, runs))
    threads = threads or requested_threads(os.environ, cores) or threads_per_run(at_once, cores)
    return Placement(devices, at_once, threads)


def estimated_memory(specs: Iterable[Spec]) -> int:
    """Bytes of memory that the largest of these runs needs while training on a CPU; a generous estimate.

    What a program needs is not known: it counts as much as PyTorch alone.
    """
    return max(map(_memory, specs), default=0)


def _memory(spec: Spec) -> int:
    if isinstance(spec, ProgramSpec):
        return _BASE_MEMORY
    return _BASE_MEMORY + spec.training.batch_size * _memory_per_image(spec.model)


def _memory_per_image(model: AnyModel) -> int:
    return _LARGE_MODEL_MEMORY if not isinstance(model, Cnn) else _SMALL_MODEL_MEMORY


def _fit_in_memory(cpu: Device, jobs: int, memory: int) -> int:
    return min(jobs, cpu.memory_free // memory) if memory and cpu.memory_free is not None else jobs
