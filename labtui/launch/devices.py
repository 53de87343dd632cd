"""What a run can be trained on here, found without torch, and which of it is meant."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labtui.errors import EnvironmentFault, UsageError
from labtui.launch.environment import usable_cores
from labtui.launch.nvml import Gpu, NvmlUnavailable, visible_gpus
from labtui.text.clean import clean_line

ROOM = 2 << 30
"""Bytes that must be free on a GPU for `auto` to take it: CUDA's own half a gibibyte, the data set, the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProcess:
    """Who else is on a GPU."""

    pid: int
    name: str
    user: str
    memory: int | None
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something to train on."""

    name: str
    """`cpu`, `cuda:N` (counted over the visible GPUs, in the driver's order) or `mps`."""
    title: str
    uuid: str | None = None
    memory_total: int | None = None
    """Bytes."""
    memory_free: int | None = None
    load: float | None = None
    """Percent."""
    cores: int | None = None
    """Of the CPU: those this process may use."""
    processes: tuple[DeviceProcess, ...] = ()
    obstacle: str = ""
    """Why the engine cannot use it although it is here."""

    @property
    def kind(self) -> str:
        """`cpu`, `cuda` or `mps`."""
        return self.name.partition(":")[0]

    @property
    def has_room(self) -> bool:
        """Whether a run fits, as far as can be told."""
        return self.memory_free is None or self.memory_free >= ROOM


@dataclass(frozen=True, slots=True)
class Survey:
    """What is here, and what stands in the way of some of it."""

    devices: tuple[Device, ...]
    notices: tuple[str, ...] = ()


def list_devices() -> tuple[Device, ...]:
    """The CPU, then GPUs, then Apple's."""
    return survey().devices


def survey(environment: Mapping[str, str] = os.environ) -> Survey:
    """Look at the machine, by the CUDA_VISIBLE_DEVICES of `environment`: some 20 ms, no torch, no CUDA context."""
    notices: list[str] = []
    try:
        gpus = visible_gpus(environment)
    except NvmlUnavailable as fault:
        gpus = ()
        notices.append(f"NVIDIA's driver does not answer, so no GPU is listed: {clean_line(str(fault))}.")
    obstacle = _cuda_obstacle() if gpus else ""
    if obstacle:
        notices.append(f"{len(gpus)} GPU(s) here cannot be used: {obstacle}.")
    cuda = [_cuda(index, gpu, obstacle) for index, gpu in enumerate(gpus)]
    return Survey((_cpu(), *cuda, *_mps()), tuple(notices))


def choose(text: str, found: Survey | None = None) -> Device:
    """The device that is meant by `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; never another one instead.

    `auto` is the least busy GPU with room, else mps, else the CPU; `cuda` the least busy GPU. Raises EnvironmentFault
    naming what is here, UsageError for a word that names no device.
    """
    return candidates(text, found or survey())[0]


def candidates(text: str, found: Survey) -> tuple[Device, ...]:
    """All devices that fulfil the wish, the best first; at least one. Raises as `choose` does."""
    if not is_device_word(text):
        raise UsageError(f"{text!r} names no device.", advice="Say auto, cpu, cuda, cuda:N or mps.")
    usable = [device for device in found.devices if not device.obstacle]
    if text == "auto":
        gpus = _least_busy_first(usable, "cuda")
        return tuple([gpu for gpu in gpus if gpu.has_room] or _of_kind(usable, "mps") or _of_kind(usable, "cpu"))
    fitting = _least_busy_first(usable, "cuda") if text == "cuda" else [one for one in usable if one.name == text]
    if not fitting:
        raise _not_here(text, found)
    return tuple(fitting)


def is_device_word(text: str) -> bool:
    """Whether a text can name a device at all."""
    number = text.removeprefix("cuda:")
    return text in ("auto", "cpu", "cuda", "mps") or (number != text and number.isascii() and number.isdecimal())


def _not_here(text: str, found: Survey) -> EnvironmentFault:
    blocked = [one for one in found.devices if one.obstacle and text in (one.name, one.kind)]
    here = ", ".join(f"{one.name} ({one.title})" for one in found.devices if not one.obstacle)
    why = (
        f"{text} ({blocked[0].title}) cannot be used: {blocked[0].obstacle}."
        if blocked
        else f"There is no {text} here."
    )
    notices = "" if blocked else "".join(f" {notice}" for notice in found.notices)
    return EnvironmentFault(f"{why}{notices} What can be used: {here}.", advice="`labtui devices` shows them all.")


def _of_kind(devices: Sequence[Device], kind: str) -> list[Device]:
    return [device for device in devices if device.kind == kind]


def _least_busy_first(devices: Sequence[Device], kind: str) -> list[Device]:
    def busy(device: Device) -> tuple[float, int, int]:
        return device.load or 0.0, len(device.processes), -(device.memory_free or 0)

    return sorted(_of_kind(devices, kind), key=busy)


def _cpu() -> Device:
    import psutil  # deferred: 15 ms

    cores = usable_cores()
    memory = psutil.virtual_memory()
    return Device(
        name="cpu",
        title=clean_line(_cpu_model() or platform.machine()),
        memory_total=memory.total,
        memory_free=memory.available,
        load=min(100.0, 100.0 * os.getloadavg()[0] / cores),
        cores=cores,
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _cuda(index: int, gpu: Gpu, obstacle: str) -> Device:
    return Device(
        name=f"cuda:{index}",
        title=clean_line(gpu.name),
        uuid=gpu.uuid,
        memory_total=gpu.memory_total,
        memory_free=gpu.memory_free,
        load=gpu.load,
        processes=tuple(_process(pid, memory) for pid, memory in gpu.processes),
        obstacle=obstacle,
    )


def _process(pid: int, memory: int | None) -> DeviceProcess:
    import psutil

    try:
        process = psutil.Process(pid)
        name, user = process.name(), process.username()
    except (psutil.Error, KeyError):  # gone, not ours to see, or counted in another container
        name, user = "?", "?"
    return DeviceProcess(pid=pid, name=clean_line(name), user=clean_line(user), memory=memory)


def _mps() -> tuple[Device, ...]:
    if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return ()
    import psutil

    memory = psutil.virtual_memory()
    return (Device(name="mps", title="Apple GPU", memory_total=memory.total, memory_free=memory.available),)


def _cuda_obstacle() -> str:
    """Why the installed torch cannot use a GPU, as far as its version tells."""
    version = _torch_version(_installed())
    if version is None:
        return "torch is not installed"
    return f"the installed torch ({version}) is built for the CPU alone" if version.endswith("+cpu") else ""


@lru_cache(maxsize=1)
def _torch_version(_installed: tuple[tuple[str, int], ...]) -> str | None:
    """Of the installed torch, read again only when a folder of installed packages has changed."""
    from importlib import metadata

    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def _installed() -> tuple[tuple[str, int], ...]:
    """The folders that packages are found in, and when one was last put into each or taken out."""
    found: list[tuple[str, int]] = []
    for folder in sys.path:
        with suppress(OSError):
            found.append((folder, os.stat(folder or ".").st_mtime_ns))  # noqa: PTH116 (a hundred times a minute)
    return tuple(found)
