"""NVIDIA's GPUs as the driver's own library tells them: no torch, and no CUDA context that would take memory.

Every question may go unanswered (another driver, a container, a MIG instance): what is not told is None.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU, or one MIG instance of a GPU."""

    uuid: str
    name: str
    memory_total: int | None
    """Bytes."""
    memory_free: int | None
    load: float | None
    """Percent of the last moment in which the GPU was at work."""
    processes: tuple[tuple[int, int | None], ...] = ()
    """Pids with the bytes of GPU memory that each holds."""


class NvmlUnavailable(Exception):
    """The library is there but does not answer; its words are the message."""


def visible_gpus(environment: Mapping[str, str], library: ModuleType | None = None) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves visible, in its order; without it all, in the driver's order.

    Without NVIDIA's driver there are none. Raises NvmlUnavailable where there is one that does not answer.
    """
    library = library or importlib.import_module("pynvml")  # deferred: 15 ms
    with _opened(library) as there:
        if not there:
            return ()
        count = _ask(library, library.nvmlDeviceGetCount) or 0
        handles = [_ask(library, library.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        physical = [_instances(library, handle) for handle in handles]
        return tuple(_select(physical, environment.get("CUDA_VISIBLE_DEVICES")))


@contextmanager
def _opened(library: ModuleType) -> Iterator[bool]:
    absent = (library.NVMLError_LibraryNotFound, library.NVMLError_DriverNotLoaded)
    try:
        library.nvmlInit()
    except absent:
        yield False
        return
    except library.NVMLError as fault:
        raise NvmlUnavailable(str(fault)) from fault
    try:
        yield True
    finally:
        _ask(library, library.nvmlShutdown)


def _instances(library: ModuleType, handle: Any) -> tuple[Gpu, ...]:
    """The GPU itself, or its MIG instances where it is divided; empty where it has fallen off the bus."""
    if handle is None:
        return ()
    mode = _ask(library, library.nvmlDeviceGetMigMode, handle)
    if not mode or mode[0] != 1:
        return _read(library, handle)
    slots = range(_ask(library, library.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
    parts = [_ask(library, library.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot) for slot in slots]
    return tuple(gpu for part in parts if part is not None for gpu in _read(library, part))


def _read(library: ModuleType, handle: Any) -> tuple[Gpu, ...]:
    uuid = _ask(library, library.nvmlDeviceGetUUID, handle)
    if not uuid:
        return ()
    memory = _ask(library, library.nvmlDeviceGetMemoryInfo, handle)
    rates = _ask(library, library.nvmlDeviceGetUtilizationRates, handle)
    processes = _ask(library, library.nvmlDeviceGetComputeRunningProcesses, handle) or ()
    gpu = Gpu(
        uuid=_text(uuid),
        name=_text(_ask(library, library.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
        memory_total=int(memory.total) if memory else None,
        memory_free=int(memory.free) if memory else None,
        load=float(rates.gpu) if rates else None,
        processes=tuple((int(one.pid), _bytes(one.usedGpuMemory)) for one in processes),
    )
    return (gpu,)


def _select(physical: list[tuple[Gpu, ...]], wanted: str | None) -> Iterator[Gpu]:
    """CUDA's own rule: indices or beginnings of UUIDs, and nothing from the first one on that names nothing."""
    if wanted is None:
        for gpus in physical:
            yield from gpus
        return
    for word in (part.strip() for part in wanted.split(",")):
        if word.isascii() and word.isdecimal() and int(word) < len(physical):
            yield from physical[int(word)]
            continue
        named = [gpu for gpus in physical for gpu in gpus if word and gpu.uuid.startswith(word)]
        if len(named) != 1:
            return
        yield named[0]


def _ask(library: ModuleType, question: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return question(*arguments)
    except library.NVMLError:
        return None


def _bytes(told: int | None) -> int | None:
    """Within some containers memory per process is not told, or told as the largest number there is."""
    return None if told is None or told >= 2**63 else int(told)


def _text(told: str | bytes) -> str:
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else told
