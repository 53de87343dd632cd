"""A small data set: three files of noise in one archive."""

import gzip
import hashlib
import io
import random
import tarfile
from pathlib import Path

import numpy as np

from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, Remote

FOLDER = "tiny-batches"
CONTENTS = {name: random.Random(name).randbytes(40_000) for name in ("batch_1", "batch_2", "meta")}


def data_file(name: str, content: bytes) -> DataFile:
    return DataFile(name, len(content), hashlib.md5(content).hexdigest())


def pack(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


ARCHIVE = pack({f"{FOLDER}/{name}": content for name, content in CONTENTS.items()} | {f"{FOLDER}/readme.html": b"<p>"})


def read_tiny(folder: Path) -> Images:
    pixels = np.frombuffer((folder / "batch_1").read_bytes(), np.uint8)[: 3 * 32 * 32].reshape(1, 3, 32, 32)
    label = np.zeros(1, np.int64)
    return Images(train=pixels, train_labels=label, test=pixels, test_labels=label)


def tiny_source(*bases: str, packed: bool = True, archive: bytes = ARCHIVE) -> DatasetSource:
    """A data set of three files; `packed` in one archive, else fetched one by one."""
    return DatasetSource(
        info=DatasetInfo(
            name="tiny",
            title="Tiny",
            group="Tiny",
            classes=("only",),
            shape=(3, 32, 32),
            train_images=1,
            test_images=1,
            mean=(0.5,) * 3,
            std=(0.25,) * 3,
            embedded=False,
            fingerprint="0" * 12,
            download_bytes=len(archive),
        ),
        read=read_tiny,
        remote=Remote(
            folder=FOLDER,
            files=tuple(data_file(name, content) for name, content in CONTENTS.items()),
            bases=bases,
            archive=data_file("tiny.tar.gz", archive) if packed else None,
        ),
    )


def is_whole(root: Path) -> bool:
    return all((root / FOLDER / name).read_bytes() == content for name, content in CONTENTS.items())
