"""From the start of a process to its first optimizer step."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands import FurtherRuns, ToFirstStep
from bench.harness import Contender
from bench.recipes import CIFAR, recipe
from bench.setting import Setting
from bench.tables import Table, times
from labtui.store.files import write_json
from labtui.store.paths import RunPaths
from labtui.store.records import Launch, SpecFile

SCRIPT = "a script such as the report's"
NO_DATA = "CIFAR-10 is not here (LABTUI_DATA, ./data)"


def tables(setting: Setting) -> Iterator[Table]:
    """One table, in seconds."""
    contenders = _contenders(setting)
    course = setting.race("startup", contenders)
    yield Table(
        title="Start of the process to its first optimizer step",
        unit="s",
        figures=times(course, [contender.name for contender in contenders], SCRIPT),
        reference=SCRIPT,
        notes=("Files are in the page cache. `import torch` alone is what every cold start pays.",),
    )


def _contenders(setting: Setting) -> list[Contender]:
    data = str(setting.data) if setting.data else "-"
    skip = "" if setting.data else NO_DATA

    def script(_: Path) -> tuple[Sequence[str], None]:
        return ["-m", "bench.first_step", data, str(setting.threads)], None

    def bare(_: Path) -> tuple[Sequence[str], None]:
        return ["-c", "import time, torch; print(time.time(), flush=True)"], None

    def engine(dataset: str) -> ToFirstStep:
        def prepare(folder: Path) -> tuple[Sequence[str], Path]:
            make_attempt(folder, dataset, data, setting.threads)
            return ["-m", "labtui.engine", str(folder)], folder

        return ToFirstStep(f"labtui's engine on {dataset}", prepare, skip if dataset == CIFAR else "")

    def command(folder: Path) -> tuple[Sequence[str], Path]:
        words = ["-m", "labtui", "run", "network", "-q", "--dataset", "digits", "--epochs", "1000", "--device", "cpu"]
        return [*words, "--runs", str(folder)], folder

    return [
        ToFirstStep(SCRIPT, script),
        ToFirstStep("import torch, and no step", bare),
        engine(CIFAR),
        engine("digits"),
        ToFirstStep("labtui run, on digits", command),
        FurtherRuns("a further run of the command, cold", forked=False),
        FurtherRuns("a further run, from the fork server", forked=True),
    ]


def make_attempt(folder: Path, dataset: str, data: str, threads: int) -> None:
    """A run folder with a first attempt that an engine can be started on."""
    paths = RunPaths(folder)
    files = paths.attempt(1)
    files.folder.mkdir(parents=True)
    spec = recipe("network", ["training.epochs=1000"], dataset)
    write_json(paths.spec, SpecFile(run_id="bench", created=time.time(), labtui="", spec=spec), durable=False)
    launch = Launch(attempt=1, host="bench", boot_id="", started=0.0, device="cpu", threads=threads, data_root=data)
    write_json(files.launch, launch, durable=False)
