"""Which variables of an environment go into a queue entry: an entry is a file, and secrets are not written down."""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

_PREFIX = "LABTUI_"

_ALLOWED = frozenset(
    {
        "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "TMPDIR",
        "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
    }
)  # fmt: skip
"""What decides which programs, libraries, devices and data a run finds. Anything else comes from the queue runner."""

_SECRET = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH", re.IGNORECASE)


def is_chosen(name: str) -> bool:
    """Whether a variable of this name is recorded."""
    return name in _ALLOWED or (name.startswith(_PREFIX) and not _SECRET.search(name))


def chosen(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to record. Values that are not Unicode cannot be, and are left out."""
    return {name: value for name, value in environment.items() if is_chosen(name) and _is_text(value)}


def restored(recorded: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with all that is recorded as the entry has it, also where it lacks something."""
    others = {name: value for name, value in own.items() if not is_chosen(name)}
    return others | {name: value for name, value in recorded.items() if is_chosen(name)}


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


MOST_USEFUL = 8
"""Threads that one run gets at most: small networks do not scale over threads, and since the number of threads decides
the last bits of a result, machines with more cores than this still agree."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """The cores that this process may use: its affinity, and the quota of its container where there is one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _quota() or allowed))


def threads_per_run(jobs: int, cores: int) -> int:
    """Threads for each of `jobs` runs that train at once on a CPU of `cores` cores.

    Several runs with one thread each beat one run with all the threads (1.2 to 1.3 times the throughput on two
    cores), so the cores are shared out before any run gets a second one.
    """
    return max(1, min(MOST_USEFUL, cores // max(1, jobs)))


def jobs_at_once(runs: int, cores: int) -> int:
    """How many of `runs` runs to train at once on a CPU, where nobody said: one thread each, as long as cores last."""
    return max(1, min(runs, cores))


def _quota() -> int | None:
    try:
        quota, period = _QUOTA.read_text().split()
        return None if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None
