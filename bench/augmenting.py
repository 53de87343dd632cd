"""Contenders that read augmented images: from stored bytes to a batch of floats, as a network takes it."""

import torch
from PIL import Image
from torchvision.transforms import v2

from bench.clock import timed
from bench.harness import Round
from bench.images import images
from bench.recipes import recipe
from bench.report_loop import pipeline
from labtui.datasets.info import Images
from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.learner import make_input_transform
from labtui.engine.rng import shuffled
from labtui.spec import Augment, ColorJitter, HorizontalFlip, RunSpec

BATCH = 128


def per_image(data: str | None, threads: int, device: str, batches: int) -> Round:
    """torchvision's transforms on one PIL image after the other, collated as a DataLoader does."""
    torch.set_num_threads(threads)
    transform = pipeline(_augment(_spec()).transforms, None)
    arrays = images(data).train[: batches * BATCH].transpose(0, 2, 3, 1).copy()

    def read() -> float:
        for start in range(0, len(arrays), BATCH):
            some = [transform(Image.fromarray(array)) for array in arrays[start : start + BATCH]]
            torch.stack(some).to(device)
        return len(arrays)

    return lambda: timed(read, device)


def per_batch(data: str | None, threads: int, device: str, batches: int) -> Round:
    """torchvision's v2 transforms on batches of bytes: fast, but with one draw for all images of a batch."""
    torch.set_num_threads(threads)
    transform = v2.Compose([*_v2(_augment(_spec())), v2.ToDtype(torch.float32, scale=True)])
    stored = torch.from_numpy(images(data).train[: batches * BATCH].copy()).to(device)

    def read() -> float:
        for batch in stored.split(BATCH):  # type: ignore[no-untyped-call]  # torch has no type here
            transform(batch)
        return len(stored)

    return lambda: timed(read, device)


def labtui(data: str | None, threads: int, device: str, batches: int, *, plain: bool = False) -> Round:
    """labtui's reading of whole batches, a draw of its own for every image; with `plain`, the same without transforms.

    The draws of an epoch are part of it.
    """
    open_device(device, threads, "fp32")
    share = batches * BATCH / len(images(data).train)
    changes = [f"data.train_fraction={share}", "data.augment.mode=replace"]
    spec = recipe("network", changes[:1]) if plain else recipe("augmentation", changes)
    samples = make_splits(_fewer(images(data)), spec, torch.device(device)).train
    prepare = make_input_transform(None, torch.device(device))
    order = shuffled(len(samples), 0, "order", 1)

    def read() -> float:
        for some, _ in samples.for_epoch(0, "augment", 1).batches(order, BATCH):
            prepare(some)
        return len(samples)

    return lambda: timed(read, device)


def _spec() -> RunSpec:
    return recipe("augmentation")


def _augment(spec: RunSpec) -> Augment:
    assert spec.data.augment is not None
    return spec.data.augment


def _v2(augment: Augment) -> list[torch.nn.Module]:
    chain: list[torch.nn.Module] = []
    for step in augment.transforms:
        match step:
            case HorizontalFlip(p=p):
                chain.append(v2.RandomHorizontalFlip(p))
            case ColorJitter(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue):
                chain.append(v2.ColorJitter(brightness, contrast, saturation, hue))
            case _ if hasattr(step, "degrees"):
                chain.append(v2.RandomRotation(step.degrees))
            case _ if hasattr(step, "size"):
                chain.append(v2.Resize(step.size))
    return chain


def _fewer(of: Images) -> Images:
    return Images(train=of.train, train_labels=of.train_labels, test=of.test[:1], test_labels=of.test_labels[:1])
