"""The time from process start to the first optimizer step."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands import FurtherRuns, ToFirstStep
from bench.harness import Contender, Settings
from bench.inputs import CIFAR, make_spec
from bench.tables import Table, times
from labtui.store.files import write_json
from labtui.store.paths import RunPaths
from labtui.store.records import Launch, SpecFile

SCRIPT = "a script like the report's"
NO_DATA = "CIFAR-10 is not available (LABTUI_DATA, ./data)"


def tables(settings: Settings) -> Iterator[Table]:
    """One table, in seconds."""
    contenders = _contenders(settings)
    result = settings.race("startup", contenders)
    yield Table(
        title="Process start to first optimizer step",
        unit="s",
        figures=times(result, [contender.name for contender in contenders], SCRIPT),
        reference=SCRIPT,
        notes=("Files are in the page cache. Every cold start includes `import torch`.",),
    )


def _contenders(settings: Settings) -> list[Contender]:
    data = str(settings.data) if settings.data else "-"
    skip = "" if settings.data else NO_DATA

    def script(_: Path) -> tuple[Sequence[str], None]:
        return ["-m", "bench.contenders.first_step", data, str(settings.threads)], None

    def bare(_: Path) -> tuple[Sequence[str], None]:
        return ["-c", "import time, torch; print(time.time(), flush=True)"], None

    def engine(dataset: str) -> ToFirstStep:
        def prepare(folder: Path) -> tuple[Sequence[str], Path]:
            make_attempt(folder, dataset, data, settings.threads)
            return ["-m", "labtui.engine", str(folder)], folder

        return ToFirstStep(f"labtui's engine on {dataset}", prepare, skip if dataset == CIFAR else "")

    def command(folder: Path) -> tuple[Sequence[str], Path]:
        arguments = [
            "-m",
            "labtui",
            "run",
            "network",
            "-q",
            "--dataset",
            "digits",
            "--epochs",
            "1000",
            "--device",
            "cpu",
        ]
        return [*arguments, "--runs", str(folder)], folder

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
    """Create a run folder with a first attempt, ready for an engine."""
    paths = RunPaths(folder)
    files = paths.attempt(1)
    files.folder.mkdir(parents=True)
    spec = make_spec("network", ["training.epochs=1000"], dataset)
    write_json(paths.spec, SpecFile(run_id="bench", created=time.time(), labtui="", spec=spec), durable=False)
    launch = Launch(attempt=1, host="bench", boot_id="", started=0.0, device="cpu", threads=threads, data_root=data)
    write_json(files.launch, launch, durable=False)
