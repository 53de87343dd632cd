"""`labtui doctor`: checks of the installation and the surroundings. torch is imported in child processes only."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from labtui import __version__
from labtui.cli.click_ext import LabCommand
from labtui.cli.options import json_option, lab_options
from labtui.cli.streams import put, put_json, say
from labtui.datasets import listing
from labtui.errors import LabError, MachineError
from labtui.launch.devices import survey
from labtui.launch.queue.entries import failed_entries, waiting_entries
from labtui.store.lock import LockHeld, LocksUnsupported, hold
from labtui.text.durations import duration
from labtui.text.sizes import size
from labtui.text.spans import Span
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab

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

LOW_DISK = 2 << 30
"""Bytes: CIFAR-10 with its archive takes half a gibibyte, a long list of runs with checkpoints the rest."""

CHILD_PATIENCE = 120.0
"""Seconds; the first import of torch from a cold disk takes many."""

TORCH_PROGRAM = "import torch; print(torch.__version__, 'CUDA' if torch.cuda.is_available() else 'no CUDA')"
TORCHVISION_PROGRAM = "import torchvision; print(torchvision.__version__)"
CPU_INDEX = "--index-url https://download.pytorch.org/whl/cpu"

Level = Literal["ok", "note", "problem"]

_MARKS = {"ok": Span("ok  ", "good"), "note": Span("note", "warn"), "problem": Span("FAIL", "bad")}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    level: Level
    topic: str
    text: str
    advice: str = ""


@click.command(cls=LabCommand, examples=("labtui doctor", "labtui doctor --json"))
@json_option
@lab_options
def doctor(lab: "Lab", *, json: bool) -> int:
    """Check the installation and its environment.

    Checks versions, paths, devices, data, locks and disk space, and shows how to fix a problem. Exits with 3 if there
    is one.
    """
    problems = 0
    for check in CHECKS:
        for result in check(lab):
            problems += result.level == "problem"
            if json:
                put_json(asdict(result))
            else:
                _put(result)
    if not json:
        say(f"{plural(problems, 'problem')} found." if problems else "No problems found.")
    return MachineError.exit_code if problems else 0


def _put(result: CheckResult) -> None:
    put(_MARKS[result.level], f"  {result.topic:<12} {result.text}")
    if result.advice:
        put(f"      {'':<12} -> {result.advice}")


# --- The checks -------------------------------------------------------------------------------------------------------


def check_versions(_lab: "Lab") -> Iterator[CheckResult]:
    """labtui, Python and the packages that matter."""
    yield CheckResult("ok", "labtui", f"{__version__}, Python {sys.version.split()[0]} ({sys.executable})")
    versions = {name: _version(name) for name in PACKAGES}
    installed = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield CheckResult("ok", "packages", installed)
    missing = [name for name, version in versions.items() if not version]
    if missing:
        command = f"{sys.executable} -m pip install {' '.join(missing)}"
        yield CheckResult("problem", "packages", f"not installed: {', '.join(missing)}", command)


def check_torch(_lab: "Lab") -> Iterator[CheckResult]:
    """Whether torch and torchvision can be imported, each in a short child process."""
    for topic, program in (("torch", TORCH_PROGRAM), ("torchvision", TORCHVISION_PROGRAM)):
        if not _version(topic):
            continue
        succeeded, output = _run_python(program)
        if succeeded:
            yield CheckResult("ok", topic, f"can be imported: {output}")
        else:
            yield CheckResult("problem", topic, f"cannot be imported: {output}", _reinstall_command(topic))


def check_paths(lab: "Lab") -> Iterator[CheckResult]:
    """The catalog, the runs folder and the data folder."""
    problems = len(lab.catalog.problems)
    experiments = plural(len(lab.catalog.experiments), "experiment")
    builtin = " (built-in; `labtui init` writes it to a file)" if lab.catalog.builtin else ""
    yield CheckResult(
        "problem" if problems else "ok",
        "catalog",
        f"{lab.catalog.path}{builtin}: {experiments}, {plural(problems, 'problem')}",
        "labtui config validate" if problems else "",
    )
    if lab.store.writable:
        yield CheckResult("ok", "runs", f"{lab.store.root}: {plural(len(lab.store.scan()), 'run')}")
    else:
        text = f"{lab.store.root} cannot be written to: view only"
        yield CheckResult("note", "runs", text, "use another runs folder: --runs DIR")


def check_disk(lab: "Lab") -> Iterator[CheckResult]:
    """Free space on the disks of runs and data."""
    for topic, folder in (("runs disk", lab.store.root), ("data disk", lab.data_root)):
        free = shutil.disk_usage(_existing(folder)).free
        low = free < LOW_DISK
        advice = f"free some space on the disk of {folder}" if low else ""
        yield CheckResult("problem" if low else "ok", topic, f"{size(free)} free", advice)


def check_locks(lab: "Lab") -> Iterator[CheckResult]:
    """Whether the disk of the runs folder supports locks, which keep two engines out of one run."""
    parent = _existing(lab.store.root)
    if not os.access(parent, os.W_OK):
        return
    with tempfile.TemporaryDirectory(prefix=".labtui-doctor-", dir=parent) as folder:
        lock = Path(folder) / "lock"
        try:
            with hold(lock):
                yield _second_lock(lock)
        except LocksUnsupported as error:
            yield CheckResult("problem", "locks", error.message, error.advice)


def check_devices(_lab: "Lab") -> Iterator[CheckResult]:
    """What a run can be trained on."""
    found = survey()
    for device in found.devices:
        memory = f", {size(device.memory_free)} of {size(device.memory_total)} free" if device.memory_total else ""
        level: Level = "note" if device.obstacle else "ok"
        yield CheckResult(level, "device", f"{device.name}: {device.title}{memory}", device.obstacle)
    for notice in found.notices:
        yield CheckResult("note", "device", notice)


def check_data(lab: "Lab") -> Iterator[CheckResult]:
    """Which data sets are here."""
    for row in listing(lab.data_root):
        embedded = not row.download_bytes
        level: Level = "ok" if row.present else "problem" if embedded else "note"
        advice = "" if row.present or embedded else f"labtui data get {row.name}"
        yield CheckResult(level, "data", f"{row.name}: {row.state} ({row.where})", advice)


def check_queue(lab: "Lab") -> Iterator[CheckResult]:
    """What waits, and what could not be started."""
    waiting, failed = waiting_entries(lab.store.root), failed_entries(lab.store.root)
    yield CheckResult("ok", "queue", f"{len(waiting)} waiting")
    if failed:
        advice = "labtui queue ls; labtui queue retry --all"
        yield CheckResult("note", "queue", f"{len(failed)} could not be started", advice)


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


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _run_python(program: str) -> tuple[bool, str]:
    """Whether a short program succeeds, and the last line of its output."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=CHILD_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer in {duration(CHILD_PATIENCE)}"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"exit code {done.returncode}"


def _reinstall_command(package: str) -> str:
    """The pip command that repairs it: torch and torchvision must be built for each other, from one index."""
    index = f" {CPU_INDEX}" if _version("torch").endswith("+cpu") else ""
    both = "torch torchvision" if package == "torch" else "torchvision"
    return f"{sys.executable} -m pip install --force-reinstall {both}{index}"


def _second_lock(lock: Path) -> CheckResult:
    """What a second attempt to take a lock that is held shows."""
    disk = f"the disk of {lock.parents[1]}"
    try:
        hold(lock, 0.0).close()
    except LockHeld:
        return CheckResult("ok", "locks", f"work on {disk}")
    except LabError as error:
        return CheckResult("problem", "locks", error.message, error.advice)
    advice = "Use a runs folder on another disk: --runs DIR."
    return CheckResult("problem", "locks", f"{disk} lets two processes hold the same lock", advice)


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
