"""The embedded data set: scikit-learn's digits (UCI, "Optical Recognition of Handwritten Digits", its test part).

1,797 grey images of 8x8 pixels with 17 levels become 3x32x32: each level v of 0..16 is round(255 v / 16), each pixel a
block of 4x4 (nearest neighbour), the three channels equal. The images are put into a fixed order, the permutation that
`numpy.random.RandomState(0)` draws (its stream never changes); the first 1,437 train, the other 360 test.
"""

import gzip
import hashlib
import importlib.util
import io
import zlib
from pathlib import Path

from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, fingerprint
from labtui.errors import MachineError

TRAIN_IMAGES = 1_437

_CSV = DataFile("digits.csv", 264_712, "a0339c30a8a5312a1b6f9e5c719dcce5")
_ADVICE = "Install it again: python -m pip install --force-reinstall --no-deps scikit-learn"


def packaged_file() -> Path | None:
    """Where scikit-learn keeps its copy; found without importing scikit-learn, which would take about a second."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return path if path.is_file() else None


def read(_folder: Path) -> Images:
    """1,437 training and 360 test images, made from the packaged file as described above."""
    import numpy as np  # deferred: a list of data sets does not need it

    table = np.loadtxt(io.BytesIO(_content()), delimiter=",", dtype=np.int64)
    table = table[np.random.RandomState(0).permutation(len(table))]
    levels = ((table[:, :-1] * 255 + 8) // 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    images = np.repeat(levels.repeat(4, axis=2).repeat(4, axis=3), 3, axis=1)
    labels = table[:, -1].copy()
    return Images(
        train=images[:TRAIN_IMAGES],
        train_labels=labels[:TRAIN_IMAGES],
        test=images[TRAIN_IMAGES:],
        test_labels=labels[TRAIN_IMAGES:],
    )


def _content() -> bytes:
    path = packaged_file()
    if path is None:
        raise MachineError("The embedded digits are missing: scikit-learn is not completely installed.", advice=_ADVICE)
    try:
        with gzip.open(path) as stream:
            content = stream.read(_CSV.size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MachineError(f"{path} cannot be read: {error}.", advice=_ADVICE) from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != _CSV.md5:
        raise MachineError(f"{path} is damaged: it does not contain the expected digits.", advice=_ADVICE)
    return content


SOURCE = DatasetSource(
    info=DatasetInfo(
        name="digits",
        title="Digits",
        group="Digits",
        classes=tuple("0123456789"),
        shape=(3, 32, 32),
        train_images=TRAIN_IMAGES,
        test_images=360,
        mean=(0.3054, 0.3054, 0.3054),
        std=(0.3736, 0.3736, 0.3736),
        embedded=True,
        fingerprint=fingerprint("digits", 1, (_CSV,)),
        download_bytes=0,
    ),
    read=read,
    embedded_file=packaged_file,
)
