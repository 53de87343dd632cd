"""Augmentation on whole batches against PIL and torchvision, image by image."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from labtui.engine.augment import Augmentation
from labtui.engine.color_jitter import BRIGHTNESS, CONTRAST, HUE, SATURATION, Jitter, shift_hue
from labtui.engine.geometry import Crop, Flip, Rotate, gather_pixels
from labtui.engine.rng import stream
from labtui.spec import ColorJitter, HorizontalFlip, RandomCrop, Resize, Rotation

COUNT = 100


def pictures(count: int = COUNT, height: int = 32, width: int = 32, seed: int = 0) -> torch.Tensor:
    """Noise, smooth shades and extremes, as (n, 3, h, w): every colour and every kind of neighbourhood."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, height, width, 3), generator=generator, dtype=torch.uint8)
    ramp = torch.linspace(0, 255, height).view(1, -1, 1, 1).byte()
    images[count // 2 :] = images[count // 2 :] // 8 + ramp // 2
    images[0], images[1] = 0, 255
    return images.permute(0, 3, 1, 2)


def as_pil(images: torch.Tensor) -> list[Image.Image]:
    return [Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()) for image in images]


def as_tensor(images: list[Image.Image]) -> torch.Tensor:
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)


def levels_apart(one: torch.Tensor, other: torch.Tensor) -> int:
    return int((one.int() - other.int()).abs().max())


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (20, 33)])
def test_rotation_moves_the_same_pixels_as_pil(height: int, width: int) -> None:
    images = pictures(300, height, width)
    angles = torch.empty(300, dtype=torch.float64).uniform_(-10, 10, generator=torch.Generator().manual_seed(1))
    angles[:8] = torch.tensor([0.0, 10.0, -10.0, 1e-9, -1e-9, 45.0, 90.0, 180.0])
    rotate = Rotate(10, width, height)
    ours = gather_pixels(images, [(rotate, rotate.coefficients(angles))])
    assert torch.equal(
        ours, as_tensor([image.rotate(float(angle)) for image, angle in zip(as_pil(images), angles, strict=True)])
    )


def test_flip_mirrors_exactly_the_images_that_were_drawn() -> None:
    images = pictures()
    flip = Flip(0.5)
    drawn = flip.draw(COUNT, stream(0, "augment", 1))
    mirrored = drawn[:, 0].bool()
    expected = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    assert mirrored.any()
    assert not mirrored.all()
    assert torch.equal(gather_pixels(images, [(flip, drawn)]), expected)


def test_flip_then_rotation_is_one_gather_with_the_result_of_two() -> None:
    images = pictures()
    flip, rotate = Flip(0.5), Rotate(30, 32, 32)
    generator = stream(3, "augment")
    flips, turns = flip.draw(COUNT, generator), rotate.draw(COUNT, generator)
    for first, second in (((flip, flips), (rotate, turns)), ((rotate, turns), (flip, flips))):
        assert torch.equal(
            gather_pixels(images, [first, second]), gather_pixels(gather_pixels(images, [first]), [second])
        )


def test_crop_cuts_from_the_image_with_its_black_border() -> None:
    images = pictures()
    crop = Crop(4)
    drawn = crop.draw(COUNT, stream(0, "augment"))
    padded = torch.zeros(COUNT, 3, 40, 40, dtype=torch.uint8)
    padded[:, :, 4:36, 4:36] = images
    expected = [padded[i, :, 4 + y : 36 + y, 4 + x : 36 + x] for i, (x, y) in enumerate(drawn.tolist())]
    assert torch.equal(gather_pixels(images, [(crop, drawn)]), torch.stack(expected))


@pytest.mark.parametrize(
    ("kind", "enhancer"),
    [(BRIGHTNESS, ImageEnhance.Brightness), (CONTRAST, ImageEnhance.Contrast), (SATURATION, ImageEnhance.Color)],
)
@pytest.mark.parametrize("size", [32, 28])
def test_brightness_contrast_and_saturation_are_pils_to_the_level(kind: int, enhancer: type, size: int) -> None:
    images = pictures(height=size, width=size)
    drawn = torch.ones(COUNT, 8)
    drawn[:, HUE] = 0
    drawn[:, kind] = torch.empty(COUNT).uniform_(0, 2, generator=torch.Generator().manual_seed(2))
    drawn[:, 4:] = torch.arange(4)
    ours = Jitter(1, 1, 1, 0).apply(images, drawn)
    theirs = [enhancer(image).enhance(float(drawn[i, kind])) for i, image in enumerate(as_pil(images))]
    assert levels_apart(ours, as_tensor(theirs)) == 0


def test_hue_is_within_a_level_of_torchvisions_tensor_kernel() -> None:
    from torchvision.transforms.functional import adjust_hue

    images = pictures()
    turns = torch.empty(COUNT).uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(3))
    turns[2:5] = torch.tensor([0.0, 0.5, -0.5])
    planes = images.float().reshape(COUNT, 3, -1)
    shift_hue(planes, turns)
    ours = planes.view(COUNT, 3, 32, 32).byte()
    theirs = [adjust_hue(image, float(turn)) for image, turn in zip(images, turns, strict=True)]
    assert levels_apart(ours, torch.stack(theirs)) <= 1


def test_jitter_applies_the_four_in_the_order_drawn_for_each_image() -> None:
    from torchvision.transforms.functional import adjust_hue

    images = pictures(240)
    jitter = Jitter(0.3, 0.2, 0.2, 0.1)
    drawn = jitter.draw(240, stream(0, "augment"))
    assert len({tuple(order) for order in drawn[:, 4:].tolist()}) == math.factorial(4)

    def one_by_one(image: torch.Tensor, row: list[float]) -> torch.Tensor:
        for kind in map(int, row[4:]):
            if kind == HUE:
                image = adjust_hue(image, row[HUE])
            else:
                enhancer = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)[kind]
                image = as_tensor([enhancer(as_pil(image[None])[0]).enhance(row[kind])])[0]
        return image

    theirs = torch.stack([one_by_one(image, row) for image, row in zip(images, drawn.tolist(), strict=True)])
    difference = (jitter.apply(images, drawn).int() - theirs.int()).abs()
    # One level of hue before another blend can become two; what is not hue's rounding must be equal.
    assert int(difference.max()) <= 3
    assert float((difference == 0).float().mean()) > 0.95


def test_gray_images_are_not_colored() -> None:
    images = pictures()[:, :1]
    jitter = Jitter(0.0, 0.0, 0.5, 0.5)
    assert torch.equal(jitter.apply(images, jitter.draw(COUNT, stream(0, "augment"))), images)


@pytest.mark.parametrize("size", [16, 48])
def test_resize_is_within_a_level_of_pils_bilinear_filter(size: int) -> None:
    images = pictures()
    resized = Augmentation([Resize(size=size)], (3, 32, 32))
    ours = resized.apply(images, resized.draw(COUNT, stream(0, "augment")))
    theirs = as_tensor([image.resize((size, size), Image.Resampling.BILINEAR) for image in as_pil(images)])
    assert resized.shape == (3, size, size)
    assert levels_apart(ours, theirs) <= 1


def test_pixels_that_a_crop_made_black_stay_black_in_a_rotation() -> None:
    images = torch.full((COUNT, 3, 32, 32), 255, dtype=torch.uint8)
    both = Augmentation([RandomCrop(padding=8), Rotation(degrees=30)], (3, 32, 32))
    drawn = both.draw(COUNT, stream(0, "augment"))
    crop, rotate = Crop(8), Rotate(30, 32, 32)
    generator = stream(0, "augment")
    first = gather_pixels(images, [(crop, crop.draw(COUNT, generator))])
    assert torch.equal(both.apply(images, drawn), gather_pixels(first, [(rotate, rotate.draw(COUNT, generator))]))


def test_a_resize_to_the_images_own_size_does_nothing() -> None:
    assert Augmentation([Resize(size=32)], (3, 32, 32)).steps == []


def uniform(values: torch.Tensor, low: float, high: float) -> bool:
    """Whether a sample can come from the uniform distribution: Kolmogorov-Smirnov at the level 1e-4."""
    ordered = ((values.double() - low) / (high - low)).sort().values
    ideal = torch.arange(1, len(ordered) + 1, dtype=torch.float64) / len(ordered)
    return float((ordered - ideal).abs().max()) < 2.2 / math.sqrt(len(ordered)) and bool(
        (values >= low).all() and (values <= high).all()
    )


def test_parameters_are_drawn_from_the_declared_distributions() -> None:
    count = 20_000
    generator = stream(0, "augment", 1)
    jitter = Jitter(0.3, 0.2, 1.5, 0.1).draw(count, generator)
    for column, (low, high) in enumerate([(0.7, 1.3), (0.8, 1.2), (0.0, 2.5), (-0.1, 0.1)]):
        assert uniform(jitter[:, column], low, high)
    orders = jitter[:, 4:].long() @ torch.tensor([1000, 100, 10, 1])
    counts = orders.unique(return_counts=True)[1]
    assert len(counts) == 24
    assert float(((counts - count / 24) ** 2 / (count / 24)).sum()) < 60  # chi-squared, 23 degrees: p = 3e-5
    assert abs(float(Flip(0.3).draw(count, generator).float().mean()) - 0.3) < 0.015
    shifts = Crop(4).draw(count, generator)
    assert shifts.unique().tolist() == list(range(-4, 5))
    sines = -Rotate(10, 32, 32).draw(count, generator)[:, 3].double() / 65_536
    assert uniform(torch.rad2deg(torch.asin(sines)), -10.001, 10.001)


def test_a_pipeline_draws_the_same_for_a_sample_in_any_batch() -> None:
    transforms = [
        HorizontalFlip(),
        RandomCrop(),
        Rotation(degrees=10),
        ColorJitter(brightness=0.3, contrast=0.2, hue=0.1),
    ]
    images = pictures()
    pipeline = Augmentation(transforms, (3, 32, 32))
    drawn = pipeline.draw(COUNT, stream(5, "augment", 2))
    whole = pipeline.apply(images, drawn)
    some = torch.tensor([7, 3, 50, 99, 8])
    assert torch.equal(pipeline.apply(images[some], tuple(rows[some] for rows in drawn)), whole[some])
    again = pipeline.draw(COUNT, stream(5, "augment", 2))
    other = pipeline.draw(COUNT, stream(5, "augment", 3))
    assert all(torch.equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(drawn, other, strict=True))


def test_images_are_not_changed_in_place() -> None:
    images = pictures()
    before = images.clone()
    pipeline = Augmentation([HorizontalFlip(), ColorJitter(brightness=0.5, hue=0.2)], (3, 32, 32))
    pipeline.apply(images, pipeline.draw(COUNT, stream(0, "augment")))
    assert torch.equal(images, before)
