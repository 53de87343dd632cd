"""Mean and standard deviation of a data set's images, by the report's definition and by the usual one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.datasets.info import DatasetInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CHUNK = 500
"""Images at a time: 12 MB of float64 for 3x32x32."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Per channel, of images in 0..1."""

    images: int
    mean: tuple[float, ...]
    """Over the images, of each image's own mean: the mean over all pixels too, since all images have one size."""
    std_of_images: tuple[float, ...]
    """Over the images, the mean of each image's own unbiased standard deviation: the figure to normalize with."""
    std_of_pixels: tuple[float, ...]
    """Over all pixels of all images: a different, larger figure."""


def image_statistics(images: "npt.NDArray[np.uint8]") -> Statistics:
    """Of uint8 images (n, channels, height, width), n at least 1, each of at least 2 pixels; sums in float64."""
    import numpy as np  # deferred: a list of data sets does not need it

    count, channels = images.shape[:2]
    means, deviations, squares = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    for start in range(0, count, _CHUNK):
        pixels = images[start : start + _CHUNK].reshape(-1, channels, images[0, 0].size) / np.float64(255)
        means += pixels.mean(axis=2).sum(axis=0)
        deviations += pixels.std(axis=2, ddof=1).sum(axis=0)
        squares += np.square(pixels).mean(axis=2).sum(axis=0)
    means, deviations, squares = means / count, deviations / count, squares / count
    return Statistics(
        images=count,
        mean=tuple(means.tolist()),
        std_of_images=tuple(deviations.tolist()),
        std_of_pixels=tuple(np.sqrt(squares - np.square(means)).tolist()),
    )


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """One line of `labtui data stats`: a figure per channel."""

    title: str
    values: tuple[float, ...]
    note: str = ""


def statistics_rows(info: DatasetInfo, statistics: Statistics) -> tuple[StatisticsRow, ...]:
    """The measured figures beside the registered ones; unrounded."""
    return (
        StatisticsRow("mean", statistics.mean, _against(statistics.mean, info.mean)),
        StatisticsRow("std", statistics.std_of_images, _against(statistics.std_of_images, info.std)),
        StatisticsRow("std of all pixels", statistics.std_of_pixels, "for comparison; not used"),
    )


def _against(found: tuple[float, ...], registered: tuple[float, ...]) -> str:
    same = len(found) == len(registered) and all(abs(a - b) < 1e-4 for a, b in zip(found, registered, strict=True))
    return "as registered" if same else f"registered: {', '.join(f'{value:.4f}' for value in registered)}"
