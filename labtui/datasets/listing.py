"""What `labtui data` shows, as plain rows."""

from dataclasses import dataclass
from pathlib import Path

from labtui.datasets.info import DatasetInfo, DatasetSource
from labtui.datasets.registry import known_datasets, source_of
from labtui.datasets.statistics import Statistics
from labtui.datasets.verification import describe, is_present, missing
from labtui.text.sizes import size


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One line of `labtui data ls`."""

    name: str
    title: str
    present: bool
    state: str
    """"embedded", "here", "not here", "partly here: …"; sizes are looked at, contents are not."""
    where: str
    """The folder below the data root, or the package's file; it need not be there."""
    train_images: int
    test_images: int
    shape: tuple[int, int, int]
    download_bytes: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """One line of `labtui data stats`: a figure per channel."""

    title: str
    values: tuple[float, ...]
    note: str = ""


def listing(root: Path) -> tuple[DatasetRow, ...]:
    """A row per data set, in the order of their titles."""
    return tuple(_row(source_of(name), root) for name in known_datasets())


def statistics_rows(info: DatasetInfo, statistics: Statistics) -> tuple[StatisticsRow, ...]:
    """The figures measured on the training images; unrounded."""
    return (
        StatisticsRow("mean", statistics.mean, _against(statistics.mean, info.mean)),
        StatisticsRow("std", statistics.std_of_images, _against(statistics.std_of_images, info.std)),
        StatisticsRow("std of all pixels", statistics.std_of_pixels, "for comparison; not used"),
    )


def _row(source: DatasetSource, root: Path) -> DatasetRow:
    info = source.info
    present = is_present(info.name, root)
    packaged = source.embedded_file() if source.embedded_file else None
    return DatasetRow(
        name=info.name,
        title=info.title,
        present=present,
        state=_state(source, root, present),
        where=str(packaged or source.folder(root)),
        train_images=info.train_images,
        test_images=info.test_images,
        shape=info.shape,
        download_bytes=info.download_bytes,
        fingerprint=info.fingerprint,
    )


def _state(source: DatasetSource, root: Path, present: bool) -> str:
    if source.remote is None:
        return "embedded" if present else "not here: its package is not installed whole"
    if present:
        return "here"
    flaws = missing(source, root)
    brought = _brought(source, root)
    if len(flaws) == len(source.remote.files) and all(flaw.what == "missing" for flaw in flaws):
        return f"not here; {size(brought)} of {size(source.info.download_bytes)} fetched" if brought else "not here"
    return f"partly here: {describe(flaws)}"


def _brought(source: DatasetSource, root: Path) -> int:
    """Bytes that an unfinished fetch has left."""
    assert source.remote
    folder = root if source.remote.archive else source.folder(root)
    parts = (folder / f"{file.name}.part" for file in source.remote.downloads)
    return sum(part.stat().st_size for part in parts if part.is_file())


def _against(found: tuple[float, ...], registered: tuple[float, ...]) -> str:
    same = len(found) == len(registered) and all(abs(a - b) < 1e-4 for a, b in zip(found, registered, strict=True))
    return "as registered" if same else f"registered: {', '.join(f'{value:.4f}' for value in registered)}"
