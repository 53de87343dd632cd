"""`predictions.npz`: what a trained network predicted for each plain test image, in the order of the data set."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labtui.store.files import DamagedFile, read_bytes, write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_BYTES = 256 << 20
"""Limit for the file, compressed or not: ten million images."""

ARRAYS = ("labels", "predicted", "log_probability")


class Predictions(NamedTuple):
    """Three arrays of the same length."""

    labels: "NDArray[np.int64]"
    """The true classes."""
    predicted: "NDArray[np.int64]"
    """The classes of the highest logits."""
    log_probability: "NDArray[np.float32]"
    """Natural logarithm of the probability of the true class."""


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Replace the whole file. Raises OSError; the old file is then unchanged."""
    import numpy as np  # deferred: the console draws its first screen without it

    stream = io.BytesIO()
    np.savez(
        stream,
        labels=np.asarray(predictions.labels, dtype=np.int64),
        predicted=np.asarray(predictions.predicted, dtype=np.int64),
        log_probability=np.asarray(predictions.log_probability, dtype=np.float32),
    )
    write_bytes(path, stream.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Read the arrays, without pickles. Raises FileNotFoundError, DamagedFile and other OSErrors."""
    import numpy as np

    content = read_bytes(path, MAX_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > MAX_BYTES:
            raise DamagedFile(f"{path} unpacks to {size:,} bytes, more than the limit of {MAX_BYTES:,}.")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            labels, predicted, log_probability = (np.asarray(arrays[name]) for name in ARRAYS)
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError, zlib.error) as error:
        raise DamagedFile(f"{path} cannot be read: {error}") from error
    if labels.ndim != 1 or not labels.shape == predicted.shape == log_probability.shape:
        raise DamagedFile(f"{path} does not contain three arrays of the same length.")
    if labels.dtype.kind not in "iu" or predicted.dtype.kind not in "iu" or log_probability.dtype.kind != "f":
        raise DamagedFile(f"{path} does not contain classes and log-probabilities.")
    return Predictions(labels.astype(np.int64), predicted.astype(np.int64), log_probability.astype(np.float32))
