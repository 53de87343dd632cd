"""The registered data sets: what is said about them, and what comes out of their files."""

import gzip
import hashlib
import io
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.io import savemat

from labtui.datasets import (
    find_data_root,
    get,
    image_statistics,
    is_present,
    known_datasets,
    load,
    statistics_rows,
    subset_size,
)
from labtui.datasets.info import DataFile, fingerprint
from labtui.datasets.registry import sources
from labtui.datasets.sets import cifar10, digits, fashion_mnist
from labtui.datasets.unpack import unpack
from labtui.datasets.verification import check
from labtui.errors import MachineError, UsageError
from labtui.spec import FolderPart
from tests.support.tiny_data import ARCHIVE, FOLDER, data_file, is_whole, tiny_source

HERE = Path("/nowhere")


def test_every_module_of_the_package_registers_one_data_set() -> None:
    modules = [path for path in Path(cifar10.__file__).parent.glob("*.py") if path.name != "__init__.py"]
    assert list(known_datasets()) == ["cifar10", "cifar100", "digits", "fashion-mnist", "mnist", "svhn"]
    assert len(modules) == len(known_datasets())


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "digits", "fashion-mnist", "mnist", "svhn"])
def test_what_is_said_about_a_data_set_makes_sense(name: str) -> None:
    info = get(name)
    assert info.name == name
    assert info.shape == (3, 32, 32)
    assert len(set(info.classes)) == (100 if name == "cifar100" else 10)
    assert len(info.mean) == len(info.std) == 3
    assert all(0 < value < 1 for value in (*info.mean, *info.std))
    assert info.embedded == (info.download_bytes == 0)
    assert msgspec.convert(info.group, FolderPart) == info.group


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion-mnist", "mnist", "svhn"])
def test_at_most_three_addresses_are_asked(name: str) -> None:
    remote = sources()[name].remote
    assert remote
    assert 1 <= len(remote.bases) <= 3
    assert all(base.startswith("http") and base.endswith("/") for base in remote.bases)
    assert sum(file.size for file in remote.downloads) == get(name).download_bytes


def test_the_throttled_origin_of_cifar10_comes_last() -> None:
    assert "cs.toronto.edu" in cifar10.REMOTE.bases[-1]
    assert not any("cs.toronto.edu" in base for base in cifar10.REMOTE.bases[:-1])


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'fashion_mnist'.* Did you mean fashion-mnist\?"):
        get("fashion_mnist")
    with pytest.raises(UsageError, match="Data sets: cifar10, cifar100, digits, fashion-mnist, mnist, svhn") as caught:
        get("x\x1b[31m" * 100)
    assert "\x1b" not in str(caught.value)


def test_a_fingerprint_distinguishes_bytes_order_and_version_of_reading() -> None:
    one, two = DataFile("one", 1, "a" * 32), DataFile("two", 1, "b" * 32)
    prints = [
        fingerprint("name", 1, (one, two)),
        fingerprint("name", 2, (one, two)),
        fingerprint("name", 1, (two, one)),
        fingerprint("other", 1, (one, two)),
    ]
    assert len(set(prints)) == 4
    assert fingerprint("name", 1, (one, two)) == prints[0]
    stored = {"c9bd400f5967", "2466d296b86d", "80d844b78c1c"}
    assert {known_datasets()[name].fingerprint for name in ("cifar10", "digits", "fashion-mnist")} == stored
    assert len({info.fingerprint for info in known_datasets().values()}) == len(known_datasets())


def test_a_list_of_data_sets_loads_neither_numpy_nor_http_nor_sklearn() -> None:
    code = (
        "import sys, json; from pathlib import Path; from labtui import datasets;"
        "datasets.listing(Path('/nowhere'));"
        "heavy = ('numpy', 'ssl', 'httpx', 'urllib.request', 'tarfile', 'filelock', 'sklearn', 'torch', 'scipy');"
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == []


# --- Digits -------------------------------------------------------------------------------------------------------


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    theirs = load_digits()
    images = load("digits", HERE)
    pixels = np.concatenate([images.train, images.test])
    labels = np.concatenate([images.train_labels, images.test_labels])
    order = np.random.RandomState(0).permutation(1_797)
    np.testing.assert_array_equal(labels, theirs.target[order])
    levels = np.rint(pixels[:, 0, ::4, ::4] / 255 * 16)
    np.testing.assert_array_equal(levels, theirs.images[order])


def test_the_digits_have_the_shape_and_the_split_of_their_description() -> None:
    images, info = load("digits", HERE), get("digits")
    assert images.train.shape == (info.train_images, *info.shape) == (1_437, 3, 32, 32)
    assert images.test.shape == (info.test_images, *info.shape) == (360, 3, 32, 32)
    assert images.train.dtype == images.test.dtype == np.uint8
    assert images.train_labels.dtype == images.test_labels.dtype == np.int64
    assert images.train.max() == 255
    assert set(images.test_labels) == set(range(10))
    blocks = images.train.reshape(-1, 3, 8, 4, 8, 4)
    assert (blocks == blocks[:, :1, :, :1, :, :1]).all(), "each pixel is a block of 4x4, equal in all channels"


def test_the_split_of_the_digits_never_changes() -> None:
    images = load("digits", HERE)
    digest = hashlib.sha256(images.train.tobytes() + images.test.tobytes() + images.test_labels.tobytes()).hexdigest()
    assert digest[:16] == "2ac4aa7bf72d7b85"


def test_the_registered_figures_of_the_digits_are_those_of_its_training_images() -> None:
    found = image_statistics(load("digits", HERE).train)
    assert tuple(round(value, 4) for value in found.mean) == get("digits").mean
    assert tuple(round(value, 4) for value in found.std_of_images) == get("digits").std


def test_missing_and_damaged_digits_say_how_to_fix_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "digits.csv.gz"
    monkeypatch.setattr(digits, "packaged_file", lambda: path)
    for content in (None, b"", b"no gzip", gzip.compress(b"0,0\n"), gzip.compress(b"0" * 300_000)[:-20]):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(MachineError) as caught:
            digits.read(HERE)
        assert "scikit-learn" in caught.value.advice
    monkeypatch.setattr(digits, "packaged_file", lambda: None)
    with pytest.raises(MachineError, match="scikit-learn is not completely installed"):
        digits.read(HERE)


def test_digits_are_absent_where_scikit_learn_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_present("digits", HERE)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert digits.packaged_file() is None
    assert not is_present("digits", HERE)


# --- Fashion-MNIST ------------------------------------------------------------------------------------------------


def write_idx(path: Path, array: np.ndarray) -> None:
    head = np.array([0x0800 + array.ndim, *array.shape], ">u4").tobytes()
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))


def test_fashion_images_get_a_border_and_three_channels(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(1, 256, (7, 28, 28))
    for name in ("train", "t10k"):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", grey)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.arange(7))
    images = fashion_mnist.read(tmp_path)
    assert images.train.shape == images.test.shape == (7, 3, 32, 32)
    for channel in range(3):
        np.testing.assert_array_equal(images.train[:, channel, 2:30, 2:30], grey)
    assert int((images.train > 0).sum()) == 3 * grey.size, "the border is black"
    assert images.test_labels.tolist() == list(range(7))
    assert images.test_labels.dtype == np.int64


def test_a_file_of_another_kind_is_not_taken_for_fashion_images(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((2, 14, 14)))
    with pytest.raises(MachineError, match="not an IDX file of the expected kind"):
        fashion_mnist.read(tmp_path)


# --- MNIST, CIFAR-100, SVHN: files of ours in the published format -------------------------------------------------


def published(name: str, root: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put files where the data set's would be, and register their sizes and MD5s instead of the published ones."""
    source = sources()[name]
    assert source.remote is not None
    folder = root / source.remote.folder
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    ours = tuple(data_file(file.name, files[file.name]) for file in source.remote.files)
    changed = replace(source, remote=replace(source.remote, files=ours))
    monkeypatch.setattr("labtui.datasets.registry.sources", lambda: {name: changed})


def test_mnist_reads_like_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.random.default_rng(0).integers(1, 256, (5, 28, 28))
    folder = tmp_path / "idx"
    folder.mkdir()
    for part in ("train", "t10k"):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", grey)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(5))
    published("mnist", tmp_path, {path.name: path.read_bytes() for path in folder.iterdir()}, monkeypatch)
    images = load("mnist", tmp_path)
    np.testing.assert_array_equal(images.train[:, 1, 2:30, 2:30], grey)
    assert images.test_labels.tolist() == [0, 1, 2, 3, 4]


def test_cifar100_has_the_fine_labels_in_the_order_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)
    part = {
        b"data": pixels,
        b"fine_labels": [7, 99, 0, 7],
        b"coarse_labels": [1, 2, 3, 1],
        b"filenames": [b"a.png"] * 4,
    }
    content = pickle.dumps(part, protocol=3)
    published("cifar100", tmp_path, {"train": content, "test": content, "meta": b"names"}, monkeypatch)
    images = load("cifar100", tmp_path)
    np.testing.assert_array_equal(images.train.reshape(4, -1), pixels)
    assert images.test_labels.tolist() == [7, 99, 0, 7]


def test_a_pickle_that_names_a_function_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = b"cos\nsystem\n(S'true'\ntR."
    published("cifar100", tmp_path, {"train": evil, "test": evil, "meta": b""}, monkeypatch)
    with pytest.raises(MachineError, match=r"references os\.system"):
        load("cifar100", tmp_path)


def test_svhn_calls_the_digit_0_class_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    written = io.BytesIO()
    savemat(written, {"X": pixels, "y": np.array([[10], [1], [9], [10]], np.uint8)})
    content = written.getvalue()
    published("svhn", tmp_path, {"train_32x32.mat": content, "test_32x32.mat": content}, monkeypatch)
    images = load("svhn", tmp_path)
    assert images.train.shape == (4, 3, 32, 32)
    np.testing.assert_array_equal(images.train[2, 1], pixels[:, :, 1, 2])
    assert images.train_labels.tolist() == [0, 1, 9, 0]


def test_a_damaged_file_of_svhn_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published("svhn", tmp_path, {"train_32x32.mat": b"x" * 200, "test_32x32.mat": b""}, monkeypatch)
    with pytest.raises(MachineError, match=r"train_32x32\.mat cannot be read as a MATLAB file"):
        load("svhn", tmp_path)


def test_a_member_of_unknown_size_is_unpacked_and_checked_by_its_md5(tmp_path: Path) -> None:
    source = tiny_source()
    assert source.remote is not None
    files = tuple(DataFile(file.name, 0, file.md5) for file in source.remote.files)
    archive = tmp_path / "tiny.tar.gz"
    archive.write_bytes(ARCHIVE)
    remote = replace(source.remote, files=files)
    unpack(archive, remote, tmp_path)
    assert is_whole(tmp_path)
    assert check(replace(source, remote=remote), tmp_path) == ()
    (tmp_path / FOLDER / "meta").write_bytes(b"other")
    assert [flaw.name for flaw in check(replace(source, remote=remote), tmp_path)] == ["meta"]


# --- CIFAR-10 -----------------------------------------------------------------------------------------------------


@pytest.mark.cifar
def test_cifar10_comes_in_the_order_of_its_files(cifar_root: Path) -> None:
    images, info = load("cifar10", cifar_root), get("cifar10")
    assert images.train.shape == (info.train_images, *info.shape)
    assert images.test.shape == (info.test_images, *info.shape)
    assert images.train_labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert images.test_labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert images.train[0, :, 0, 0].tolist() == [59, 62, 63], "red, green and blue of the first frog's corner"
    assert np.bincount(images.test_labels).tolist() == [1_000] * 10


@pytest.mark.cifar
def test_the_figures_of_cifar10_are_the_reports(cifar_root: Path) -> None:
    found = image_statistics(load("cifar10", cifar_root).train)
    rows = {row.title: tuple(round(value, 4) for value in row.values) for row in statistics_rows(get("cifar10"), found)}
    assert rows == {
        "mean": (0.4914, 0.4822, 0.4465),
        "std": (0.2023, 0.1994, 0.2010),
        "std of all pixels": (0.2470, 0.2435, 0.2616),
    }
    assert [row.note for row in statistics_rows(get("cifar10"), found)][:2] == ["as registered"] * 2


# --- Figures, fractions, folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 499, 500, 501])
def test_figures_do_not_depend_on_the_portions_they_are_summed_in(count: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, 3, 4, 4), dtype=np.uint8)
    found = image_statistics(images)
    pixels = images / 255
    np.testing.assert_allclose(found.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(found.std_of_images, pixels.std(axis=(2, 3), ddof=1).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.std_of_pixels, pixels.std(axis=(0, 2, 3)), rtol=1e-9)
    assert found.images == count


def test_figures_that_differ_from_the_registered_ones_say_so() -> None:
    found = image_statistics(np.zeros((2, 3, 2, 2), np.uint8))
    assert statistics_rows(get("cifar10"), found)[1].note == "registered: 0.2023, 0.1994, 0.2010"


@pytest.mark.parametrize(
    ("images", "fraction", "size"),
    [(50_000, 0.5, 25_000), (50_000, 1.0, 50_000), (100, 0.29, 29), (1_437, 0.5, 718), (10, 1e-9, 1)],
)
def test_a_fraction_is_a_whole_number_of_images(images: int, fraction: float, size: int) -> None:
    assert subset_size(images, fraction) == size


def test_the_data_folder_is_the_first_of_flag_variable_here_and_cache(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    both = {**cache, "LABTUI_DATA": "mine"}
    assert find_data_root(Path("given"), cwd=tmp_path, environ=both) == tmp_path / "given"
    assert find_data_root(tmp_path / "x", cwd=HERE, environ=both) == tmp_path / "x"
    assert find_data_root(None, cwd=tmp_path, environ=both) == tmp_path / "mine"
    assert find_data_root(None, cwd=tmp_path, environ=cache) == tmp_path / "cache" / "labtui" / "data"
    assert (
        find_data_root(None, cwd=tmp_path, environ={**cache, "LABTUI_DATA": ""})
        == tmp_path / "cache" / "labtui" / "data"
    )
    (tmp_path / "data").mkdir()
    assert find_data_root(None, cwd=tmp_path, environ=cache) == tmp_path / "data"


@pytest.mark.parametrize("base", [None, "", "relative/path"])
def test_without_a_usable_cache_variable_the_users_own_cache_is_taken(tmp_path: Path, base: str | None) -> None:
    found = find_data_root(None, cwd=tmp_path, environ={} if base is None else {"XDG_CACHE_HOME": base})
    assert found.is_absolute()
    assert found.parts[-2:] == ("labtui", "data")
