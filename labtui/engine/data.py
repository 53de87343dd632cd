"""The images of a run on its device, as bytes, and how an epoch reads them.

Everything stays resident: a batch is an index, a conversion to float, and, for augmented samples, arithmetic on the
whole batch. Samples are numbered: the plain images first, then their augmented copies where these are appended.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from labtui.datasets.info import Images
from labtui.engine.augment import Augmentation, Drawn
from labtui.engine.rng import Purpose, shuffled, stream
from labtui.errors import UsageError
from labtui.spec import Augment, Data, Resize, RunSpec, held_out, samples_per_epoch

READ_AHEAD = {"cpu": 256, "cuda": 4096, "mps": 4096}
"""Samples, about, that are fetched and augmented together: on a GPU a launch costs more than its arithmetic."""


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Images and labels on the device, and how they are augmented when they are read."""

    images: Tensor
    """uint8, (n, h, w, channels): channels last in memory, as the network's first layer wants them."""
    labels: Tensor
    """int64, (n,)."""
    augmentation: Augmentation | None = None
    appended: bool = False
    """Whether the augmented images come after the plain ones, or in their place."""

    def __len__(self) -> int:
        return 2 * len(self.labels) if self.appended else len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a sample as it is read: (channels, h, w)."""
        height, width, channels = self.images.shape[1:]
        return self.augmentation.shape if self.augmentation else (channels, height, width)

    def draw(self, seed: int, purpose: Purpose, epoch: int) -> "Reading":
        """These samples with the random parameters of one epoch."""
        if self.augmentation is None:
            return Reading(self, ())
        return Reading(self, self.augmentation.draw(len(self.labels), stream(seed, purpose, epoch)))


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """Samples as one epoch reads them: the same sample read again is the same image."""

    samples: Samples
    drawn: Drawn

    def take(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Images (uint8, (n, channels, h, w), channels last in memory) and labels of samples (int64, on the CPU)."""
        samples, plain = self.samples, len(self.samples.labels)
        device = samples.labels.device
        rows = numbers.remainder(plain) if samples.appended else numbers
        places = rows.to(device)
        images = samples.images.index_select(0, places)
        if samples.augmentation is not None:
            images = self._augment(samples.augmentation, images, rows, numbers)
        return images.permute(0, 3, 1, 2), samples.labels.index_select(0, places)

    def _augment(self, augmentation: Augmentation, images: Tensor, rows: Tensor, numbers: Tensor) -> Tensor:
        if not self.samples.appended:
            drawn = tuple(parameters.index_select(0, rows) for parameters in self.drawn)
            return augmentation.apply(images.permute(0, 3, 1, 2), drawn).permute(0, 2, 3, 1)
        copies = (numbers >= len(self.samples.labels)).nonzero().flatten()
        if not len(copies):
            return images
        drawn = tuple(parameters.index_select(0, rows[copies]) for parameters in self.drawn)
        places = copies.to(images.device)
        augmented = augmentation.apply(images.index_select(0, places).permute(0, 3, 1, 2), drawn)
        return images.index_copy_(0, places, augmented.permute(0, 2, 3, 1))

    def batches(self, order: Tensor, batch_size: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The samples in the order given, from batch `start` (from 0) on; the last batch may be smaller."""
        if start * batch_size >= len(order):
            return  # torch splits nothing into one empty batch
        together = batch_size * max(1, READ_AHEAD[self.samples.labels.device.type] // batch_size)
        for some in order[start * batch_size :].split(together):  # type: ignore[no-untyped-call]  # torch has no type here
            images, labels = self.take(some)
            yield from zip(images.split(batch_size), labels.split(batch_size), strict=True)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, eq=False, slots=True)
class Division:
    """What a run trains on, what it looks at after every epoch, and what it is judged by at the end."""

    train: Samples
    watched: Samples
    """The report's test set, or the images that the standard protocol holds out."""
    test: Samples
    """The plain test images."""


def divide(images: Images, spec: RunSpec, device: torch.device) -> Division:
    """Bring a data set to the device and divide it as the protocol says.

    Raises UsageError where plain and augmented images would differ in size.
    """
    train = _resident(images.train, images.train_labels, device)
    test = _resident(images.test, images.test_labels, device)
    kept, held = _hold_out(spec, train)
    share = samples_per_epoch(spec, len(train)) // (2 if _appends(spec.data.augment) else 1)
    first = Samples(kept.images[:share], kept.labels[:share])
    return Division(
        train=_augmented(first, spec.data, random=True),
        watched=_augmented(test if held is None else held, spec.data, random=_on_test(spec.data.augment)),
        test=_augmented(test, spec.data, random=False),
    )


def _hold_out(spec: RunSpec, train: Samples) -> tuple[Samples, Samples | None]:
    """The training images less those held out: a fixed choice, whatever the run's seed."""
    count = held_out(spec.protocol, len(train))
    if not count:
        return train, None
    order = shuffled(len(train), 0, "held out").to(train.labels.device)
    held, kept = order[:count].sort().values, order[count:].sort().values
    return _chosen(train, kept), _chosen(train, held)


def _chosen(samples: Samples, numbers: Tensor) -> Samples:
    return Samples(samples.images[numbers], samples.labels[numbers])


def _augmented(samples: Samples, data: Data, *, random: bool) -> Samples:
    """The samples with their transforms; without `random`, only those that make every image of one size."""
    if data.augment is None:
        return samples
    chosen = data.augment.transforms
    if not random:
        chosen = tuple(transform for transform in chosen if isinstance(transform, Resize))
    augmentation = Augmentation(chosen, samples.shape)
    appended = random and _appends(data.augment)
    if appended and augmentation.shape != samples.shape:
        raise UsageError(
            f"data.augment.transforms: images resized to {augmentation.shape[1]} pixels cannot be appended to plain "
            f"ones of {samples.shape[1]}.",
            advice='Use mode = "replace", or a resize to the images\' own size.',
        )
    return replace(samples, augmentation=augmentation if augmentation.steps else None, appended=appended)


def _appends(augment: Augment | None) -> bool:
    return augment is not None and augment.mode == "append"


def _on_test(augment: Augment | None) -> bool:
    return augment is not None and augment.test


def _resident(images: object, labels: object, device: torch.device) -> Samples:
    pixels = torch.as_tensor(images, dtype=torch.uint8).permute(0, 2, 3, 1).contiguous()
    return Samples(pixels.to(device), torch.as_tensor(labels, dtype=torch.int64).to(device))
