"""The test after an epoch: the report's loop, its DataLoader with workers, labtui, and the forward pass alone."""

from collections.abc import Iterator
from typing import Any

from bench.contenders import AS_ENGINE, Apart
from bench.setting import Setting
from bench.tables import Table, rates

REPORT = "report's test loop"
BATCHES = (
    "The report reads batches of 64; labtui asks in larger ones and forms the report's losses from those of the images."
)


def tables(setting: Setting) -> Iterator[Table]:
    """One table, in images a second."""
    contenders = _contenders(setting)
    course = setting.race("evaluation", contenders)
    yield Table(
        title=f"Testing a network, {setting.threads} threads, {setting.device}",
        unit="images/s",
        figures=rates(course, [contender.name for contender in contenders], REPORT),
        reference=REPORT,
        notes=(f"{setting.size(10_000, 1_000):,} plain test images, {setting.images}.", BATCHES),
    )


def _contenders(setting: Setting) -> list[Apart]:
    alone: dict[str, Any] = {
        "threads": setting.threads, "device": setting.device, "count": setting.size(10_000, 1_000),
    }  # fmt: skip
    common = {**alone, "data": str(setting.data) if setting.data else None}
    workers = setting.threads
    return [
        Apart(REPORT, "bench.evaluating:report", {**common, "workers": 0}),
        Apart(f"its DataLoader with {workers} workers", "bench.evaluating:report", {**common, "workers": workers}),
        Apart("labtui fp32", "bench.evaluating:labtui", {**common, "precision": "fp32"}, AS_ENGINE),
        Apart("labtui bf16", "bench.evaluating:labtui", {**common, "precision": "bf16"}, AS_ENGINE),
        Apart("forward alone, fp32", "bench.evaluating:forward", {**alone, "precision": "fp32"}, AS_ENGINE),
        Apart("forward alone, bf16", "bench.evaluating:forward", {**alone, "precision": "bf16"}, AS_ENGINE),
    ]
