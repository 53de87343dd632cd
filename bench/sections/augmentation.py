"""Augmentation alone: the report's transforms on single PIL images, torchvision's v2 on batches, and labtui's."""

from collections.abc import Iterator
from typing import Any

from bench.harness import RaceResult, Settings, spread
from bench.process_contender import AS_ENGINE, ProcessContender
from bench.tables import Table, rates

PER_IMAGE = "torchvision, image by image"
OURS = "labtui, batch by batch"
PLAIN = "labtui, no transforms"
STEP = "training step alone, labtui fp32"


def tables(settings: Settings) -> Iterator[Table]:
    """One table, in images per second."""
    contenders = _contenders(settings)
    result = settings.race("augmentation", contenders)
    yield Table(
        title=f"Augmentation alone: flip, rotation, color jitter; {settings.threads} threads, {settings.device}",
        unit="images/s",
        figures=rates(result, [contender.name for contender in contenders], PER_IMAGE),
        reference=PER_IMAGE,
        notes=(
            f"From stored bytes to a batch of 128 float tensors, {settings.images}.",
            "v2 on a batch draws once for all images of the batch; the other two draw for each image.",
            f"labtui's transforms take {_share(result):.0%} of the training step on the same image.",
        ),
    )


def _contenders(settings: Settings) -> list[ProcessContender]:
    common: dict[str, Any] = {
        "data": str(settings.data) if settings.data else None,
        "threads": settings.threads,
        "device": settings.device,
        "batches": settings.size(100, 10),
    }
    step = {
        "threads": settings.threads, "device": settings.device, "precision": "fp32", "steps": settings.size(100, 10),
    }  # fmt: skip
    return [
        ProcessContender(PER_IMAGE, "augmentation:per_image", common),
        ProcessContender("torchvision v2, batch by batch", "augmentation:per_batch", common),
        ProcessContender(OURS, "augmentation:labtui", common, AS_ENGINE),
        ProcessContender(PLAIN, "augmentation:labtui", {**common, "plain": True}, AS_ENGINE),
        ProcessContender(STEP, "single_steps:as_in_labtui", step, AS_ENGINE),
    ]


def _share(result: RaceResult) -> float:
    """The time that the transforms add to reading an image, relative to its training step."""
    trios = zip(result.samples[OURS], result.samples[PLAIN], result.samples[STEP], strict=True)
    return spread([(ours.time - plain.time) / step.time for ours, plain, step in trios]).median
