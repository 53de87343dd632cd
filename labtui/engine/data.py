"""The images of a run on its device, as bytes, and how an epoch reads them.

The images stay on the device if they fit there: a batch is an index, a conversion to float and, for augmented
samples, arithmetic on the whole batch. Larger sets are read chunk by chunk, with the same result. Samples are numbered:
the plain images first, then their augmented copies if these are appended.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from labtui.datasets.info import Images
from labtui.datasets.own import OwnImages, Pixels
from labtui.engine.augment import Augmentation, DrawnParameters
from labtui.engine.device import free_memory
from labtui.engine.rng import Purpose, shuffled, stream
from labtui.engine.streamed import StreamedPixels
from labtui.errors import UsageError
from labtui.spec import Augment, Data, Resize, RunSpec, held_out, samples_per_epoch
from labtui.text.sizes import size

READ_AHEAD = {"cpu": 256, "cuda": 4096, "mps": 4096}
"""Samples, approximately, that are fetched and augmented together: on a GPU a launch costs more than its arithmetic."""


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Images and labels on the device, and how they are augmented when they are read."""

    images: Tensor | StreamedPixels
    """uint8, (n, h, w, channels): channels last in memory, as the network's first layer wants them."""
    labels: Tensor
    """int64, (n,)."""
    augmentation: Augmentation | None = None
    appended: bool = False
    """Whether the augmented images follow the plain ones instead of replacing them."""

    def __len__(self) -> int:
        return 2 * len(self.labels) if self.appended else len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a sample as it is read: (channels, h, w)."""
        height, width, channels = self.images.shape[1:]
        return self.augmentation.shape if self.augmentation else (channels, height, width)

    def for_epoch(self, seed: int, purpose: Purpose, epoch: int) -> "EpochSamples":
        """These samples with the random augmentation parameters of one epoch."""
        if self.augmentation is None:
            return EpochSamples(self, ())
        return EpochSamples(self, self.augmentation.draw(len(self.labels), stream(seed, purpose, epoch)))


@dataclass(frozen=True, eq=False, slots=True)
class EpochSamples:
    """Samples as one epoch reads them: reading the same sample twice gives the same image."""

    samples: Samples
    drawn: DrawnParameters

    def take(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Images and labels of the samples with these numbers (int64, on the CPU).

        Images are uint8, (n, channels, h, w), channels last in memory.
        """
        return next(self._taken([numbers]))

    def _taken(self, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """`take` of each chunk of numbers."""
        samples, plain = self.samples, len(self.samples.labels)
        device = samples.labels.device
        rows = [numbers.remainder(plain) if samples.appended else numbers for numbers in chunks]
        for numbers, row, read in zip(chunks, rows, _read(samples.images, rows, device), strict=True):
            images = read
            if samples.augmentation is not None:
                images = self._augment(samples.augmentation, images, row, numbers)
            yield images.permute(0, 3, 1, 2), samples.labels.index_select(0, row.to(device))

    def _augment(self, augmentation: Augmentation, images: Tensor, rows: Tensor, numbers: Tensor) -> Tensor:
        if not self.samples.appended:
            drawn = tuple(parameters.index_select(0, rows) for parameters in self.drawn)
            return augmentation.apply(images.permute(0, 3, 1, 2), drawn).permute(0, 2, 3, 1)
        copies = (numbers >= len(self.samples.labels)).nonzero().flatten()
        if not len(copies):
            return images
        drawn = tuple(parameters.index_select(0, rows[copies]) for parameters in self.drawn)
        indices = copies.to(images.device)
        augmented = augmentation.apply(images.index_select(0, indices).permute(0, 3, 1, 2), drawn)
        return images.index_copy_(0, indices, augmented.permute(0, 2, 3, 1))

    def batches(self, order: Tensor, batch_size: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The samples in the given order, starting with batch `start` (from 0); the last batch may be smaller."""
        if start * batch_size >= len(order):
            return  # torch splits nothing into one empty batch
        chunk_size = batch_size * max(1, READ_AHEAD[self.samples.labels.device.type] // batch_size)
        chunks = order[start * batch_size :].split(chunk_size)  # type: ignore[no-untyped-call]  # torch has no type here
        for images, labels in self._taken(chunks):
            yield from zip(images.split(batch_size), labels.split(batch_size), strict=True)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, eq=False, slots=True)
class Splits:
    """What a run trains on, what it evaluates after every epoch, and what it is tested on at the end."""

    train: Samples
    validation: Samples
    """The report's test set, or the images that the standard protocol holds out."""
    test: Samples
    """The plain test images."""


def _read(images: Tensor | StreamedPixels, rows: Sequence[Tensor], device: torch.device) -> Iterator[Tensor]:
    """The images of each list of rows, on the device: (k, h, w, channels)."""
    if isinstance(images, StreamedPixels):
        return (chunk.to(device) for chunk in images.chunks(rows))
    return (images.index_select(0, chunk.to(device)) for chunk in rows)


def make_splits(
    images: Images | OwnImages,
    spec: RunSpec,
    device: torch.device,
    *,
    room: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    folder: Path = Path(),
) -> Splits:
    """Copy a data set to the device and split it as the protocol says.

    A user's own images that need more than `room` bytes (default: half of the free memory) are read from the disk again
    in every epoch. `folder` is the catalog's. Raises UsageError if plain and augmented images would differ in size.
    """
    room = free_memory(device) // 2 if room is None else room
    if isinstance(images, OwnImages):
        needed = sum(math.prod(part.shape) for part in (images.train, images.test))
        streamed = needed > room
        if streamed:
            say(f"The images need {size(needed)}, more than fits into memory: they are read from the disk as needed.")
        train = _own(images.train, images.train_labels, device, streamed=streamed)
        test = _own(images.test, images.test_labels, device, streamed=streamed)
    else:
        train = _to_device(images.train, images.train_labels, device)
        test = _to_device(images.test, images.test_labels, device)
    remaining, held = _split_held_out(spec, train)
    count = samples_per_epoch(spec, len(train)) // (2 if _appends(spec.data.augment) else 1)
    first = Samples(remaining.images[:count], remaining.labels[:count])
    return Splits(
        train=_with_transforms(first, spec.data, folder, random=True),
        validation=_with_transforms(
            test if held is None else held, spec.data, folder, random=_augments_test(spec.data.augment)
        ),
        test=_with_transforms(test, spec.data, folder, random=False),
    )


def _split_held_out(spec: RunSpec, train: Samples) -> tuple[Samples, Samples | None]:
    """The training images without those held out, and those held out: a fixed choice, independent of the run's seed."""
    count = held_out(spec.protocol, len(train))
    if not count:
        return train, None
    order = shuffled(len(train), 0, "held out").to(train.labels.device)
    held, remaining = order[:count].sort().values, order[count:].sort().values
    return _subset(train, remaining), _subset(train, held)


def _subset(samples: Samples, numbers: Tensor) -> Samples:
    return Samples(samples.images[numbers], samples.labels[numbers])


def _with_transforms(samples: Samples, data: Data, folder: Path, *, random: bool) -> Samples:
    """The samples with their transforms; without `random`, only those that set the size of the images."""
    if data.augment is None:
        return samples
    transforms = data.augment.transforms
    if not random:
        transforms = tuple(transform for transform in transforms if isinstance(transform, Resize))
    augmentation = Augmentation(transforms, samples.shape, folder)
    appended = random and _appends(data.augment)
    if appended and augmentation.shape != samples.shape:
        raise UsageError(
            f"data.augment.transforms: images resized to {augmentation.shape[1]} pixels cannot be appended to plain "
            f"images of {samples.shape[1]} pixels.",
            advice='Use mode = "replace", or a resize to the original size.',
        )
    return replace(samples, augmentation=augmentation if augmentation.steps else None, appended=appended)


def _appends(augment: Augment | None) -> bool:
    return augment is not None and augment.mode == "append"


def _augments_test(augment: Augment | None) -> bool:
    return augment is not None and augment.test


def _own(pixels: Pixels, labels: object, device: torch.device, *, streamed: bool) -> Samples:
    """A part of a user's own images: read now, or when they are needed."""
    count = pixels.shape[0]
    source = StreamedPixels(pixels, torch.arange(count))
    on_device = torch.as_tensor(labels, dtype=torch.int64).to(device)
    if streamed:
        return Samples(source, on_device)
    chunks = list(source.chunks(torch.arange(count).split(READ_AHEAD["cpu"])))  # type: ignore[no-untyped-call]
    return Samples(torch.cat(chunks).to(device), on_device)


def _to_device(images: object, labels: object, device: torch.device) -> Samples:
    pixels = torch.as_tensor(images, dtype=torch.uint8).permute(0, 2, 3, 1).contiguous()
    return Samples(pixels.to(device), torch.as_tensor(labels, dtype=torch.int64).to(device))
