"""An engine without torch that does one thing: `stand_in_engine.py MODE RUN_DIR`.

Whatever the mode, it holds a lock of its own while it lives, so that a second engine in the folder is found out by the
kernel and not by luck, and it appends its attempt and pid to `engines.txt`.
"""

import fcntl
import json
import os
import signal
import sys
import time


def main(mode, folder):
    attempt = max(int(name) for name in os.listdir(os.path.join(folder, "attempts")))
    guard = os.open(os.path.join(folder, "engine.guard"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        open(os.path.join(folder, f"two-engines-{os.getpid()}"), "w").close()
    asked = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN if mode == "refuse" else lambda n, f: asked.append(n))
    with open(os.path.join(folder, "engines.txt"), "a") as stream:
        stream.write(f"{attempt} {os.getpid()}\n")
    MODES[mode](folder, attempt, asked)


def work(folder, attempt, asked):
    """Until told to stop, by whatever way an engine is told; then say so in result.json."""
    request = os.path.join(folder, "attempts", f"{attempt:03d}", "requests", "stop.json")
    parent = os.getppid()
    while not (asked or os.path.exists(request) or os.getppid() != parent):
        time.sleep(0.01)
    result(folder, attempt, "stopped")
    sys.exit(143 if asked else 0)


def brief(folder, attempt, asked):
    print("worked")
    result(folder, attempt, "finished")


def broken(folder, attempt, asked):
    raise ValueError("a fault of the engine")


def crash(folder, attempt, asked):
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(folder, attempt, asked):
    while True:
        time.sleep(1)


def flood(folder, attempt, asked):
    line = b"x" * 79 + b"\n"
    for _ in range(200):
        os.write(1, line * ((1 << 20) // 80))
    os.write(1, b"the last line\n")
    result(folder, attempt, "finished")


def family(folder, attempt, asked):
    """Leave children behind, one of them deaf to SIGTERM."""
    for deaf in (False, True):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else signal.SIG_DFL)
            with open(os.path.join(folder, "children.txt"), "a") as stream:
                stream.write(f"{os.getpid()}\n")
            while True:
                time.sleep(1)
    path = os.path.join(folder, "children.txt")
    while not os.path.exists(path) or len(open(path).read().split()) < 2:
        time.sleep(0.01)
    result(folder, attempt, "finished")


def family_at_work(folder, attempt, asked):
    """The same, but go on."""
    family(folder, attempt, asked)
    os.unlink(os.path.join(folder, "result.json"))
    refuse(folder, attempt, asked)


def surroundings(folder, attempt, asked):
    with open(os.path.join(folder, "surroundings.json"), "w") as stream:
        facts = {"environment": dict(os.environ), "argv": sys.argv, "group": os.getpgrp(), "pid": os.getpid()}
        facts |= {"parent": os.getppid(), "parents_group": os.getpgid(os.getppid()), "session": os.getsid(0)}
        facts |= {"stdin": os.readlink("/proc/self/fd/0"), "stdout": os.readlink("/proc/self/fd/1")}
        inherited = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        facts |= {"open": [os.readlink(path) for path in inherited if os.path.lexists(path)]}
        json.dump(facts, stream)
    result(folder, attempt, "finished")


def result(folder, attempt, outcome):
    path = os.path.join(folder, "result.json")
    with open(path + f".{os.getpid()}", "w") as stream:
        json.dump({"attempt": attempt, "outcome": outcome}, stream)
    os.replace(path + f".{os.getpid()}", path)


MODES = {
    "work": work,
    "brief": brief,
    "broken": broken,
    "crash": crash,
    "refuse": refuse,
    "flood": flood,
    "family": family,
    "family_at_work": family_at_work,
    "surroundings": surroundings,
}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
