"""An engine without torch that does one thing: `fake_engine.py MODE RUN_DIR`.

Whatever the mode, it holds a lock of its own while it lives, so that a second engine in the folder is found out by the
kernel and not by luck; it leaves a trace if it runs without being recorded; and it appends its attempt and pid to
`engines.txt`.
"""

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path


def main(mode: str, folder: Path) -> None:
    attempt = max((folder / "attempts").iterdir(), key=lambda path: int(path.name))
    guard = os.open(folder / "engine.guard", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        (folder / f"two-engines-{os.getpid()}").touch()
    recorded = json.loads((attempt / "launch.json").read_bytes())["engine"]
    if not recorded or recorded["pid"] != os.getpid():
        (folder / f"unrecorded-{os.getpid()}").touch()
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN if mode == "refuse" else lambda number, _: asked.append(number))
    append(folder / "engines.txt", f"{int(attempt.name)} {os.getpid()}\n")
    MODES[mode](folder, attempt, asked)


def work(folder: Path, attempt: Path, asked: list[int]) -> None:
    """Work until asked to stop, in any of the ways an engine can be asked; then write result.json."""
    request = attempt / "requests" / "stop.json"
    # The parent as recorded: it may be gone before we first ask who it is.
    parent = json.loads((attempt / "launch.json").read_bytes())["parent"]["pid"]
    while not (asked or request.exists() or os.getppid() != parent):
        time.sleep(0.01)
    result(folder, attempt, "stopped")
    sys.exit(143 if asked else 0)


def brief(folder: Path, attempt: Path, _: list[int]) -> None:
    sys.stdout.write("worked\n")
    result(folder, attempt, "finished")


def broken(*_: object) -> None:
    raise ValueError("an error of the engine")


def crash(*_: object) -> None:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(*_: object) -> None:
    while True:
        time.sleep(1)


def flood(folder: Path, attempt: Path, _: list[int]) -> None:
    mebibyte = (b"x" * 63 + b"\n") * (1 << 14)
    for _ in range(200):
        os.write(1, mebibyte)
    os.write(1, b"the last line\n")
    result(folder, attempt, "finished")


def fill(folder: Path, *_: object) -> None:
    """Use up the disk and end."""
    with (folder / "filler").open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(512))


def family(folder: Path, attempt: Path, _: list[int]) -> None:
    """Leave children behind, one of them deaf to SIGTERM."""
    make_family(folder)
    result(folder, attempt, "finished")


def family_at_work(folder: Path, *_: object) -> None:
    """The same, but go on."""
    make_family(folder)
    refuse()


def make_family(folder: Path) -> None:
    children = folder / "children.txt"
    for reaction in (signal.SIG_DFL, signal.SIG_IGN):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, reaction)
            append(children, f"{os.getpid()}\n")
            refuse()
    while not children.exists() or len(children.read_text().split()) < 2:
        time.sleep(0.01)


def surroundings(folder: Path, attempt: Path, _: list[int]) -> None:
    descriptors = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    seen = {
        "environment": dict(os.environ),
        "argv": sys.argv,
        "pid": os.getpid(),
        "group": os.getpgrp(),
        "parent": os.getppid(),
        "parents_group": os.getpgid(os.getppid()),
        "session": os.getsid(0),
        "stdin": str(Path("/proc/self/fd/0").readlink()),
        "stdout": str(Path("/proc/self/fd/1").readlink()),
        "open": [str(path.readlink()) for path in descriptors],
    }
    (folder / "surroundings.json").write_text(json.dumps(seen))
    result(folder, attempt, "finished")


def result(folder: Path, attempt: Path, outcome: str) -> None:
    temporary = folder / f"result.json.{os.getpid()}"
    temporary.write_text(json.dumps({"attempt": int(attempt.name), "outcome": outcome}))
    temporary.replace(folder / "result.json")


def append(path: Path, line: str) -> None:
    with path.open("a") as stream:
        stream.write(line)


MODES = {
    "work": work,
    "brief": brief,
    "broken": broken,
    "crash": crash,
    "refuse": refuse,
    "flood": flood,
    "fill": fill,
    "family": family,
    "family_at_work": family_at_work,
    "surroundings": surroundings,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
