"""`python -m bench.leet_runs DIR COUNT STEPS`: offline runs for `wandb leet`, of six curves each, written by wandb."""

import importlib
import math
import os
import sys
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str]) -> None:
    """Write them; nothing is sent anywhere."""
    folder, count, steps = arguments[0], int(arguments[1]), int(arguments[2])
    os.environ |= {"WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    wandb: Any = importlib.import_module("wandb")
    quiet = wandb.Settings(x_disable_stats=True, console="off")
    for number in range(count):
        run = wandb.init(mode="offline", dir=folder, project="bench", name=f"run-{number}", settings=quiet)
        for step in range(steps):
            run.log({f"curve{place}": math.exp(-step / steps) for place in range(6)}, step=step)
        run.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
