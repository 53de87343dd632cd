"""The whole lab: the report's 13 runs by its own loops and by `labtui run --all`; and the same on digits."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands import Command
from bench.contenders import AS_ENGINE, Apart
from bench.harness import Course, race, ratios
from bench.setting import Setting
from bench.startup import NO_DATA
from bench.tables import Figure, Table, times

EPOCHS = 10
REPORT = "report's loops, 1 epoch"
ONE, TWO = "labtui run --all --epochs 1 -j auto", "labtui run --all --epochs 2 -j auto"
EXTRAPOLATED = (
    f"Extrapolated from whole epochs: {EPOCHS} times the report's epoch with its test, its start left out; "
    f"labtui's first epoch, with every start and end, and {EPOCHS - 1} times what the second one adds."
)
COMPUTE, DIGITS = "pure compute, one process", "labtui run --all --dataset digits -j auto"


def tables(setting: Setting) -> Iterator[Table]:
    """The lab on CIFAR-10, extrapolated from whole epochs; the lab on digits, whole."""
    if setting.data:
        yield _cifar(setting)
    else:
        yield Table(title="The 13 runs on CIFAR-10", unit="s", figures=(Figure(name="all", skipped=NO_DATA),))
    yield _digits(setting)


def _cifar(setting: Setting) -> Table:
    changes = ["data.train_fraction=0.04"] if setting.quick else []
    report = Apart(
        REPORT,
        "bench.lab_epochs:report",
        {"changes": changes, "data": str(setting.data), "threads": setting.threads, "device": setting.device},
    )
    ours = [Command(ONE, _words(setting, 1, changes)), Command(TWO, _words(setting, 2, changes))]
    rounds = max(1, setting.rounds // 3)
    course = race([report, *ours], rounds, setting.progress, "lab", warm_up=False)
    return Table(
        title=f"The 13 runs on CIFAR-10, {setting.device}",
        unit="s",
        figures=(*times(course, (REPORT, ONE, TWO), ""), *_extrapolated(course)),
        reference=_ten("report's loops"),
        notes=(
            EXTRAPOLATED,
            *(("Quick: 2,000 training images a run, so starts weigh far too much.",) if setting.quick else ()),
        ),
    )


def _words(setting: Setting, epochs: int, changes: Sequence[str]) -> "_Words":
    return _Words(setting, ["--all", "--epochs", str(epochs), *(word for key in changes for word in ("--set", key))])


class _Words:
    """The words of `labtui run` for a runs folder."""

    def __init__(self, setting: Setting, words: Sequence[str]) -> None:
        self.setting = setting
        self.words = words

    def __call__(self, runs: Path) -> Sequence[str]:
        data = ("--data", str(self.setting.data)) if self.setting.data else ()
        device = ("--device", self.setting.device)
        return ["-m", "labtui", "run", *self.words, "-j", "auto", "-q", *device, "--runs", str(runs), *data]


def _ten(who: str) -> str:
    return f"{who}, {EPOCHS} epochs"


def _extrapolated(course: Course) -> Iterator[Figure]:
    report = tuple(EPOCHS * sample.seconds for sample in course.samples[REPORT])
    pairs = zip(course.samples[ONE], course.samples[TWO], strict=True)
    ours = tuple(one.seconds + (EPOCHS - 1) * (two.seconds - one.seconds) for one, two in pairs)
    for name, values in (("report's loops", report), ("labtui", ours)):
        compared = ratios(values, report, lower_is_better=True)
        yield Figure(name=_ten(name), values=values, ratios=compared, note="extrapolated")


def _digits(setting: Setting) -> Table:
    compute = Apart(COMPUTE, "bench.lab_epochs:compute", {"dataset": "digits", "threads": setting.threads}, AS_ENGINE)
    ours = Command(DIGITS, _Words(setting, ["--all", "--dataset", "digits"]))
    course = race([compute, ours], max(1, setting.rounds // 2), setting.progress, "lab on digits")
    return Table(
        title="The 13 runs on the embedded digits, all 10 epochs",
        unit="s",
        figures=times(course, (COMPUTE, DIGITS), COMPUTE),
        reference=COMPUTE,
        notes=("The command's time is all of it: processes, imports, folders, the comparison at the end.",),
    )
