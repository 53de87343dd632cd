"""`python -m bench.contenders.leet_runs DIR COUNT STEPS`: write offline runs of six curves each with wandb."""

import importlib
import math
import os
import sys
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str]) -> None:
    """Write the runs; nothing is sent over the network."""
    folder, count, steps = arguments[0], int(arguments[1]), int(arguments[2])
    os.environ |= {"WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    wandb: Any = importlib.import_module("wandb")
    settings = wandb.Settings(x_disable_stats=True, console="off")
    for number in range(count):
        run = wandb.init(mode="offline", dir=folder, project="bench", name=f"run-{number}", settings=settings)
        for step in range(steps):
            run.log({f"curve{index}": math.exp(-step / steps) for index in range(6)}, step=step)
        run.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
