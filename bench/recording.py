"""What recording costs: the share of the training time that goes into event files and into checkpoints."""

from collections.abc import Iterator

from bench.contenders import AS_ENGINE, Apart
from bench.setting import Setting
from bench.tables import Table, times

EPOCHS = 3


def tables(setting: Setting) -> Iterator[Table]:
    """One table, in percent of the training time."""
    common = {
        "data": str(setting.data) if setting.data else None,
        "threads": setting.threads,
        "fraction": setting.size(100, 10) / 100,
        "epochs": EPOCHS,
    }
    contenders = [
        Apart(part, "bench.recording_run:share", {**common, "part": part}, AS_ENGINE)
        for part in ("logging", "checkpoints")
    ]
    rounds = max(1, setting.rounds // 2)
    course = setting.race("recording", contenders, rounds)
    images = round(50_000 * setting.size(100, 10) / 100)
    explained = (
        f"A run of {EPOCHS} epochs of {images:,} images: four points a second and the report's curves, a checkpoint "
        "after every epoch, its fsync included. Training time leaves evaluation and saving out."
    )
    yield Table(
        title=f"Cost of recording, {setting.threads} threads",
        unit="% of training",
        figures=times(course, [contender.name for contender in contenders], ""),
        notes=(explained,),
    )
