"""Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747), in torchvision's layout.

28x28 grey images become 3x32x32: two black pixels on each side, the three channels equal.
"""

from pathlib import Path

from labtui.datasets.idx import read_idx
from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, Remote, fingerprint

_TRAIN_IMAGES = DataFile("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d")
_TRAIN_LABELS = DataFile("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe")
_TEST_IMAGES = DataFile("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79")
_TEST_LABELS = DataFile("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310")
_FILES = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)

REMOTE = Remote(
    folder="FashionMNIST/raw",
    files=_FILES,
    bases=(
        # Seen in torchvision, torchvision/datasets/mnist.py (FashionMNIST.mirrors).
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        # Seen in Keras, keras/src/datasets/fashion_mnist.py.
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        # The authors' own repository, zalandoresearch/fashion-mnist, folder data/fashion.
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
)


def read(folder: Path) -> Images:
    """60,000 training and 10,000 test images, in the order of the files."""
    return read_idx(folder, _FILES)


SOURCE = DatasetSource(
    info=DatasetInfo(
        name="fashion-mnist",
        title="Fashion-MNIST",
        group="Fashion",
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        shape=(3, 32, 32),
        train_images=60_000,
        test_images=10_000,
        # From the figures that are commonly published for the 28x28 pixels, mean 0.2860 and standard deviation 0.3530
        # over all pixels, and the black border: so unlike elsewhere this deviation is the one over all pixels.
        mean=(0.2190, 0.2190, 0.2190),
        std=(0.3318, 0.3318, 0.3318),
        embedded=False,
        fingerprint=fingerprint("fashion-mnist", 1, _FILES),
        download_bytes=sum(file.size for file in _FILES),
    ),
    read=read,
    remote=REMOTE,
)
