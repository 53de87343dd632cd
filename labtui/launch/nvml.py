"""NVIDIA's GPUs, from the driver's own library: without torch, and without a CUDA context that would take memory.

Any query may fail (with another driver, in a container, for a MIG instance); its value is then None.
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
    """Percent of the last sampling period in which the GPU was busy."""
    processes: tuple[tuple[int, int | None], ...] = ()
    """Pids with the bytes of GPU memory that each holds."""


class NvmlUnavailable(Exception):
    """The library exists but does not respond; the message is its own."""


def visible_gpus(environment: Mapping[str, str], library: ModuleType | None = None) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves visible, in its order; without it all, in the driver's order.

    Without NVIDIA's driver there are none. Raises NvmlUnavailable if there is one that does not respond.
    """
    library = library or importlib.import_module("pynvml")  # deferred: 15 ms
    with _initialized(library) as present:
        if not present:
            return ()
        count = _query(library, library.nvmlDeviceGetCount) or 0
        handles = [_query(library, library.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        physical = [_instances(library, handle) for handle in handles]
        return tuple(_select(physical, environment.get("CUDA_VISIBLE_DEVICES")))


@contextmanager
def _initialized(library: ModuleType) -> Iterator[bool]:
    absent = (library.NVMLError_LibraryNotFound, library.NVMLError_DriverNotLoaded)
    try:
        library.nvmlInit()
    except absent:
        yield False
        return
    except library.NVMLError as error:
        raise NvmlUnavailable(str(error)) from error
    try:
        yield True
    finally:
        _query(library, library.nvmlShutdown)


def _instances(library: ModuleType, handle: Any) -> tuple[Gpu, ...]:
    """The GPU itself, or its MIG instances if it is divided; empty if it has fallen off the bus."""
    if handle is None:
        return ()
    mode = _query(library, library.nvmlDeviceGetMigMode, handle)
    if not mode or mode[0] != 1:
        return _read(library, handle)
    indices = range(_query(library, library.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
    parts = [_query(library, library.nvmlDeviceGetMigDeviceHandleByIndex, handle, index) for index in indices]
    return tuple(gpu for part in parts if part is not None for gpu in _read(library, part))


def _read(library: ModuleType, handle: Any) -> tuple[Gpu, ...]:
    uuid = _query(library, library.nvmlDeviceGetUUID, handle)
    if not uuid:
        return ()
    memory = _query(library, library.nvmlDeviceGetMemoryInfo, handle)
    rates = _query(library, library.nvmlDeviceGetUtilizationRates, handle)
    processes = _query(library, library.nvmlDeviceGetComputeRunningProcesses, handle) or ()
    gpu = Gpu(
        uuid=_text(uuid),
        name=_text(_query(library, library.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
        memory_total=int(memory.total) if memory else None,
        memory_free=int(memory.free) if memory else None,
        load=float(rates.gpu) if rates else None,
        processes=tuple((int(process.pid), _bytes(process.usedGpuMemory)) for process in processes),
    )
    return (gpu,)


def _select(physical: list[tuple[Gpu, ...]], wanted: str | None) -> Iterator[Gpu]:
    """CUDA's own rule: indices or prefixes of UUIDs, and nothing from the first one on that matches no GPU."""
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


def _query(library: ModuleType, function: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return function(*arguments)
    except library.NVMLError:
        return None


def _bytes(reported: int | None) -> int | None:
    """In some containers the memory per process is not reported, or reported as the largest possible number."""
    return None if reported is None or reported >= 2**63 else int(reported)


def _text(reported: str | bytes) -> str:
    return reported.decode("utf-8", "replace") if isinstance(reported, bytes) else reported
