"""Opens the device of a run; never replaces it by another one silently."""

import ctypes
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import psutil
import torch

from labtui.errors import LabError, MachineError
from labtui.spec import Precision

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""glibc's constants for mallopt."""

_CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where a container sees its own control group."""


class OutOfMemory(LabError):
    """The device ran out of memory; the message suggests a batch size."""


def open_device(name: str, threads: int, precision: Precision) -> torch.device:
    """Open the device that the user calls `name` (`cpu`, `cuda:N`, `mps`) and set the number of CPU threads.

    The launcher makes only one GPU visible to the engine, so any `cuda:N` is the first one here. Raises
    MachineError if the device is not available.
    """
    torch.set_num_threads(threads)
    kind = name.partition(":")[0]
    if kind == "cuda":
        return _open_cuda(name, precision)
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise MachineError(
                "Device mps is not available: torch finds no Apple GPU.", advice="`labtui devices` lists devices."
            )
        return torch.device("mps")
    if kind != "cpu":
        raise MachineError(f"Device {name!r} is not known.", advice="`labtui devices` lists devices.")
    keep_freed_memory()
    return torch.device("cpu")


def _open_cuda(name: str, precision: Precision) -> torch.device:
    if not torch.cuda.is_available():
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        raise MachineError(
            f"Device {name} is not available: torch {torch.__version__} ({built}) finds no usable GPU.",
            advice="`labtui devices` lists devices; `labtui doctor` says what is missing.",
        )
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda", 0)


def free_memory(device: torch.device) -> int:
    """Bytes that are free for data on a device; on a CPU, within the limit of a container if there is one."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    available = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((_CONTROL_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no control group of version 2, or one without a limit ("max")
        return available
    return min(available, max(0, limit - used))


def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory. Does nothing elsewhere.

    A step frees and allocates the same megabytes again, and returning them to the kernel costs page faults: 1,600 a
    step with the report's network, up to a tenth of the time.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_MMAP_THRESHOLD, 32 << 20)
        mallopt(_TOP_PAD, 64 << 20)


def autocast(device: torch.device, precision: Precision) -> Callable[[], AbstractContextManager[object]]:
    """Makes the context in which a forward pass runs at this precision; weights and optimizer stay float32."""
    if precision != "bf16":
        return nullcontext
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16)


def generator_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's own generators, which dropout draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_generators(device: torch.device, states: dict[str, torch.Tensor]) -> None:
    """Restore torch's global generators. Raises KeyError if the states are from another kind of device."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch or Python means that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)


def out_of_memory(device: str, batch_size: int) -> OutOfMemory:
    """The error for it, with a smaller batch size to try."""
    smaller = max(1, batch_size // 2)
    advice = f"Try batch {smaller}: --set training.batch_size={smaller}." if batch_size > 1 else "Try a smaller model."
    return OutOfMemory(f"Device {device} ran out of memory (batch {batch_size}).", advice=advice)
