"""The cost of recording: the share of the training time spent on event files and on checkpoints."""

from collections.abc import Iterator

from bench.harness import Settings
from bench.process_contender import AS_ENGINE, ProcessContender
from bench.tables import Table, times

EPOCHS = 3


def tables(settings: Settings) -> Iterator[Table]:
    """One table, in percent of the training time."""
    common = {
        "data": str(settings.data) if settings.data else None,
        "threads": settings.threads,
        "fraction": settings.size(100, 10) / 100,
        "epochs": EPOCHS,
    }
    contenders = [
        ProcessContender(part, "recording:share", {**common, "part": part}, AS_ENGINE)
        for part in ("logging", "checkpoints")
    ]
    rounds = max(1, settings.rounds // 2)
    result = settings.race("recording", contenders, rounds)
    images = round(50_000 * settings.size(100, 10) / 100)
    explanation = (
        f"A run of {EPOCHS} epochs of {images:,} images: four points a second and the report's curves, a checkpoint "
        "after every epoch, including its fsync. Training time excludes evaluating and saving."
    )
    yield Table(
        title=f"Cost of recording, {settings.threads} threads",
        unit="% of training",
        figures=times(result, [contender.name for contender in contenders], ""),
        notes=(explanation,),
    )
