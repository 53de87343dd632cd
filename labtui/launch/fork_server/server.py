"""The fork server: `python -m labtui.launch.fork_server.server` has the engine loaded and forks it for each run.

Loading the engine takes two seconds of a core for every run, a fork 30 milliseconds. Whoever starts several runs keeps
one such process beside it and hands it orders over a socket, which is its standard input. For each order it forks a
process that becomes the small parent of that run, in a session of its own, and whose engine is a fork in turn: the run
folder, the lock, the signals and the command line that `ps` shows are those of a run that was started cold. It ends
with the socket, and what it started goes on.

The engine is loaded by its name and imported by no module here, as everywhere: this is the one process that is a
launcher with torch in it. Forking it is safe while it has a single thread and has not touched a GPU; otherwise it ends
without having answered, and its starter starts cold.
"""

import ctypes
import gc
import mmap
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from runpy import run_module
from typing import NoReturn

import msgspec

from labtui.launch.launcher import PARENT
from labtui.launch.order import READY, Order
from labtui.launch.provenance import versions
from labtui.launch.supervisor import ENGINE, attend
from labtui.store.paths import RunPaths

LOADED = ("numpy.random", "labtui.engine.session")
"""What an engine imports, by name."""

MOST_BYTES, MOST_DESCRIPTORS = 1 << 17, 250
"""Of one order."""

_TASKS, _DESCRIPTORS, _OOM = (Path("/proc/self", name) for name in ("task", "fd", "oom_score_adj"))
_SOONER = 50
"""By how many thousandths of all memory an engine looks larger than it is to a system that has none left and must end
somebody: its small parent, which shares what was loaded, looks large too."""


def main(engine: Sequence[str] = ENGINE, modules: Sequence[str] = LOADED) -> int:
    """Load the engine, then carry out orders until nobody is left to give any."""
    orders = socket.socket(fileno=0)
    _load(modules)
    if len(list(_TASKS.iterdir())) > 1:
        return 1
    orders.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, MOST_BYTES, MOST_DESCRIPTORS)
        if not message:
            return 0
        child = os.fork()
        if child == 0:
            _attend(orders, message, descriptors, engine)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)  # it has ended at once, having left a detached process behind


def _load(modules: Sequence[str]) -> None:
    """Import what every engine imports, and keep it from being moved about, so that forks share its memory."""
    wanted = os.environ["OPENBLAS_NUM_THREADS"]
    # numpy's own OpenBLAS starts its threads when it is loaded. No engine uses it; torch brings its own.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import_module("numpy")
    os.environ["OPENBLAS_NUM_THREADS"] = wanted
    for module in modules:
        import_module(module)
    versions()  # the look-up of what is installed is remembered too
    gc.collect()
    gc.freeze()


def _attend(orders: socket.socket, message: bytes, descriptors: list[int], engine: Sequence[str]) -> NoReturn:
    """In the forked process: answer on the first descriptor, keep the others for the run, and be its small parent."""
    try:
        orders.detach()
        answer, *slots = descriptors
        _redirect(os.open(os.devnull, os.O_RDONLY), 0)
        _redirect(answer, 1, 2)
        folder, _, written = message.partition(b"\0")
        order = msgspec.json.decode(written, type=Order)
        retitle([sys.executable, *PARENT, os.fsdecode(folder), written.decode()])
        attend(RunPaths(Path(os.fsdecode(folder))), msgspec.structs.replace(order, slots=tuple(slots)), engine, _become)
    except BaseException:  # noqa: BLE001 (nothing may climb out of a forked process)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _redirect(descriptor: int, *standard: int) -> None:
    for number in standard:
        os.dup2(descriptor, number)
    os.close(descriptor)


def _become(command: Sequence[str], environment: Mapping[str, str], keep: Sequence[int]) -> NoReturn:
    """Be the engine of a command line in this very process, without what `exec` would have taken away."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _close_all_but({0, 1, 2, *keep})
    os.environ.clear()
    os.environ.update(environment)
    retitle(command)
    with suppress(OSError):
        _OOM.write_text(str(min(1000, int(_OOM.read_text()) + _SOONER)))
    # Not by way of the interpreter's end, which takes torch apart: nothing of the engine's own is open any more.
    os._exit(_run(command))


def _close_all_but(kept: set[int]) -> None:
    """Above all the run's lock: who has it open holds it."""
    for descriptor in [int(path.name) for path in _DESCRIPTORS.iterdir()]:
        if descriptor not in kept:
            with suppress(OSError):  # the listing's own
                os.close(descriptor)


def _run(command: Sequence[str]) -> int:
    """Run the module that follows `-m`, as Python would; its exit code."""
    module, *sys.argv[1:] = command[command.index("-m") + 1 :]
    code = 0
    try:
        run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = _code(left)
    except BaseException:  # noqa: BLE001 (told as Python tells it)
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _code(left: SystemExit) -> int:
    if left.code is None or isinstance(left.code, int):
        return (left.code or 0) & 0xFF
    sys.stderr.write(f"{left.code}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())


_PR_SET_MM, _PR_SET_MM_MAP = 35, 14
_START_CODE, _END_CODE, _START_STACK, _START_DATA, _END_DATA, _START_BRK, _ENV_START, _ENV_END = (
    26, 27, 28, 45, 46, 47, 50, 51,
)  # fmt: skip
"""Fields of /proc/PID/stat, counted from 1 as in proc(5)."""
_BRK, _SAME_PROGRAM = 5, 0xFFFFFFFF << 32
"""Of the kernel's struct prctl_mm_map: the place of brk, and its last word, which leaves vector and program alone."""

_shown: list[mmap.mmap] = []
"""What the kernel reads from now on, so it must stay."""


def retitle(command: Sequence[str]) -> bool:
    """Show this command line from now on; whether that worked. Where it does not, only people who look are misled."""
    if sys.platform != "linux":
        return False
    line = b"".join(os.fsencode(argument) + b"\0" for argument in command)
    shown = mmap.mmap(-1, len(line), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    shown.write(line)
    _shown.append(shown)
    start = ctypes.addressof(ctypes.c_char.from_buffer(shown))
    system = ctypes.CDLL(None)
    system.sbrk.restype = ctypes.c_size_t
    stat = Path("/proc/self/stat").read_bytes()
    # The name, in parentheses, may itself hold spaces; field 3, a letter, follows it.
    field = [0] * 4 + [int(value) for value in stat[stat.rindex(b")") + 1 :].split()[1:]]
    places = (ctypes.c_uint64 * 13)(
        *(field[number] for number in (_START_CODE, _END_CODE, _START_DATA, _END_DATA, _START_BRK)), 0,
        field[_START_STACK], start, start + len(line), field[_ENV_START], field[_ENV_END], 0, _SAME_PROGRAM,
    )  # fmt: skip
    places[_BRK] = system.sbrk(0)  # at the last moment: an allocation moves it
    return not system.prctl(_PR_SET_MM, _PR_SET_MM_MAP, places, ctypes.sizeof(places), 0)
