"""Where runs are to train, and how many at once."""

from dataclasses import dataclass

from labtui.launch.devices import Device, candidates, survey
from labtui.launch.threads import jobs_at_once, threads_per_run, usable_cores


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


def places(wish: str, *, runs: int, jobs: int | None = 1) -> Places:
    """The places for `runs` runs on `wish` ("auto", "cpu", "cuda", "cuda:N", "mps").

    `jobs` None leaves the number at once to the machine: a run per core, or per GPU. Raises EnvironmentFault where no
    such device is here, UsageError where the wish names none.
    """
    found = candidates(wish, survey())
    cores = usable_cores()
    if jobs is None:
        jobs = jobs_at_once(runs, cores) if found[0].kind == "cpu" else len(found)
    at_once = max(1, min(jobs, runs))
    return Places(found, at_once, threads_per_run(at_once, cores))
