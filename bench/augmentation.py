"""Augmentation alone: the report's transforms on single PIL images, torchvision's v2 on batches, and labtui's."""

from collections.abc import Iterator
from typing import Any

from bench.contenders import AS_ENGINE, Apart
from bench.harness import Course, spread
from bench.setting import Setting
from bench.tables import Table, rates

PER_IMAGE = "torchvision, image by image"
OURS = "labtui, batch by batch"
PLAIN = "labtui, no transforms"
STEP = "training step alone, labtui fp32"


def tables(setting: Setting) -> Iterator[Table]:
    """One table, in images a second."""
    contenders = _contenders(setting)
    course = setting.race("augmentation", contenders)
    yield Table(
        title=f"Augmentation alone: flip, rotation, colour jitter; {setting.threads} threads, {setting.device}",
        unit="images/s",
        figures=rates(course, [contender.name for contender in contenders], PER_IMAGE),
        reference=PER_IMAGE,
        notes=(
            f"From stored bytes to a batch of 128 float tensors, {setting.images}.",
            "v2 on a batch draws once for all images of the batch; the two others draw for each image.",
            f"labtui's transforms take {_share(course):.0%} of the training step on the same image.",
        ),
    )


def _contenders(setting: Setting) -> list[Apart]:
    common: dict[str, Any] = {
        "data": str(setting.data) if setting.data else None,
        "threads": setting.threads,
        "device": setting.device,
        "batches": setting.size(100, 10),
    }
    step = {
        "threads": setting.threads, "device": setting.device, "precision": "fp32", "steps": setting.size(100, 10),
    }  # fmt: skip
    return [
        Apart(PER_IMAGE, "bench.augmenting:per_image", common),
        Apart("torchvision v2, batch by batch", "bench.augmenting:per_batch", common),
        Apart(OURS, "bench.augmenting:labtui", common, AS_ENGINE),
        Apart(PLAIN, "bench.augmenting:labtui", {**common, "plain": True}, AS_ENGINE),
        Apart(STEP, "bench.steps:as_in_labtui", step, AS_ENGINE),
    ]


def _share(course: Course) -> float:
    """What the transforms add to reading an image, as a part of its training step."""
    trios = zip(course.samples[OURS], course.samples[PLAIN], course.samples[STEP], strict=True)
    return spread([(ours.time - plain.time) / step.time for ours, plain, step in trios]).median
