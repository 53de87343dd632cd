"""MNIST (LeCun, Cortes and Burges), in torchvision's layout.

28x28 grey images become 3x32x32: two black pixels on each side, the three channels equal.
"""

from pathlib import Path

from labtui.datasets.idx import read_idx
from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, Remote, fingerprint

_FILES = (
    DataFile("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    DataFile("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
    DataFile("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
    DataFile("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
)

REMOTE = Remote(
    folder="MNIST/raw",
    files=_FILES,
    bases=(
        # Both seen in torchvision, torchvision/datasets/mnist.py (MNIST.mirrors); the second is the origin.
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
)


def read(folder: Path) -> Images:
    """60,000 training and 10,000 test images, in the order of the files."""
    return read_idx(folder, _FILES)


SOURCE = DatasetSource(
    info=DatasetInfo(
        name="mnist",
        title="MNIST",
        group="Mnist",
        classes=tuple("0123456789"),
        shape=(3, 32, 32),
        train_images=60_000,
        test_images=10_000,
        # From the figures that are commonly published for the 28x28 pixels, mean 0.1307 and standard deviation 0.3081
        # over all pixels, and the black border: so this deviation is the one over all pixels.
        mean=(0.1001, 0.1001, 0.1001),
        std=(0.2752, 0.2752, 0.2752),
        embedded=False,
        fingerprint=fingerprint("mnist", 1, _FILES),
        download_bytes=sum(file.size for file in _FILES),
    ),
    read=read,
    remote=REMOTE,
)
