"""The environment variables of supervisors and engines, and the CPU threads of a run."""

import math
import os
import re
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from labtui.launch.cgroup import cpu_quota

MAX_THREADS = 8
"""Threads that one run gets at most. Small networks do not scale beyond this, and because the number of threads decides
the last bits of a result, machines with more cores still agree."""

SPIN_COUNT = "5000"
"""How often an OpenMP thread looks for work before it sleeps. libgomp's 300,000 is good for idle cores only: beside
other programs, two threads of one run then wait for each other at full load and train at a fifth of the rate."""

_PREFIX = "LABTUI_"

_RECORDED = frozenset(
    {
        "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "TMPDIR",
        "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
    }
)  # fmt: skip
"""They decide which programs, libraries, devices and data a run finds. All others come from the queue runner."""

_SECRET = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH", re.IGNORECASE)


def is_enabled(name: str, environ: Mapping[str, str]) -> bool:
    """Whether a variable that switches something off (`0`, `no`, `off`, `false`) does not do so."""
    return environ.get(name, "").lower() not in ("0", "no", "off", "false")


def is_recorded(name: str) -> bool:
    """Whether a variable of this name goes into queue entries. An entry is a file, so secrets do not."""
    return name in _RECORDED or (name.startswith(_PREFIX) and not _SECRET.search(name))


def recorded_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that go into a queue entry. Values that are not Unicode cannot be stored and are left out."""
    return {name: value for name, value in environment.items() if is_recorded(name) and _is_text(value)}


def restored_environment(recorded: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with every variable that goes into queue entries as it was recorded or not at all."""
    others = {name: value for name, value in own.items() if not is_recorded(name)}
    return others | {name: value for name, value in recorded.items() if is_recorded(name)}


def importable_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `python -P -m labtui…` imports the labtui that is running now.

    `-P` prevents a `random.py` in the current folder from being imported. A labtui that was imported from there, from a
    source tree, must then be on the path.
    """
    source = str(Path(__file__).resolve().parents[2])
    if source in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return dict(environment)
    others = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part and part != source]
    return {**environment, "PYTHONPATH": os.pathsep.join([source, *others])}


def engine_environment(threads: int, device_uuid: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of an engine: one visible device, this many threads, and unbuffered output."""
    return {
        **environment,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "VECLIB_MAXIMUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": environment.get("GOMP_SPINCOUNT", SPIN_COUNT),
        "CUDA_VISIBLE_DEVICES": device_uuid or "",
        "PYTHONUNBUFFERED": "1",
    }


def usable_cores() -> int:
    """The cores that this process may use: its affinity, and the quota of its container if there is one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def threads_per_run(jobs: int, cores: int) -> int:
    """Threads for each of `jobs` runs that train at once on a CPU with `cores` cores.

    Several runs with one thread each are faster than one run with all threads (1.2 to 1.3 times the throughput on two
    cores), so every run gets one core before any run gets a second one.
    """
    return max(1, min(MAX_THREADS, cores // max(1, jobs)))


def requested_threads(environ: Mapping[str, str], cores: int) -> int | None:
    """The number of threads that OMP_NUM_THREADS asks for, at most all cores; None if it does not name a number."""
    text = environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(int(text), cores) if text.isdecimal() and int(text) else None


def jobs_at_once(runs: int, cores: int) -> int:
    """How many of `runs` runs to train at once on a CPU by default: one thread each, as long as there are cores."""
    return max(1, min(runs, cores))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
