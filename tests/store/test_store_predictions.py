"""predictions.npz: written whole, and checked when read."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from labtui.store.files import DamagedFile
from labtui.store.predictions import ARRAYS, Predictions, read_predictions, write_predictions

SOME = Predictions(np.array([0, 1, 2]), np.array([0, 2, 2]), np.array([-0.1, -2.0, -0.5], dtype=np.float32))


def packed(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    write_predictions(path, SOME)
    for one, other in zip(read_predictions(path), SOME, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert list(tmp_path.iterdir()) == [path]


def test_an_absent_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path / "predictions.npz")


GOOD = dict(zip(ARRAYS, SOME, strict=True))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip file",
        packed(**GOOD)[:-40],
        packed(labels=SOME.labels),
        packed(**{**GOOD, "predicted": np.array([0, 1])}),
        packed(**{**GOOD, "labels": np.array([[0, 1, 2]])}),
        packed(**{**GOOD, "labels": np.array([0.5, 1.0, 2.0])}),
        packed(**{**GOOD, "labels": np.array(["a", "b", "c"])}),
        packed(**{**GOOD, "log_probability": np.array([1, 2, 3])}),
        packed(**{**GOOD, "labels": np.array([{"a": 1}, None, 2], dtype=object)}),
    ],
    ids=["empty", "noise", "cut", "missing", "short", "square", "fractions", "words", "whole", "pickled"],
)
def test_a_damaged_file_is_refused_and_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "predictions.npz"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"predictions\.npz"):
        read_predictions(path)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "predictions.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ARRAYS:
            archive.writestr(f"{name}.npy", bytes(100_000))
    monkeypatch.setattr("labtui.store.predictions.MAX_BYTES", 200_000)
    assert path.stat().st_size < 2_000
    with pytest.raises(DamagedFile, match="unpacks to 300,000 bytes"):
        read_predictions(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write_predictions(tmp_path / "real.npz", SOME)
    (tmp_path / "predictions.npz").symlink_to(tmp_path / "real.npz")
    with pytest.raises(DamagedFile, match="symbolic link"):
        read_predictions(tmp_path / "predictions.npz")
