"""The fork server: `python -m labtui.launch.fork_server.server` has the engine loaded and forks it for each run.

Loading the engine takes two seconds of a core per run, a fork takes 30 milliseconds. A process that starts several runs
keeps one fork server and sends it orders. For each order the server forks a process that becomes the supervisor of that
run, in a session of its own, and whose engine is a fork in turn. The run folder, the lock, the signals and the command
line in `ps` are the same as for a run that was started by itself. The server exits when its socket is closed; the runs
that it started continue.

The engine is loaded by its name and imported by no module here, as everywhere: this is the only process of the launcher
with torch in it. Forking is safe while the process has a single thread and has not used a GPU; otherwise the server
exits without answering, and its starter starts runs without it. It also exits when another version of labtui was
installed, because a fork would mix the two.
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

import labtui
from labtui.launch.fork_server import READY
from labtui.launch.launcher import SUPERVISOR
from labtui.launch.order import Order
from labtui.launch.provenance import versions
from labtui.launch.supervisor import ENGINE, supervise
from labtui.store.paths import RunPaths

PRELOADED = ("numpy.random", "labtui.engine.session")
"""What an engine imports, by name."""

MAX_ORDER_BYTES, MAX_ORDER_DESCRIPTORS = 1 << 17, 250

_PACKAGE = Path(labtui.__file__)
_TASKS, _DESCRIPTORS, _OOM = (Path("/proc/self", name) for name in ("task", "fd", "oom_score_adj"))
_OOM_SCORE = 50
"""Thousandths of all memory by which an engine looks larger than it is to a system that must kill a process for lack of
memory: its supervisor shares what was loaded and looks large too."""

_PR_SET_MM, _PR_SET_MM_MAP = 35, 14
_START_CODE, _END_CODE, _START_STACK, _START_DATA, _END_DATA, _START_BRK, _ENV_START, _ENV_END = (
    26, 27, 28, 45, 46, 47, 50, 51,
)  # fmt: skip
"""Fields of /proc/PID/stat, numbered from 1 as in proc(5)."""
_BRK, _SAME_PROGRAM = 5, 0xFFFFFFFF << 32
"""Of the kernel's struct prctl_mm_map: the index of brk, and its last word, which leaves vector and program alone."""

_titles: list[mmap.mmap] = []
"""The kernel reads from these, so they must not be freed."""


def main(engine: Sequence[str] = ENGINE, modules: Sequence[str] = PRELOADED) -> int:
    """Load the engine, then carry out orders until the socket is closed."""
    orders = socket.socket(fileno=0)
    installed = _installed()
    _load(modules)
    if len(list(_TASKS.iterdir())) > 1:
        return 1
    orders.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, MAX_ORDER_BYTES, MAX_ORDER_DESCRIPTORS)
        if not message or _installed() != installed:
            return 0
        child = os.fork()
        if child == 0:
            _supervise(orders, message, descriptors, engine)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)  # it exits at once and leaves a detached process behind


def _installed() -> tuple[int, int] | None:
    """Changes when labtui is installed again."""
    try:
        status = _PACKAGE.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _load(modules: Sequence[str]) -> None:
    """Import what every engine imports, and exempt it from garbage collection, so that forks share its memory."""
    threads = os.environ["OPENBLAS_NUM_THREADS"]
    # numpy's own OpenBLAS starts its threads when it is loaded. No engine uses it; torch has its own.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import_module("numpy")
    os.environ["OPENBLAS_NUM_THREADS"] = threads
    for module in modules:
        import_module(module)
    versions()  # so that the metadata of installed packages is cached too
    gc.collect()
    gc.freeze()


def _supervise(orders: socket.socket, message: bytes, descriptors: list[int], engine: Sequence[str]) -> NoReturn:
    """In the forked process: answer on the first descriptor, keep the others for the run, and be its supervisor."""
    try:
        orders.detach()
        answer, *slots = descriptors
        _redirect(os.open(os.devnull, os.O_RDONLY), 0)
        _redirect(answer, 1, 2)
        folder, _, encoded = message.partition(b"\0")
        order = msgspec.structs.replace(msgspec.json.decode(encoded, type=Order), slots=tuple(slots))
        retitle([sys.executable, *SUPERVISOR, os.fsdecode(folder), encoded.decode()])
        supervise(RunPaths(Path(os.fsdecode(folder))), order, engine, _run_engine)
    except BaseException:  # noqa: BLE001 (no exception may leave a forked process)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _redirect(descriptor: int, *standard: int) -> None:
    for number in standard:
        os.dup2(descriptor, number)
    os.close(descriptor)


def _run_engine(command: Sequence[str], environment: Mapping[str, str], keep: Sequence[int]) -> NoReturn:
    """Run the engine of a command line in this very process, and undo what `exec` would have undone."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _close_all_but({0, 1, 2, *keep})
    os.environ.clear()
    os.environ.update(environment)
    retitle(command)
    with suppress(OSError):
        _OOM.write_text(str(min(1000, int(_OOM.read_text()) + _OOM_SCORE)))
    # The interpreter's normal exit would tear down torch, and no resource of the engine's own is open any more.
    os._exit(_run_module(command))


def _close_all_but(keep: set[int]) -> None:
    """Close all other descriptors, above all the run's lock, which is held by every process that has it open."""
    for descriptor in [int(path.name) for path in _DESCRIPTORS.iterdir()]:
        if descriptor not in keep:
            with suppress(OSError):  # the descriptor of the listing itself
                os.close(descriptor)


def _run_module(command: Sequence[str]) -> int:
    """Run the module that follows `-m` as Python would, and return its exit code."""
    module, *sys.argv[1:] = command[command.index("-m") + 1 :]
    code = 0
    try:
        run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exited:
        code = _exit_code(exited)
    except BaseException:  # noqa: BLE001 (reported as Python reports it)
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _exit_code(exited: SystemExit) -> int:
    if exited.code is None or isinstance(exited.code, int):
        return (exited.code or 0) & 0xFF
    sys.stderr.write(f"{exited.code}\n")
    return 1


def retitle(command: Sequence[str]) -> bool:
    """Make `ps` show this command line for this process; return whether that worked. Nothing depends on it.

    A forked process has the command line of its parent. On Linux the kernel shows what is between two addresses of the
    process; PR_SET_MM_MAP changes these, needs no privilege, and takes all the other addresses along unchanged.
    """
    if sys.platform != "linux":
        return False
    line = b"".join(os.fsencode(argument) + b"\0" for argument in command)
    title = mmap.mmap(-1, len(line), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    title.write(line)
    _titles.append(title)
    start = ctypes.addressof(ctypes.c_char.from_buffer(title))
    system = ctypes.CDLL(None)
    system.sbrk.restype = ctypes.c_size_t
    stat = Path("/proc/self/stat").read_bytes()
    # The name is in parentheses and may itself contain spaces; field 3, a letter, follows it.
    field = [0] * 4 + [int(value) for value in stat[stat.rindex(b")") + 1 :].split()[1:]]
    addresses = (ctypes.c_uint64 * 13)(
        *(field[number] for number in (_START_CODE, _END_CODE, _START_DATA, _END_DATA, _START_BRK)), 0,
        field[_START_STACK], start, start + len(line), field[_ENV_START], field[_ENV_END], 0, _SAME_PROGRAM,
    )  # fmt: skip
    addresses[_BRK] = system.sbrk(0)  # at the last moment, because an allocation moves it
    return not system.prctl(_PR_SET_MM, _PR_SET_MM_MAP, addresses, ctypes.sizeof(addresses), 0)


if __name__ == "__main__":
    sys.exit(main())
