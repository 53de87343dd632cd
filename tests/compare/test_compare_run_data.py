"""Curves and predictions are read when they are asked for, once, and again when the run has changed."""

import dataclasses
from pathlib import Path

import numpy as np

from labtui.compare.run_data import RunData
from labtui.store.files import DamagedFile
from labtui.store.predictions import write_predictions
from tests.support.comparisons import predictions, run, spec

RUN = run(spec(), 0, {})


def test_each_file_is_read_once_until_the_run_changes() -> None:
    read: list[Path] = []

    def curves(folder: Path) -> dict[str, object]:
        read.append(folder)
        return {}

    known = RunData(curves, lambda _: predictions([0], [0]))  # type: ignore[arg-type]
    for _ in range(3):
        known.curves(RUN)
    assert read == [RUN.folder]
    known.curves(dataclasses.replace(RUN, modified=RUN.modified + 1))
    assert len(read) == 2


def test_what_cannot_be_read_is_not_there() -> None:
    def absent(folder: Path) -> object:
        raise FileNotFoundError(folder)

    def damaged(folder: Path) -> object:
        raise DamagedFile(f"{folder} is damaged")

    for reader in (absent, damaged):
        known = RunData(reader, reader)  # type: ignore[arg-type]
        assert known.curves(RUN) == {}
        assert known.predictions(RUN) is None


def test_a_real_folder_is_read_by_default(tmp_path: Path) -> None:
    real = dataclasses.replace(RUN, folder=tmp_path)
    write_predictions(tmp_path / "predictions.npz", predictions([0, 1], [1, 1]))
    found = RunData().predictions(real)
    assert found is not None
    np.testing.assert_array_equal(found.predicted, [1, 1])
    assert RunData().curves(real) == {}
