"""A user's own images: what is read from an archive or from class folders, and what is refused with which words."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from labtui.datasets.own import describe, open_own
from labtui.errors import MachineError
from labtui.spec import Data
from tests.support.own_images import arrays, write_folder

NPZ = Data(name="npz", path="own.npz")
FOLDER = Data(name="folder", path="pets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def save(folder: Path, *, packed: bool = False, **content: Any) -> None:
    (np.savez_compressed if packed else np.savez)(folder / "own.npz", **content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("shape", "seen"), [((12, 20), (1, 12, 20)), ((12, 20, 3), (3, 12, 20)), ((2, 12, 20), (2, 12, 20))]
)
def test_images_of_any_size_and_channels_are_read(
    tmp_path: Path, shape: tuple[int, ...], seen: tuple[int, ...], packed: bool
) -> None:
    content = arrays(shape=shape)
    save(tmp_path, packed=packed, **content)
    images, info = open_own(NPZ, tmp_path)
    assert (info.shape, info.train_images, info.test_images, info.classes) == (seen, 60, 20, ("0", "1", "2"))
    read = images.train.read(np.array([7, 3]))
    expected = content["x_train"][[7, 3]]
    if shape == (12, 20):
        expected = expected[:, np.newaxis]
    if shape == (12, 20, 3):
        expected = expected.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(read, expected)
    assert images.test_labels.tolist() == content["y_test"].tolist()


def test_an_uncompressed_archive_is_mapped_not_loaded(tmp_path: Path) -> None:
    save(tmp_path, **arrays())
    images, _ = open_own(NPZ, tmp_path)
    assert isinstance(images.train.array, np.memmap)  # type: ignore[attr-defined]


def test_classes_can_have_names(tmp_path: Path) -> None:
    save(tmp_path, classes=np.array(["cat", "dog", "\x1b[31mowl"]), **arrays())
    assert describe(NPZ, tmp_path).classes[:2] == ("cat", "dog")
    assert "\x1b" not in describe(NPZ, tmp_path).classes[2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x_train": np.zeros((60, 12, 20))}, r"x_train has values of type float64; images must be uint8"),
        ({"x_train": np.zeros((60, 9, 9, 9), np.uint8)}, r"images have 1 to 4 channels"),
        ({"y_train": np.zeros(59, np.int64)}, r"60 images, y_train has 59 labels"),
        ({"y_train": np.full(60, -1)}, r"labels from -1 to -1: classes count from 0"),
        ({"y_train": np.zeros(60)}, r"y_train must be a list of whole numbers"),
        ({"y_train": np.array([{}] * 60)}, r"'y_train' cannot be read: .*objects"),
        ({"x_test": np.zeros((20, 9, 9), np.uint8)}, r"have different shapes"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    save(tmp_path, **(arrays() | change))
    with pytest.raises(MachineError, match=words):
        describe(NPZ, tmp_path)


def test_a_missing_array_and_a_file_of_another_kind_are_named(tmp_path: Path) -> None:
    save(tmp_path, **{key: value for key, value in arrays().items() if key != "y_test"})
    with pytest.raises(MachineError, match="has no array 'y_test'"):
        describe(NPZ, tmp_path)
    (tmp_path / "own.npz").write_bytes(b"no zip")
    with pytest.raises(MachineError, match="cannot be read"):
        describe(NPZ, tmp_path)
    with pytest.raises(MachineError, match="does not exist"):
        describe(msgspec.structs.replace(NPZ, path="gone.npz"), tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MachineError, match="is neither a file nor a folder, which data set 'npz' is not"):
        describe(msgspec.structs.replace(NPZ, path="pipe"), tmp_path)
    with pytest.raises(MachineError, match="is a folder, which data set 'npz' is not"):
        describe(msgspec.structs.replace(NPZ, path="."), tmp_path)


def test_another_content_has_another_fingerprint_and_is_refused_by_an_old_run(tmp_path: Path) -> None:
    save(tmp_path, **arrays())
    first = describe(NPZ, tmp_path)
    assert describe(NPZ, tmp_path) == first
    save(tmp_path, **(arrays() | {"y_test": np.zeros(20, np.int64)}))
    assert describe(NPZ, tmp_path).fingerprint != first.fingerprint
    with pytest.raises(MachineError, match="have changed since this run was planned"):
        open_own(msgspec.structs.replace(NPZ, fingerprint=first.fingerprint), tmp_path)


def test_mean_and_deviation_are_measured_only_if_they_are_asked_for(tmp_path: Path) -> None:
    content = arrays(shape=(12, 20, 3))
    save(tmp_path, **content)
    assert describe(NPZ, tmp_path).mean == ()
    info = describe(msgspec.structs.replace(NPZ, normalize="dataset"), tmp_path)
    np.testing.assert_allclose(info.mean, (content["x_train"] / 255).mean(axis=(0, 1, 2)), atol=1e-4)
    assert len(info.std) == 3


def test_class_folders_are_read_in_a_fixed_order_with_all_classes_at_the_beginning(tmp_path: Path) -> None:
    write_folder(tmp_path / "pets", train=40)
    images, info = open_own(FOLDER, tmp_path)
    assert (info.classes, info.shape, info.train_images, info.test_images) == (("cat", "dog"), (3, 24, 24), 40, 6)
    assert set(images.train_labels[:20].tolist()) == {0, 1}
    bright = images.train.read(np.arange(40)).mean(axis=(1, 2, 3)) > 125
    assert bright.tolist() == [label == 0 for label in images.train_labels]


def test_a_size_resizes_as_pil_does_and_without_one_all_must_be_equal(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pets")
    Image.new("L", (30, 20), 7).save(root / "train" / "cat" / "grey.png")
    images, info = open_own(msgspec.structs.replace(FOLDER, size=16), tmp_path)
    assert info.shape == (3, 16, 16)
    assert images.train.read(np.arange(13)).shape == (13, 3, 16, 16)
    images, _ = open_own(FOLDER, tmp_path)
    with pytest.raises(MachineError, match=r"grey\.png has 30 x 20 pixels|first image 30 x 20") as caught:
        images.train.read(np.arange(13))
    assert "data.size" in caught.value.advice


def test_an_added_a_removed_and_a_changed_file_change_the_fingerprint(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pets")
    prints = [describe(FOLDER, tmp_path).fingerprint]
    (root / "train" / "cat" / "new.png").write_bytes((root / "train" / "cat" / "1.png").read_bytes())
    prints.append(describe(FOLDER, tmp_path).fingerprint)
    (root / "train" / "cat" / "new.png").unlink()
    assert describe(FOLDER, tmp_path).fingerprint == prints[0]
    changed = bytearray((root / "test" / "cat" / "1.png").read_bytes())
    changed[-1] ^= 1
    (root / "test" / "cat" / "1.png").write_bytes(changed)
    prints.append(describe(FOLDER, tmp_path, strict=True).fingerprint)
    assert len(set(prints)) == 3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "test").rename(root / "val"), "has no folder 'test'"),
        (lambda root: (root / "test" / "cow").mkdir(), "cow has no counterpart"),
        (lambda root: [one.unlink() for one in (root / "train" / "cat").iterdir()], "cat has no image"),
        (lambda root: [one.write_bytes(b"x") for one in (root / "train").rglob("*.*")], "cannot be read as an image"),
    ],
)
def test_a_folder_with_another_layout_is_explained(tmp_path: Path, spoil: Any, words: str) -> None:
    spoil(write_folder(tmp_path / "pets"))
    with pytest.raises(MachineError, match=words):
        describe(FOLDER, tmp_path)


def test_a_missing_cache_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, **arrays())
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    assert describe(NPZ, tmp_path) == describe(NPZ, tmp_path, strict=True)
