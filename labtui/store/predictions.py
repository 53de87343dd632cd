"""`predictions.npz`: what a trained network said about each plain test image, in data-set order."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labtui.store.files import DamagedFile, read_bytes, write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAP = 256 << 20
"""Bytes that are read at most, packed or unpacked: ten million images."""

ARRAYS = ("labels", "predicted", "log_probability")


class Predictions(NamedTuple):
    """Three arrays of one length."""

    labels: "NDArray[np.int64]"
    """The true classes."""
    predicted: "NDArray[np.int64]"
    """The classes of the highest logits."""
    log_probability: "NDArray[np.float32]"
    """Natural logarithm of the probability given to the true class."""


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Replace the file as a whole; OSError leaves the old one."""
    import numpy as np  # deferred: the console paints before it needs an array

    stream = io.BytesIO()
    np.savez(
        stream,
        labels=np.asarray(predictions.labels, dtype=np.int64),
        predicted=np.asarray(predictions.predicted, dtype=np.int64),
        log_probability=np.asarray(predictions.log_probability, dtype=np.float32),
    )
    write_bytes(path, stream.getvalue())


def read_predictions(path: Path) -> Predictions:
    """The arrays; no pickles are read. Raises FileNotFoundError, DamagedFile and other OSErrors."""
    import numpy as np

    content = read_bytes(path, CAP)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > CAP:
            raise DamagedFile(f"{path} unpacks to {size:,} bytes, more than the {CAP:,} that are read.")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            labels, predicted, log_probability = (np.asarray(arrays[name]) for name in ARRAYS)
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError, zlib.error) as fault:
        raise DamagedFile(f"{path} cannot be read: {fault}") from fault
    if labels.ndim != 1 or not labels.shape == predicted.shape == log_probability.shape:
        raise DamagedFile(f"{path} does not hold three lists of one length.")
    if labels.dtype.kind not in "iu" or predicted.dtype.kind not in "iu" or log_probability.dtype.kind != "f":
        raise DamagedFile(f"{path} does not hold classes and log-probabilities.")
    return Predictions(labels.astype(np.int64), predicted.astype(np.int64), log_probability.astype(np.float32))
