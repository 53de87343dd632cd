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

    `jobs` None leaves the number at once to the machine: a run per core, or per GPU. Of several GPUs that would do, as
    many are taken as there are jobs. Raises EnvironmentFault where no such device is here, UsageError where the wish
    names none.
    """
    found = candidates(wish, survey())
    cores = usable_cores()
    if found[0].kind == "cpu":
        count = jobs_at_once(runs, cores) if jobs is None else min(jobs, max(1, runs))
    else:
        count = min(runs, len(found)) if jobs is None else min(jobs, max(1, runs))
    return Places(found[: max(1, count)], max(1, count), threads_per_run(max(1, count), cores))
