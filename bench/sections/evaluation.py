"""The test after an epoch: the report's loop, its DataLoader with workers, labtui, and the forward pass alone."""

from collections.abc import Iterator
from typing import Any

from bench.harness import Settings
from bench.process_contender import AS_ENGINE, ProcessContender
from bench.tables import Table, rates

REPORT = "report's test loop"
BATCHES = "The report uses batches of 64; labtui uses larger ones and computes the report's loss from per-image losses."


def tables(settings: Settings) -> Iterator[Table]:
    """One table, in images per second."""
    contenders = _contenders(settings)
    result = settings.race("evaluation", contenders)
    yield Table(
        title=f"Testing a network, {settings.threads} threads, {settings.device}",
        unit="images/s",
        figures=rates(result, [contender.name for contender in contenders], REPORT),
        reference=REPORT,
        notes=(f"{settings.size(10_000, 1_000):,} plain test images, {settings.images}.", BATCHES),
    )


def _contenders(settings: Settings) -> list[ProcessContender]:
    alone: dict[str, Any] = {
        "threads": settings.threads, "device": settings.device, "count": settings.size(10_000, 1_000),
    }  # fmt: skip
    common = {**alone, "data": str(settings.data) if settings.data else None}
    workers = settings.threads
    return [
        ProcessContender(REPORT, "evaluation:report", {**common, "workers": 0}),
        ProcessContender(
            f"its DataLoader with {workers} workers",
            "evaluation:report",
            {**common, "workers": workers},
        ),
        ProcessContender("labtui fp32", "evaluation:labtui", {**common, "precision": "fp32"}, AS_ENGINE),
        ProcessContender("labtui bf16", "evaluation:labtui", {**common, "precision": "bf16"}, AS_ENGINE),
        ProcessContender("forward alone, fp32", "evaluation:forward", {**alone, "precision": "fp32"}, AS_ENGINE),
        ProcessContender("forward alone, bf16", "evaluation:forward", {**alone, "precision": "bf16"}, AS_ENGINE),
    ]
