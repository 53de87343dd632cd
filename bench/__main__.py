"""`python -m bench [SECTION]...`: measure, print the tables, write JSON."""

import argparse
import importlib
import json
import os
import platform
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.harness import Progress as ShowsProgress
from bench.harness import Settings, Skipped
from bench.process_contender import ROOT
from bench.tables import Table, to_json, to_text

SECTIONS = {
    "training": "training, plain and augmented: the report's loop, DataLoader workers, Lightning, labtui, upper bounds",
    "augmentation": "augmentation alone: torchvision per image, torchvision v2 per batch, labtui",
    "evaluation": "the test after an epoch",
    "lab": "the report's 13 runs, by its own loops and by `labtui run --all`",
    "startup": "the time from process start to the first optimizer step",
    "recording": "the share of the training time spent on logging and checkpoints",
    "reader": "reading event files, compared with tensorboard's reader; polling them",
    "growth": "how cost grows with images, runs on disk, points, and runs at once",
    "console": "the console: first paint, CPU, output, latency of keys and points; compared with wandb leet",
}
"""Each is a module of `bench.sections` with a function `tables`."""

ROUNDS, QUICK_ROUNDS = 7, 3

VERSIONS = ("torch", "torchvision", "numpy", "textual", "lightning", "wandb")

CPU_FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512-BF16", "amx_bf16": "AMX-BF16"}
"""Flags of /proc/cpuinfo that decide the speed of a matrix product."""


def main(arguments: Sequence[str]) -> int:
    """Run the requested sections and return the exit code."""
    options = parser().parse_args(arguments)
    # On SIGTERM the children must end too: the exception runs all their `finally` blocks.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.list:
        print(section_list())
        return 0
    facts = machine_facts()
    print(describe(facts), flush=True)
    report: dict[str, Any] = {"machine": facts, "arguments": list(arguments), "sections": {}}
    with make_progress() as progress:
        settings = make_settings(options, progress, facts["cores"])
        for name in options.sections or SECTIONS:
            report["sections"][name] = run_section(name, settings)
            facts["load_after"] = round(os.getloadavg()[0], 2)
            if options.json:  # after each section: an interrupted bench keeps its results
                options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def run_section(name: str, settings: Settings) -> dict[str, Any]:
    """Run one section and print its tables as they are ready. Returns them as plain values."""
    began = time.perf_counter()
    tables: list[dict[str, Any]] = []
    make_tables: Callable[[Settings], Iterator[Table]] = importlib.import_module(f"bench.sections.{name}").tables
    try:
        for table in make_tables(settings):
            print(f"\n{to_text(table)}", flush=True)
            tables.append(to_json(table))
    except Skipped as reason:
        print(f"\n{name} skipped: {reason}", flush=True)
        return {"skipped": str(reason), "tables": tables}
    return {"seconds": round(time.perf_counter() - began, 1), "tables": tables}


def make_settings(options: argparse.Namespace, progress: ShowsProgress, cores: int) -> Settings:
    """The settings that the command line asks for."""
    from labtui import datasets

    root = datasets.find_data_root(options.data, cwd=ROOT, environ=os.environ)
    return Settings(
        rounds=options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS),
        quick=options.quick,
        threads=options.threads or cores,
        device=options.device,
        data=root if datasets.is_present("cifar10", root) else None,
        progress=progress,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the speed of labtui, compared with other programs.",
        epilog=f"sections:\n{textwrap.indent(section_list(), '  ')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION", help="what to measure (default: everything)")
    add("--list", action="store_true", help="list the sections and exit")
    add("--quick", action="store_true", help="small sizes and few rounds: a check that it works, not a measurement")
    add(
        "--rounds",
        type=int,
        metavar="N",
        help=f"rounds after the warm-up (default: {ROUNDS}; quick: {QUICK_ROUNDS})",
    )
    add("--threads", type=int, metavar="N", help="CPU threads of each contender (default: all cores)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="device to train on (default: cpu)")
    add("--data", type=Path, metavar="DIR", help="folder that contains CIFAR-10 (default: LABTUI_DATA, or ./data)")
    add("--json", type=Path, metavar="FILE", help="also write all rounds to this file")
    return made


def section_list() -> str:
    """A line for each section."""
    return "\n".join(f"{name:<14}{what}" for name, what in SECTIONS.items())


# --- Progress on standard error -----------------------------------------------------------------------------------


class LineProgress:
    """Prints a line for every measurement."""

    def __enter__(self) -> "LineProgress":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def update(self, description: str, done: int, total: int) -> None:
        """Print a line."""
        print(f"[{done}/{total}] {description}", file=sys.stderr, flush=True)


class BarProgress:
    """Shows a progress bar."""

    def __init__(self, console: Console) -> None:
        columns = (BarColumn(24), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "BarProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, description: str, done: int, total: int) -> None:
        """Update the bar."""
        self._progress.update(self._task, description=description, completed=done, total=total)


def make_progress() -> LineProgress | BarProgress:
    """A bar on a terminal, lines elsewhere."""
    console = Console(stderr=True)
    return BarProgress(console) if console.is_terminal else LineProgress()


# --- The machine --------------------------------------------------------------------------------------------------


def machine_facts() -> dict[str, Any]:
    """Processor, cores, memory, GPUs, versions and load; no host name, no user, no path."""
    import psutil

    from labtui import __version__
    from labtui.launch.devices import survey
    from labtui.launch.environment import usable_cores

    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": [device.title for device in survey().devices if device.kind != "cpu"],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"labtui": __version__, **{name: version for name in VERSIONS if (version := _version(name))}},
        "load_before": round(os.getloadavg()[0], 2),
    }


def describe(facts: dict[str, Any]) -> str:
    """The facts in two lines."""
    gpus = ", ".join(facts["gpus"]) or "no GPU"
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {gpus}; {facts['system']}, "
        f"load {facts['load_before']} before\nPython {facts['python']}, {versions}"
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """The model of the processor, and the extensions that decide its speed."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    known = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(known.get("flags", "").split())
    extensions = [name for flag, name in CPU_FLAGS.items() if flag in flags]
    name = known.get("model name", platform.machine())
    model = f"family {known.get('cpu family')} model {known.get('model')}" if "family" not in name else ""
    return ", ".join(filter(None, (name, model, " ".join(extensions))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
