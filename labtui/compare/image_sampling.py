"""How far a difference holds on other test images, from the predictions that every run stores.

Seeds vary and so do test images; an interval over seeds alone covers the difference on these very images. The analysis
of variance of seeds x images (Dorfman, Berbaum and Metz, Investigative Radiology 27, 1992; Obuchowski and Rockette,
Communications in Statistics B 24, 1995; degrees of freedom much as in Hillis, Statistics in Medicine 26, 2007) adds
what another draw of as many test images would change. Where a seed means the same on both sides, the analysis is that
of the paired differences; else each side has its own seeds, and the images are common to both.
"""

import numpy as np
from numpy.typing import ArrayLike

from labtui.compare.statistics import Estimate, Numbers, few_and_unequal

TOO_FEW = "at least two seeds and two images are needed"


def other_images(ours: ArrayLike, theirs: ArrayLike, *, pairs: bool) -> Estimate:
    """The difference in points of two recipes, ours - theirs, for new seeds and new images alike.

    Each side is an array [..., seeds, images] of which images each network classifies correctly, 0 or 1, the images
    being the same. `pairs` says whether a seed means the same on both sides, of which there are then as many. Raises
    ValueError below two seeds or two images.
    """
    here, there = (100.0 * np.asarray(side, dtype=np.float64) for side in (ours, theirs))
    return seeds_by_images(here - there) if pairs else _apart(here, there)


def _apart(here: Numbers, there: Numbers) -> Estimate:
    """The same analysis with seeds of its own on each side: the variances of both add up, the images' is common."""
    if min(here.shape[-2], there.shape[-2], here.shape[-1]) < 2:
        raise ValueError(TOO_FEW)
    parts = [_seeds_within(side) for side in (here, there)]
    images = here.shape[-1]
    by_image = here.mean(axis=-2) - there.mean(axis=-2)
    error = sum(ms_error / seeds for _, ms_error, seeds in parts)
    of_images = np.maximum(by_image.var(axis=-1, ddof=1) - error, 0) / images
    of_seeds = [np.maximum(ms_seed, ms_error) / (seeds * images) for ms_seed, ms_error, seeds in parts]
    total = of_images + of_seeds[0] + of_seeds[1]
    measured = [ms_seed / (seeds * images) for ms_seed, _, seeds in parts]
    counts = [seeds for *_, seeds in parts]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = measured[0] / (measured[0] + measured[1])
        each = share**2 / (counts[0] - 1) + (1 - share) ** 2 / (counts[1] - 1)
        own = np.where(few_and_unequal(counts), min(counts) - 1.0, 1 / each)
    freedom = _freedom(measured[0] + measured[1], total, own)
    return Estimate(by_image.mean(axis=-1), np.sqrt(total), freedom)


def _seeds_within(side: Numbers) -> tuple[Numbers, Numbers, int]:
    """The mean squares of one side [..., seeds, images], of seeds and of the rest, and the number of seeds."""
    ms_seed, _, ms_error = _mean_squares(side)
    return ms_seed, ms_error, side.shape[-2]


def seeds_by_images(differences: ArrayLike) -> Estimate:
    """The mean of differences [..., seeds, images] for new seeds and new images alike.

    A difference is 100 * (right in the row - right in the baseline), in points. Raises ValueError below two seeds or
    two images. The variance is
    [max(MS_seed, MS_err) + max(MS_image - MS_err, 0)] / (seeds * images).
    """
    d = np.asarray(differences, dtype=np.float64)
    n, m = d.shape[-2:]
    if n < 2 or m < 2:
        raise ValueError(TOO_FEW)
    ms_seed, ms_image, ms_error = _mean_squares(d)
    bracket = np.maximum(ms_seed, ms_error) + np.maximum(ms_image - ms_error, 0)
    freedom = _freedom(ms_seed, bracket, n - 1.0)
    return Estimate(d.mean(axis=(-2, -1)), np.sqrt(bracket / (n * m)), freedom)


def _freedom(seeds: Numbers, total: Numbers, own: ArrayLike) -> Numbers:
    """Degrees of freedom of a variance of which the part `seeds` has `own` ones and the rest is well known.

    Hillis (2007) takes own * (total / seeds)². Where that part happens to be small those are too many: with three seeds
    that vary more than the images the interval covers the truth in 92 of 100 cases. The part therefore counts
    1 + 4 / own times here. That leaves Hillis's number where there are many seeds, and `own` where only seeds vary.
    """
    degrees = np.asarray(own, dtype=np.float64)
    weighed = (1 + 4 / degrees) * seeds
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weighed / (weighed + np.maximum(total - seeds, 0))
        return np.where(seeds > 0, degrees / share**2, np.inf)


def _mean_squares(d: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """The mean squares of values [..., seeds, images]: of seeds, of images, and of the rest."""
    n, m = d.shape[-2:]
    mean = d.mean(axis=(-2, -1))
    by_seed, by_image = d.mean(axis=-1), d.mean(axis=-2)
    ss_seed = m * ((by_seed - mean[..., None]) ** 2).sum(axis=-1)
    ss_image = n * ((by_image - mean[..., None]) ** 2).sum(axis=-1)
    ss_all = ((d - mean[..., None, None]) ** 2).sum(axis=(-2, -1))
    rest = np.maximum(ss_all - ss_seed - ss_image, 0)
    return ss_seed / (n - 1), ss_image / (m - 1), rest / ((n - 1) * (m - 1))
