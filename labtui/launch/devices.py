"""The devices of this machine, found without torch, and which of them a request means."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labtui.errors import MachineError, UsageError
from labtui.launch.cgroup import MemoryLimit, memory_limit
from labtui.launch.environment import usable_cores
from labtui.launch.nvml import Gpu, NvmlUnavailable, visible_gpus
from labtui.text.clean import clean_line
from labtui.text.words import plural

MIN_FREE_MEMORY = 2 << 30
"""Bytes that must be free on a GPU for `auto` to use it: for CUDA itself (0.5 GiB), the data set and the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProcess:
    """A process that uses a GPU."""

    pid: int
    name: str
    user: str
    memory: int | None
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device to train on."""

    name: str
    """`cpu`, `cuda:N` (numbered over the visible GPUs, in the driver's order) or `mps`."""
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
    """Why the engine cannot use it although it exists; empty if it can."""

    @property
    def kind(self) -> str:
        """`cpu`, `cuda` or `mps`."""
        return self.name.partition(":")[0]

    @property
    def has_free_memory(self) -> bool:
        """Whether a run fits, as far as is known."""
        return self.memory_free is None or self.memory_free >= MIN_FREE_MEMORY


@dataclass(frozen=True, slots=True)
class Survey:
    """The devices of this machine, and why some of them cannot be used."""

    devices: tuple[Device, ...]
    notices: tuple[str, ...] = ()


def survey(environment: Mapping[str, str] = os.environ) -> Survey:
    """The CPU, then the GPUs that CUDA_VISIBLE_DEVICES of `environment` leaves visible, then Apple's GPU.

    Takes about 20 ms, without torch and without a CUDA context.
    """
    notices: list[str] = []
    try:
        gpus = visible_gpus(environment)
    except NvmlUnavailable as error:
        gpus = ()
        notices.append(f"NVIDIA's driver does not respond, so no GPUs are listed: {clean_line(str(error))}.")
    obstacle = _cuda_obstacle() if gpus else ""
    if obstacle:
        notices.append(f"{plural(len(gpus), 'GPU')} cannot be used: {obstacle}.")
    cuda = [_cuda(index, gpu, obstacle) for index, gpu in enumerate(gpus)]
    return Survey((_cpu(), *cuda, *_mps()), tuple(notices))


def choose(requested: str, surveyed: Survey | None = None) -> Device:
    """The device that is requested by `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; never another one instead.

    `auto` is the least busy GPU with free memory, else mps, else the CPU; `cuda` is the least busy GPU. Raises
    MachineError (listing the devices of this machine) if there is none, UsageError for any other word.
    """
    return candidates(requested, surveyed or survey())[0]


def candidates(requested: str, surveyed: Survey) -> tuple[Device, ...]:
    """All devices that match the request, the best first; at least one. Raises as `choose` does."""
    if not is_device_name(requested):
        raise UsageError(f"{requested!r} is not a device.", advice="Use auto, cpu, cuda, cuda:N or mps.")
    usable = [device for device in surveyed.devices if not device.obstacle]
    if requested == "auto":
        gpus = [gpu for gpu in _least_busy_first(usable, "cuda") if gpu.has_free_memory]
        return tuple(gpus or _of_kind(usable, "mps") or _of_kind(usable, "cpu"))
    if requested == "cuda":
        matching = _least_busy_first(usable, "cuda")
    else:
        matching = [device for device in usable if device.name == requested]
    if not matching:
        raise _not_here(requested, surveyed)
    return tuple(matching)


def is_device_name(text: str) -> bool:
    """Whether a text can be the name of a device at all."""
    number = text.removeprefix("cuda:")
    return text in ("auto", "cpu", "cuda", "mps") or (number != text and number.isascii() and number.isdecimal())


def _not_here(requested: str, surveyed: Survey) -> MachineError:
    blocked = [device for device in surveyed.devices if device.obstacle and requested in (device.name, device.kind)]
    usable = ", ".join(f"{device.name} ({device.title})" for device in surveyed.devices if not device.obstacle)
    if blocked:
        why = f"{requested} ({blocked[0].title}) cannot be used: {blocked[0].obstacle}."
    else:
        why = " ".join([f"There is no {requested} on this machine.", *surveyed.notices])
    return MachineError(f"{why} Usable devices: {usable}.", advice="`labtui devices` lists all devices.")


def _of_kind(devices: Sequence[Device], kind: str) -> list[Device]:
    return [device for device in devices if device.kind == kind]


def _least_busy_first(devices: Sequence[Device], kind: str) -> list[Device]:
    def activity(device: Device) -> tuple[float, int, int]:
        return device.load or 0.0, len(device.processes), -(device.memory_free or 0)

    return sorted(_of_kind(devices, kind), key=activity)


def _cpu() -> Device:
    import psutil  # deferred: 15 ms

    cores = usable_cores()
    memory = psutil.virtual_memory()
    limit = memory_limit() or MemoryLimit(memory.total, memory.available)
    return Device(
        name="cpu",
        title=clean_line(_cpu_model() or platform.machine()),
        memory_total=min(memory.total, limit.total),
        memory_free=min(memory.available, limit.free),
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
    except (psutil.Error, KeyError):  # gone, not visible to this user, or a pid of another container
        name, user = "?", "?"
    return DeviceProcess(pid=pid, name=clean_line(name), user=clean_line(user), memory=memory)


def _mps() -> tuple[Device, ...]:
    if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return ()
    import psutil

    memory = psutil.virtual_memory()
    return (Device(name="mps", title="Apple GPU", memory_total=memory.total, memory_free=memory.available),)


def _cuda_obstacle() -> str:
    """Why the installed torch cannot use a GPU, judged by its version; empty if it can."""
    version = _torch_version(_installed())
    if version is None:
        return "torch is not installed"
    return f"the installed torch ({version}) is built for the CPU only" if version.endswith("+cpu") else ""


@lru_cache(maxsize=1)
def _torch_version(_installed: tuple[tuple[str, int], ...]) -> str | None:
    """The version of torch, read again only if a folder of installed packages has changed."""
    from importlib import metadata

    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def _installed() -> tuple[tuple[str, int], ...]:
    """The folders of installed packages, and when each one last changed."""
    folders: list[tuple[str, int]] = []
    for folder in sys.path:
        with suppress(OSError):
            folders.append((folder, os.stat(folder or ".").st_mtime_ns))  # noqa: PTH116 (a hundred times a minute)
    return tuple(folders)
