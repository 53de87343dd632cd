"""The machine that figures belong to: what it is, never who or where it is."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

VERSIONS = ("labtui", "torch", "torchvision", "numpy", "textual", "lightning", "wandb")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, GPUs, versions, and how busy it was: no host name, no user, no path."""
    import psutil

    from labtui import __version__
    from labtui.launch.devices import survey
    from labtui.launch.environment import usable_cores

    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": [device.title for device in survey().devices if device.kind != "cpu"],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"labtui": __version__, **{name: version for name in VERSIONS[1:] if (version := _version(name))}},
        "load_before": round(os.getloadavg()[0], 2),
    }


def described(facts: dict[str, Any]) -> str:
    """The same in two lines."""
    gpus = ", ".join(facts["gpus"]) or "no GPU"
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {gpus}; {facts['system']}, "
        f"load {facts['load_before']} before\nPython {facts['python']}, {versions}"
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """The model's name, and what it can do that decides speed."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    known = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(known.get("flags", "").split())
    extras = [name for flag, name in FLAGS.items() if flag in flags]
    name = known.get("model name", platform.machine())
    place = f"family {known.get('cpu family')} model {known.get('model')}" if "family" not in name else ""
    return ", ".join(filter(None, (name, place, " ".join(extras))))


FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512-BF16", "amx_bf16": "AMX-BF16"}
"""Of /proc/cpuinfo: what a matrix product runs on."""
