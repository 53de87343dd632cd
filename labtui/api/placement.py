"""Where runs are to train, and how many at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from labtui.launch.devices import Device, candidates, survey
from labtui.launch.threads import jobs_at_once, threads_per_run, usable_cores
from labtui.spec import Model, ResNet18, RunSpec

_OVERHEAD = 600 << 20
"""Bytes of PyTorch and of a data set, beside what grows with the batch."""

_SMALL, _LARGE = 2 << 20, 10 << 20
"""Bytes that training takes for each image of a batch: the report's network, ResNet-18."""


@dataclass(frozen=True, slots=True)
class Places:
    """Devices that fulfil a wish, the best first, and how runs share them."""

    devices: tuple[Device, ...]
    jobs: int
    """Runs at once."""
    threads: int
    """CPU threads of each run."""

    @property
    def per_device(self) -> int:
        """Runs that share one GPU."""
        return -(-self.jobs // len(self.devices))


def places(wish: str, *, runs: int, jobs: int | None = 1, memory: int = 0) -> Places:
    """The places for `runs` runs on `wish` ("auto", "cpu", "cuda", "cuda:N", "mps").

    `jobs` None leaves the number at once to the machine: a run per GPU; on a CPU a run per core, as far as runs of
    `memory` bytes fit into what is free. Raises EnvironmentFault where no such device is here, UsageError where the
    wish names none.
    """
    found = candidates(wish, survey())
    cores = usable_cores()
    if jobs is None:
        jobs = _as_many_as_fit(found[0], jobs_at_once(runs, cores), memory) if found[0].kind == "cpu" else len(found)
    at_once = max(1, min(jobs, runs))
    return Places(found, at_once, threads_per_run(at_once, cores))


def memory_of(specs: Iterable[RunSpec]) -> int:
    """Bytes that the largest of these runs takes in memory while it trains on a CPU: an estimate, rather too high."""
    return max((_OVERHEAD + spec.training.batch_size * _per_image(spec.model) for spec in specs), default=0)


def _per_image(model: Model) -> int:
    return _LARGE if isinstance(model, ResNet18) else _SMALL


def _as_many_as_fit(cpu: Device, jobs: int, memory: int) -> int:
    return min(jobs, cpu.memory_free // memory) if memory and cpu.memory_free is not None else jobs
