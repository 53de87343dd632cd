"""Six processes that claim one run again and again while they are killed at random: `rival_claimers.py FOLDER KILLS`.

Whoever holds the claim also takes a lock of the test's own; meeting another holder there is the failure looked for.
Prints the attempts that were claimed, one a line, and "two holders" for each such meeting.
"""

import fcntl
import os
import random
import signal
import sys
import time
from pathlib import Path

from labtui.launch.claim import Refusal, claim
from labtui.launch.launcher import next_attempt
from labtui.launch.order import Order
from labtui.store.paths import RunPaths


def claim_for_ever(paths: RunPaths, seed: int) -> None:
    chance = random.Random(seed)
    guard = os.open(paths.folder / "guard", os.O_RDWR | os.O_CREAT, 0o666)
    while True:
        number = next_attempt(paths)
        order = Order(attempt=number, device="cpu", threads=1, data_root="/", timeout=0.01)
        try:
            mine = claim(paths, order)
        except Refusal:
            continue
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.write(1, b"two holders\n")
        os.write(1, f"{number}\n".encode())
        time.sleep(chance.random() / 500)
        fcntl.flock(guard, fcntl.LOCK_UN)
        mine.lock.close()


def fork(paths: RunPaths, seed: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            claim_for_ever(paths, seed)
        finally:
            os._exit(1)
    return pid


def main(folder: str, kills: str) -> None:
    paths, chance = RunPaths(Path(folder)), random.Random(3)
    rivals = [fork(paths, seed) for seed in range(6)]
    for seed in range(int(kills)):
        time.sleep(chance.random() / 50)
        victim = rivals.pop(chance.randrange(len(rivals)))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        rivals.append(fork(paths, 6 + seed))
    for pid in rivals:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
