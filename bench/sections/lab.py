"""The whole lab: the report's 13 runs by its own loops and by `labtui run --all`; and the same on digits."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands import Command
from bench.harness import RaceResult, Settings, race, ratios
from bench.process_contender import AS_ENGINE, ProcessContender
from bench.sections.startup import NO_DATA
from bench.tables import Figure, Table, times

EPOCHS = 10
REPORT = "report's loops, 1 epoch"
ONE, TWO = "labtui run --all --epochs 1 -j auto", "labtui run --all --epochs 2 -j auto"
EXTRAPOLATED = (
    f"Extrapolated from whole epochs: {EPOCHS} times the report's epoch with its test, without its start; "
    f"labtui's first epoch, with all starts and ends, plus {EPOCHS - 1} times what the second one adds."
)
COMPUTE, DIGITS = "pure compute, one process", "labtui run --all --dataset digits -j auto"


def tables(settings: Settings) -> Iterator[Table]:
    """The lab on CIFAR-10, extrapolated from whole epochs; and the lab on digits, complete."""
    if settings.data:
        yield _cifar(settings)
    else:
        yield Table(title="The 13 runs on CIFAR-10", unit="s", figures=(Figure(name="all", skipped=NO_DATA),))
    yield _digits(settings)


def _cifar(settings: Settings) -> Table:
    changes = ["data.train_fraction=0.04"] if settings.quick else []
    report = ProcessContender(
        REPORT,
        "lab:report",
        {"changes": changes, "data": str(settings.data), "threads": settings.threads, "device": settings.device},
    )
    ours = [Command(ONE, _run_command(settings, 1, changes)), Command(TWO, _run_command(settings, 2, changes))]
    rounds = max(1, settings.rounds // 3)
    result = race([report, *ours], rounds, settings.progress, "lab", warm_up=False)
    return Table(
        title=f"The 13 runs on CIFAR-10, {settings.device}",
        unit="s",
        figures=(*times(result, (REPORT, ONE, TWO), ""), *_extrapolated(result)),
        reference=_full_name("report's loops"),
        notes=(
            EXTRAPOLATED,
            *(
                ("Quick: 2,000 training images per run, so the start of a run counts far too much.",)
                if settings.quick
                else ()
            ),
        ),
    )


def _run_command(settings: Settings, epochs: int, changes: Sequence[str]) -> "_RunCommand":
    return _RunCommand(
        settings, ["--all", "--epochs", str(epochs), *(word for key in changes for word in ("--set", key))]
    )


class _RunCommand:
    """The arguments of Python for `labtui run` with a runs folder."""

    def __init__(self, settings: Settings, options: Sequence[str]) -> None:
        self.settings = settings
        self.options = options

    def __call__(self, runs: Path) -> Sequence[str]:
        data = ("--data", str(self.settings.data)) if self.settings.data else ()
        device = ("--device", self.settings.device)
        return ["-m", "labtui", "run", *self.options, "-j", "auto", "-q", *device, "--runs", str(runs), *data]


def _full_name(name: str) -> str:
    return f"{name}, {EPOCHS} epochs"


def _extrapolated(result: RaceResult) -> Iterator[Figure]:
    report = tuple(EPOCHS * sample.seconds for sample in result.samples[REPORT])
    pairs = zip(result.samples[ONE], result.samples[TWO], strict=True)
    ours = tuple(one.seconds + (EPOCHS - 1) * (two.seconds - one.seconds) for one, two in pairs)
    for name, values in (("report's loops", report), ("labtui", ours)):
        compared = ratios(values, report, lower_is_better=True)
        yield Figure(name=_full_name(name), values=values, ratios=compared, note="extrapolated")


def _digits(settings: Settings) -> Table:
    compute = ProcessContender(COMPUTE, "lab:compute", {"dataset": "digits", "threads": settings.threads}, AS_ENGINE)
    ours = Command(DIGITS, _RunCommand(settings, ["--all", "--dataset", "digits"]))
    result = race([compute, ours], max(1, settings.rounds // 2), settings.progress, "lab on digits")
    return Table(
        title="The 13 runs on the embedded digits, all 10 epochs",
        unit="s",
        figures=times(result, (COMPUTE, DIGITS), COMPUTE),
        reference=COMPUTE,
        notes=("The time of the whole command: processes, imports, folders, the comparison at the end.",),
    )
