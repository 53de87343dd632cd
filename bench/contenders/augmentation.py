"""Contenders that read augmented images: from stored bytes to a batch of floats, ready for a network."""

import torch
from PIL import Image
from torchvision.transforms import v2

from bench.contenders.report_loop import make_transform
from bench.harness import Round
from bench.inputs import load_images, make_spec
from bench.timing import time_device_work
from labtui.datasets.info import Images
from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.learner import make_input_transform
from labtui.engine.rng import shuffled
from labtui.spec import Augment, ColorJitter, HorizontalFlip, RunSpec

BATCH = 128


def per_image(data: str | None, threads: int, device: str, batches: int) -> Round:
    """torchvision's transforms on one PIL image after the other, collated like in a DataLoader."""
    torch.set_num_threads(threads)
    transform = make_transform(_augment(_spec()).transforms, None)
    arrays = load_images(data).train[: batches * BATCH].transpose(0, 2, 3, 1).copy()

    def read() -> float:
        for start in range(0, len(arrays), BATCH):
            batch = [transform(Image.fromarray(array)) for array in arrays[start : start + BATCH]]
            torch.stack(batch).to(device)
        return len(arrays)

    return lambda: time_device_work(read, device)


def per_batch(data: str | None, threads: int, device: str, batches: int) -> Round:
    """torchvision's v2 transforms on batches of bytes: fast, but with the same random parameters for a whole batch."""
    torch.set_num_threads(threads)
    transform = v2.Compose([*_v2(_augment(_spec())), v2.ToDtype(torch.float32, scale=True)])
    stored = torch.from_numpy(load_images(data).train[: batches * BATCH].copy()).to(device)

    def read() -> float:
        for batch in stored.split(BATCH):  # type: ignore[no-untyped-call]  # torch has no type here
            transform(batch)
        return len(stored)

    return lambda: time_device_work(read, device)


def labtui(data: str | None, threads: int, device: str, batches: int, *, plain: bool = False) -> Round:
    """labtui's transforms of whole batches, with random parameters per image; with `plain`, without transforms.

    Drawing the parameters of an epoch is included.
    """
    open_device(device, threads, "fp32")
    fraction = batches * BATCH / len(load_images(data).train)
    overrides = [f"data.train_fraction={fraction}", "data.augment.mode=replace"]
    spec = make_spec("network", overrides[:1]) if plain else make_spec("augmentation", overrides)
    samples = make_splits(_with_one_test_image(load_images(data)), spec, torch.device(device)).train
    to_floats = make_input_transform(None, torch.device(device))
    order = shuffled(len(samples), 0, "order", 1)

    def read() -> float:
        for images, _ in samples.for_epoch(0, "augment", 1).batches(order, BATCH):
            to_floats(images)
        return len(samples)

    return lambda: time_device_work(read, device)


def _spec() -> RunSpec:
    return make_spec("augmentation")


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


def _with_one_test_image(images: Images) -> Images:
    return Images(
        train=images.train, train_labels=images.train_labels, test=images.test[:1], test_labels=images.test_labels[:1]
    )
