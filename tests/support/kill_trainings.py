"""Kill trainings at random moments until enough kills are done, and report how every run ended.

Runs in a process of its own, so that it may fork: torch is imported once, every attempt is a forked child that gets
SIGKILL after a random time, and a run is resumed until an attempt gets to its end. The window in which a kill falls
grows while a run does not get on, so that every run ends. Writes one JSON line to stdout.
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from labtui.engine.trainer import Intervals
from labtui.spec import AdamW, Cnn, Cosine, Data, RunSpec, Sgd
from tests.support.training import AUGMENT, make_attempt, run_attempt, state_hash, tiny_images, tiny_spec

SPECS = {
    "report, dropout, augmented": tiny_spec(
        model=Cnn(dropout=(0.3, 0.2)), data=Data(name="cifar10", train_fraction=0.5, augment=AUGMENT)
    ),
    "standard, cosine, dropout": tiny_spec(
        protocol="standard",
        model=Cnn(dropout=(0.3, 0.2)),
        scheduler=Cosine(warmup_epochs=0.5),
        optimizer=AdamW(),
    ),
    "report, momentum": tiny_spec(optimizer=Sgd(lr=0.01, momentum=0.9)),
}
IMAGES = tiny_images()
EVERY_STEP = Intervals(log=0.0, save=0.0, save_share=1.0)
SOMETIMES = Intervals(log=0.0, save=0.03, save_share=1.0)


@dataclass
class Tried:
    """One run that was killed until it finished."""

    kind: str
    folder: str
    kills: int
    seconds: float
    state: str


def train(folder: Path, spec: RunSpec, intervals: Intervals, *, resume: bool) -> None:
    """In the child: one attempt."""
    result = run_attempt(make_attempt(folder, spec, resume=resume), IMAGES, intervals=intervals)
    if result.outcome != "finished":
        sys.stderr.write(f"{folder}: {result}\n")
        os._exit(1)


def forked(folder: Path, spec: RunSpec, intervals: Intervals, *, resume: bool) -> int:
    """The pid of a child that trains."""
    pid = os.fork()
    if pid == 0:
        try:
            train(folder, spec, intervals, resume=resume)
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{folder}: {type(error).__name__}: {error}\n")
        os._exit(2)
    return pid


def killed_until_finished(folder: Path, kind: str, intervals: Intervals, window: float, rng: random.Random) -> Tried:
    began, kills = time.monotonic(), 0
    while True:
        pid = forked(folder, SPECS[kind], intervals, resume=kills > 0)
        deadline = time.monotonic() + rng.uniform(0, window)
        while time.monotonic() < deadline:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                assert status == 0, (folder, status)
                return Tried(kind, str(folder), kills, time.monotonic() - began, state_hash(folder / "checkpoint.pt"))
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills, window = kills + 1, window * 1.1


def main(root: Path, kills: int, seed: int) -> None:
    torch.set_num_threads(1)
    os.fsync = lambda _: None  # a killed process loses nothing that it wrote: only a lost machine would
    rng = random.Random(seed)
    undisturbed = {}
    for kind, spec in SPECS.items():
        began = time.monotonic()
        folder = root / f"undisturbed {kind}"
        _, status = os.waitpid(forked(folder, spec, EVERY_STEP, resume=False), 0)
        assert status == 0
        undisturbed[kind] = Tried(kind, str(folder), 0, time.monotonic() - began, state_hash(folder / "checkpoint.pt"))
    tried: list[Tried] = []
    while sum(run.kills for run in tried) < kills:
        kind = list(SPECS)[len(tried) % len(SPECS)]
        intervals = (EVERY_STEP, SOMETIMES)[len(tried) // len(SPECS) % 2]
        window = undisturbed[kind].seconds * 0.5
        tried.append(killed_until_finished(root / f"killed {len(tried)}", kind, intervals, window, rng))
    answer = {"undisturbed": [vars(run) for run in undisturbed.values()], "killed": [vars(run) for run in tried]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
