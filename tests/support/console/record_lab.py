"""Records the runs of tests/assets/console-lab anew: `python -m tests.support.console.record_lab`.

The stub engine writes them at a fixed time, so that pictures of the console over them are the same on every machine.
"""

import itertools
import shutil
from pathlib import Path
from unittest import mock

import msgspec

from labtui import datasets
from labtui.api.resolve import on_dataset
from labtui.catalog import load
from labtui.spec import Training
from labtui.store.predictions import write_predictions
from labtui.store.store import Store
from tests.support.console.pages import SUMMARY, predictions
from tests.support.console.stub_engine import StubRun
from tests.support.processes import ROOT

LAB = ROOT / "tests" / "assets" / "console-lab"
BEGUN = 1_773_500_000.0
STEPS = 12
ENDS = {
    "network": (80.0, 81.0, 80.4),
    "dropout": (88.1, 88.9, 89.2),
    "adam@0.001": (91.5, 92.2, 91.9),
    "adam@0.01": (84.0,),
}


def record(root: Path) -> None:
    """Finished runs of every experiment but one, which diverged; one more was stopped."""
    clock = (BEGUN + 60 * minute for minute in itertools.count())
    store = Store(root)
    for name, ends in ENDS.items():
        for seed, end in enumerate(ends):
            one = _begun(store, name, seed, next(clock))
            one.end, one.rate = end, 90.0
            run = one.advance(one.total).finish()
            result = msgspec.json.decode(run.paths.result.read_bytes())
            result["model"] = msgspec.to_builtins(SUMMARY)
            run.paths.result.write_bytes(msgspec.json.encode(result))
            write_predictions(run.paths.predictions, predictions(end, seed))
    bad = _begun(store, "l1", 0, next(clock)).advance(2 * STEPS, nan_from=20)
    bad.finish("diverged", "the loss is NaN at step 20", diverged_step=20)
    _begun(store, "adam@0.01", 1, next(clock)).advance(STEPS + 4).finish("stopped", "stopped by request")


def _begun(store: Store, name: str, seed: int, now: float) -> StubRun:
    (variant,) = load(LAB / "experiments.toml", datasets=("digits",)).select([name])
    spec = on_dataset(variant.spec, datasets.get("digits"))
    spec = msgspec.structs.replace(spec, seed=seed, training=Training(epochs=3, log_every=3))
    name = f"s{seed}-{int(now)}"
    with mock.patch("time.time", return_value=now), mock.patch("time.strftime", return_value=name):
        run = store.create(spec, data_fingerprint=datasets.get("digits").fingerprint, planned_steps=3 * STEPS)
    with mock.patch.multiple("tests.support.console.stub_engine", host=lambda: "workstation", boot_id=lambda: "boot"):
        return StubRun(run, steps_per_epoch=STEPS, started=now).begin(alive=False)


if __name__ == "__main__":
    shutil.rmtree(LAB / "runs", ignore_errors=True)
    record(LAB / "runs")
