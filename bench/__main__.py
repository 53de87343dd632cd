"""`python -m bench [SECTION]...`: measure, print the tables, write JSON."""

import argparse
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.contenders import ROOT
from bench.harness import Progress, Skipped
from bench.machine import described, machine
from bench.progress import shown
from bench.setting import Setting
from bench.show import text
from bench.tables import Table, as_json

SECTIONS = {
    "training": "training, plain and augmented: report's loop, DataLoader workers, Lightning, labtui, the ceilings",
    "augmentation": "augmentation alone: torchvision per image, its v2 per batch, labtui",
    "evaluation": "the test after an epoch",
    "lab": "the report's 13 runs, by its loops and by labtui run --all",
    "startup": "start of the process to the first optimizer step",
    "recording": "the share of the training time that logging and checkpoints take",
    "reader": "event files in comparison with tensorboard's reader, and polls",
    "growth": "how cost grows: images, runs on disk, points, runs at once",
    "console": "the console: first paint, processor, traffic, keys, points; wandb leet",
}
"""Each is a module of this package with a function `tables`."""

ROUNDS, QUICK_ROUNDS = 7, 3


def main(arguments: Sequence[str]) -> int:
    """Run the sections asked for and return the exit code."""
    options = parser().parse_args(arguments)
    # A bench that is asked to exit ends its children too: the exception passes all their `finally` blocks.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.list:
        print("\n".join(f"{name:<14}{what}" for name, what in SECTIONS.items()))
        return 0
    facts = machine()
    print(described(facts), flush=True)
    report: dict[str, Any] = {"machine": facts, "arguments": list(arguments), "sections": {}}
    with shown() as progress:
        setting = setting_of(options, progress, facts["cores"])
        for name in options.sections or SECTIONS:
            report["sections"][name] = measured(name, setting)
            facts["load_after"] = round(os.getloadavg()[0], 2)
            if options.json:  # after each section: a bench that is cut off leaves what it has
                options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def measured(name: str, setting: Setting) -> dict[str, Any]:
    """Run one section, print its tables as they come; the same as plain values."""
    began = time.perf_counter()
    tables: list[dict[str, Any]] = []
    run: Callable[[Setting], Iterator[Table]] = importlib.import_module(f"bench.{name}").tables
    try:
        for table in run(setting):
            print(f"\n{text(table)}", flush=True)
            tables.append(as_json(table))
    except Skipped as reason:
        print(f"\n{name} skipped: {reason}", flush=True)
        return {"skipped": str(reason), "tables": tables}
    return {"seconds": round(time.perf_counter() - began, 1), "tables": tables}


def setting_of(options: argparse.Namespace, progress: Progress, cores: int) -> Setting:
    """How to measure, as asked."""
    from labtui import datasets

    root = datasets.find_data_root(options.data, cwd=ROOT, environ=os.environ)
    return Setting(
        rounds=options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS),
        quick=options.quick,
        threads=options.threads or cores,
        device=options.device,
        data=root if datasets.is_present("cifar10", root) else None,
        progress=progress,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench", description="How fast labtui is, beside its peers.")
    made.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION", help="all, if none is named")
    made.add_argument("--list", action="store_true", help="name the sections")
    made.add_argument("--quick", action="store_true", help="small sizes and few rounds: a look, not a measurement")
    made.add_argument("--rounds", type=int, help=f"rounds after the warm-up (default {ROUNDS}; quick {QUICK_ROUNDS})")
    made.add_argument("--threads", type=int, help="CPU threads of each contender (default: all cores)")
    made.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="what to train on")
    made.add_argument("--data", type=Path, help="the folder with CIFAR-10 (default: LABTUI_DATA, ./data)")
    made.add_argument("--json", type=Path, metavar="FILE", help="write every round there")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
