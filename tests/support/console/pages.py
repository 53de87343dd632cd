"""Runs for the tests of the whole screens: believable records with predictions, and the parts of a page by name."""

from pathlib import Path

import msgspec
import numpy as np
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from labtui import datasets
from labtui.api import Lab
from labtui.api.resolve import on_dataset
from labtui.console.data.snapshot import Snapshot
from labtui.spec import RunSpec, Training
from labtui.store.predictions import Predictions, write_predictions
from labtui.store.records import ModelSummary
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.console.app import ConsoleUnderTest, lab_at
from tests.support.console.stub_engine import StubRun

WIDE, NARROW = (160, 48), (80, 24)
SIZES = {False: ((220, 60), (80, 24), (30, 10), (2, 1)), True: ((110, 30), (20, 6))}
"""What every screen must fit, by whether it is drawn in ASCII alone."""

SUMMARY = ModelSummary(
    parameters=199_860,
    flops_per_image=6_300_000,
    layers=(("conv1", "Conv2d 3x32x32 -> 16x32x32", 448), ("pool", "MaxPool2d", 0), ("fc3", "Linear 84 -> 10", 850)),
)


def spec_of(lab: Lab, name: str, seed: int = 0, **changes: object) -> RunSpec:
    """The spec of a variant of the lab's catalog as it would run, two epochs long."""
    (variant,) = lab.catalog.select([name])
    resolved = on_dataset(variant.spec, datasets.get(variant.spec.data.name))
    own = {"training": Training(epochs=2, log_every=3)} | changes
    return msgspec.structs.replace(resolved, seed=seed, **own)


def begun(lab: Lab, name: str, seed: int = 0, **changes: object) -> StubRun:
    """A run with its first points, still active; the caller releases it."""
    run = lab.store.create(spec_of(lab, name, seed, **changes), planned_steps=24)
    return StubRun(run, steps_per_epoch=12)


def done(lab: Lab, name: str, seed: int = 0, *, accuracy: float | None = None, **changes: object) -> Run:
    """A finished run with predictions, of this final accuracy in percent."""
    one = begun(lab, name, seed, **changes).begin(alive=False)
    one.end = one.end if accuracy is None else accuracy
    run = one.advance(24).finish()
    result = msgspec.json.decode(run.paths.result.read_bytes())
    result["model"] = msgspec.to_builtins(SUMMARY)
    run.paths.result.write_bytes(msgspec.json.encode(result))
    write_predictions(run.paths.predictions, predictions(one.end, seed))
    return run


def predictions(accuracy: float, seed: int) -> Predictions:
    """360 digits, so many percent of them right; wrong ones are taken for the next class."""
    labels = np.arange(360) % 10
    right = np.random.default_rng(seed).permutation(360) < round(3.6 * accuracy)
    return Predictions(labels, np.where(right, labels, (labels + 1) % 10), np.full(360, -0.5, dtype=np.float32))


def compared_lab(folder: Path) -> Lab:
    """Three seeds of each of two experiments, one of a third."""
    lab = lab_at(folder)
    for seed, accuracy in enumerate((80.0, 81.0, 80.4)):
        done(lab, "network", seed, accuracy=accuracy)
        done(lab, "dropout", seed, accuracy=accuracy + 6 + seed / 10)
    done(lab, "adam@0.01", accuracy=70.0)
    return lab


async def opened(app: ConsoleUnderTest, pilot, count: int) -> None:
    """Wait until the main screen has so many runs, all of them over or under way, and every curve that it wants."""
    await app.settled(pilot, lambda shot: _all_there(shot, count))


def _all_there(shot: Snapshot, count: int) -> bool:
    return len(shot.runs) == count and not shot.pending and all(run.state is not State.STARTING for run in shot.runs)


async def scroll_wheel(app: ConsoleUnderTest, pilot: Pilot, over: Widget, *, down: bool, times: int = 1) -> None:
    """Turn the mouse wheel over the middle of a widget, as the terminal's driver reports it."""
    x, y = over.region.center
    kind = events.MouseScrollDown if down else events.MouseScrollUp
    for _ in range(times):
        app.post_message(kind(None, int(x), int(y), 0, 0, 0, False, False, False, int(x), int(y)))
        await pilot.pause()
