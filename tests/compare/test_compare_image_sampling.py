"""How far a difference holds on other test images: coverage where the truth is known."""

import numpy as np
import pytest

from labtui.compare.image_sampling import seeds_by_images
from labtui.compare.statistics import bounds, paired

IMAGES = 400

# Standard deviations, in points of a single image's difference: between seeds, between images, of images within a seed;
# and how much of the seeds' noise both networks share.
WORLDS = {
    "seeds alike, images alike within a seed": (0.3, 30.0, 5.0),
    "seeds alike, images vary within a seed": (0.3, 30.0, 40.0),
    "seeds vary, images alike within a seed": (3.0, 30.0, 5.0),
    "seeds vary, images vary within a seed": (3.0, 30.0, 40.0),
    "seeds vary half as much, as with shared seeds": (1.9, 30.0, 40.0),
    "images vary half as much, as with shared mistakes": (1.0, 12.0, 25.0),
    "nothing but noise of single images": (0.0, 0.0, 50.0),
}


@pytest.mark.parametrize("tries", [1_500, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_covers_the_difference_on_new_images(world, seeds, tries):
    between_seeds, between_images, within = WORLDS[world]
    random = np.random.default_rng(21)
    hits = 0
    for chunk in np.array_split(np.arange(tries), max(1, tries // 500)):
        shape = (len(chunk), seeds, IMAGES)
        d = random.normal(0, 1, (len(chunk), seeds, 1)) * between_seeds
        d = d + random.normal(0, 1, (len(chunk), 1, IMAGES)) * between_images + random.normal(0, 1, shape) * within
        low, high = bounds(seeds_by_images(d))
        hits += int(((low <= 0) & (high >= 0)).sum())
    sampling = 3 * 100 * (0.05 * 0.95 / tries) ** 0.5
    assert 100 * hits / tries >= 94.0 - sampling
    if between_seeds or between_images:
        assert 100 * hits / tries <= 97.5 + sampling


def test_an_interval_over_seeds_alone_is_too_narrow_for_new_images():
    random = np.random.default_rng(22)
    d = random.normal(0, 30, (1_000, 1, IMAGES)) + random.normal(0, 40, (1_000, 5, IMAGES))
    low, high = bounds(paired(d.mean(axis=-1)))
    assert 100 * float(((low <= 0) & (high >= 0)).mean()) < 92


def test_the_mean_is_the_difference_of_the_accuracies():
    right = np.random.default_rng(23).random((2, 3, 50)) < 0.6
    d = 100.0 * (right[0].astype(int) - right[1].astype(int))
    assert float(seeds_by_images(d).delta) == pytest.approx(100 * (right[0].mean() - right[1].mean()))


def test_one_seed_or_one_image_says_nothing_about_others():
    for shape in ((1, 50), (3, 1)):
        with pytest.raises(ValueError, match="two seeds and two images"):
            seeds_by_images(np.zeros(shape))
