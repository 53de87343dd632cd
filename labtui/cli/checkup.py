"""The checks of `labtui doctor`: each looks at one thing and says how it stands. Nothing of torch is imported here."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from labtui import __version__
from labtui.api import Lab
from labtui.cli.format import plural, size
from labtui.datasets import listing
from labtui.errors import LabError
from labtui.launch.devices import survey
from labtui.launch.queue import entries as queue
from labtui.store.lock import LockHeld, LocksUnsupported, hold

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "textual",
    "rich",
    "click",
    "msgspec",
    "tensorboard",
)

LITTLE_DISK = 2 << 30
"""Bytes: CIFAR-10 with its archive takes half a gibibyte, a long list of runs with checkpoints the rest."""

CHILD_PATIENCE = 120.0
"""Seconds; the first import of torch from a cold disk takes many."""

TORCH_PROGRAM = "import torch; print(torch.__version__, 'CUDA' if torch.cuda.is_available() else 'no CUDA')"
TORCHVISION_PROGRAM = "import torchvision; print(torchvision.__version__)"
CPU_INDEX = "--index-url https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing stands."""

    level: Literal["ok", "note", "problem"]
    topic: str
    text: str
    advice: str = ""


def check_versions(_lab: Lab) -> Iterator[Finding]:
    """labtui, Python and the packages that matter."""
    yield Finding("ok", "labtui", f"{__version__}, Python {sys.version.split()[0]} ({sys.executable})")
    found = {name: _version(name) for name in PACKAGES}
    yield Finding("ok", "packages", ", ".join(f"{name} {version}" for name, version in found.items() if version))
    missing = [name for name, version in found.items() if not version]
    if missing:
        command = f"{sys.executable} -m pip install {' '.join(missing)}"
        yield Finding("problem", "packages", f"not installed: {', '.join(missing)}", command)


def check_torch(_lab: Lab) -> Iterator[Finding]:
    """Whether torch and torchvision load, each in a short child process."""
    for topic, program in (("torch", TORCH_PROGRAM), ("torchvision", TORCHVISION_PROGRAM)):
        if not _version(topic):
            continue
        loaded, said = _child(program)
        if loaded:
            yield Finding("ok", topic, f"loads: {said}")
        else:
            yield Finding("problem", topic, f"does not load: {said}", _reinstall(topic))


def check_paths(lab: Lab) -> Iterator[Finding]:
    """The catalog, the runs folder and the data folder."""
    problems = len(lab.catalog.problems)
    known = plural(len(lab.catalog.experiments), "experiment")
    builtin = " (built-in; `labtui init` writes it out)" if lab.catalog.builtin else ""
    yield Finding(
        "problem" if problems else "ok",
        "catalog",
        f"{lab.catalog.path}{builtin}: {known}, {plural(problems, 'problem')}",
        "labtui config validate" if problems else "",
    )
    if lab.store.writable:
        yield Finding("ok", "runs", f"{lab.store.root}: {plural(len(lab.store.scan()), 'run')}")
    else:
        yield Finding("note", "runs", f"{lab.store.root} cannot be written: viewing only", "another one: --runs DIR")


def check_disk(lab: Lab) -> Iterator[Finding]:
    """Room on the disks of runs and data."""
    for topic, folder in (("runs disk", lab.store.root), ("data disk", lab.data_root)):
        free = shutil.disk_usage(_existing(folder)).free
        level: Literal["ok", "problem"] = "ok" if free >= LITTLE_DISK else "problem"
        yield Finding(level, topic, f"{size(free)} free", "" if level == "ok" else f"make room on the disk of {folder}")


def check_locks(lab: Lab) -> Iterator[Finding]:
    """Whether the disk of the runs folder can lock, which keeps two engines out of one run."""
    place = _existing(lab.store.root)
    if not os.access(place, os.W_OK):
        return
    with tempfile.TemporaryDirectory(prefix=".labtui-doctor-", dir=place) as folder:
        lock = Path(folder) / "lock"
        try:
            with hold(lock):
                yield from _second_lock(lock)
        except LocksUnsupported as fault:
            yield Finding("problem", "locks", fault.message, fault.advice)


def check_devices(_lab: Lab) -> Iterator[Finding]:
    """What a run can be trained on."""
    found = survey()
    for device in found.devices:
        room = f", {size(device.memory_free)} of {size(device.memory_total)} free" if device.memory_total else ""
        yield Finding(
            "note" if device.obstacle else "ok", "device", f"{device.name}: {device.title}{room}", device.obstacle
        )
    for notice in found.notices:
        yield Finding("note", "device", notice)


def check_data(lab: Lab) -> Iterator[Finding]:
    """Which data sets are here."""
    for row in listing(lab.data_root):
        embedded = not row.download_bytes
        level: Literal["ok", "note", "problem"] = "ok" if row.present else "problem" if embedded else "note"
        advice = "" if row.present or embedded else f"labtui data get {row.name}"
        yield Finding(level, "data", f"{row.name}: {row.state} ({row.where})", advice)


def check_queue(lab: Lab) -> Iterator[Finding]:
    """What waits, and what could not be started."""
    waiting, failed = queue.entries(lab.store.root), queue.failed(lab.store.root)
    yield Finding("ok", "queue", f"{len(waiting)} waiting")
    if failed:
        yield Finding(
            "note", "queue", f"{len(failed)} could not be started", "labtui queue ls; labtui queue retry --all"
        )


CHECKS = (
    check_versions,
    check_torch,
    check_paths,
    check_disk,
    check_locks,
    check_devices,
    check_data,
    check_queue,
)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _child(program: str) -> tuple[bool, str]:
    """Whether a short program runs, and its last line."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=CHILD_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer in {CHILD_PATIENCE:.0f} s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"exit code {done.returncode}"


def _reinstall(package: str) -> str:
    """The pip line that mends it: torch and torchvision must come from one place and be built for one another."""
    index = f" {CPU_INDEX}" if _version("torch").endswith("+cpu") else ""
    both = "torch torchvision" if package == "torch" else "torchvision"
    return f"{sys.executable} -m pip install --force-reinstall {both}{index}"


def _second_lock(lock: Path) -> Iterator[Finding]:
    try:
        hold(lock, 0.0).close()
    except LockHeld:
        yield Finding("ok", "locks", f"work on the disk of {lock.parents[1]}")
    except LabError as fault:
        yield Finding("problem", "locks", fault.message, fault.advice)
    else:
        advice = "Use a runs folder on another disk: --runs DIR."
        yield Finding("problem", "locks", f"the disk of {lock.parents[1]} lets two processes have one lock", advice)


def _existing(folder: Path) -> Path:
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
