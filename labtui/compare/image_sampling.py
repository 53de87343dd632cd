"""How far a difference holds on other test images, from the predictions that every run stores.

Seeds vary and so do test images; an interval over seeds alone covers the difference on these very images. The analysis
of variance of seeds x images (Dorfman, Berbaum and Metz, Investigative Radiology 27, 1992; Obuchowski and Rockette,
Communications in Statistics B 24, 1995; degrees of freedom after Hillis, Statistics in Medicine 26, 2007) adds what
another draw of as many test images would change.
"""

import numpy as np
from numpy.typing import ArrayLike

from labtui.compare.statistics import Estimate


def seeds_by_images(differences: ArrayLike) -> Estimate:
    """The mean of differences [..., seeds, images] for new seeds and new images alike.

    A difference is 100 * (right in the row - right in the baseline), in points; two seeds and two images at least.
    Raises ValueError below that. Var = [max(MS_seed, MS_err) + max(MS_image - MS_err, 0)] / (seeds * images), with
    degrees of freedom [...]² / (MS_seed² / (seeds - 1)).
    """
    d = np.asarray(differences, dtype=np.float64)
    n, m = d.shape[-2:]
    if n < 2 or m < 2:
        raise ValueError("at least two seeds and two images are needed")
    mean = d.mean(axis=(-2, -1))
    by_seed, by_image = d.mean(axis=-1), d.mean(axis=-2)
    ss_seed = m * ((by_seed - mean[..., None]) ** 2).sum(axis=-1)
    ss_image = n * ((by_image - mean[..., None]) ** 2).sum(axis=-1)
    ss_all = ((d - mean[..., None, None]) ** 2).sum(axis=(-2, -1))
    ms_seed, ms_image = ss_seed / (n - 1), ss_image / (m - 1)
    ms_error = np.maximum(ss_all - ss_seed - ss_image, 0) / ((n - 1) * (m - 1))
    bracket = np.maximum(ms_seed, ms_error) + np.maximum(ms_image - ms_error, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(ms_seed > 0, bracket**2 / (ms_seed**2 / (n - 1)), np.inf)
    return Estimate(mean, np.sqrt(bracket / (n * m)), freedom)
