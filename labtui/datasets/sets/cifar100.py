"""CIFAR-100 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009), in torchvision's layout.

The labels are the 100 fine ones.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, Remote, fingerprint
from labtui.datasets.sets.cifar10 import load_pickle
from labtui.errors import MachineError
from labtui.store.files import read_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_TRAIN = DataFile("train", 155_249_918, "16019d7e3df5f24257cddd939b257f8d")
_TEST = DataFile("test", 0, "f0ef6b0ae62326f3e7ffdfab6717acfc")
_META = DataFile("meta", 1_473, "7973b15100ade9c7d40fb424638fde48")
_LARGEST = _TRAIN.size

_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""

REMOTE = Remote(
    folder="cifar-100-python",
    files=(_TRAIN, _TEST, _META),
    archive=DataFile("cifar-100-python.tar.gz", 169_001_437, "eb9058c3a382ffc7106e4002c42a8d85"),
    # The origin, as in torchvision, torchvision/datasets/cifar.py.
    bases=("https://www.cs.toronto.edu/~kriz/",),
)


def read(folder: Path) -> Images:
    """50,000 training and 10,000 test images, in the order of the files."""
    train, train_labels = _part(folder / _TRAIN.name)
    test, test_labels = _part(folder / _TEST.name)
    return Images(train=train, train_labels=train_labels, test=test, test_labels=test_labels)


def _part(path: Path) -> "tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]":
    import numpy as np  # deferred: a list of data sets does not need it

    content: Any = load_pickle(read_bytes(path, max_bytes=_LARGEST))
    images, labels = content[b"data"], np.asarray(content[b"fine_labels"], np.int64)
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3 * 32 * 32 or len(images) != len(labels):
        raise MachineError(f"{path} does not contain images of 3x32x32 with a label each.")
    return images.reshape(-1, 3, 32, 32), labels


SOURCE = DatasetSource(
    info=DatasetInfo(
        name="cifar100",
        title="CIFAR-100",
        group="Cifar100",
        classes=tuple(_CLASSES.split()),
        shape=(3, 32, 32),
        train_images=50_000,
        test_images=10_000,
        # The figures that are commonly published; the deviation is the one over all pixels.
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        embedded=False,
        fingerprint=fingerprint("cifar100", 1, REMOTE.files),
        download_bytes=169_001_437,
    ),
    read=read,
    remote=REMOTE,
)
