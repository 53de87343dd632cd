"""What is known about the data set of a spec: one of the registry, or a user's own at a path."""

import hashlib
from functools import cache
from pathlib import Path

import msgspec

from labtui import datasets
from labtui.api.lab import Lab
from labtui.datasets import DatasetInfo
from labtui.errors import MachineError, UsageError
from labtui.spec import Data, LibraryModel, RunSpec, Spec, is_weights_path
from labtui.text.paths import expanded


def data_info(lab: Lab, data: Data, *, strict: bool = False) -> DatasetInfo:
    """What is known about a data set; `strict` looks at the content of a user's own even if nothing seems changed.

    Raises UsageError for an unknown name, and what `labtui.datasets.own.describe` raises.
    """
    if data.name not in datasets.OWN_KINDS:
        return datasets.get(data.name)
    from labtui.datasets.own import describe  # deferred: reads files, which most commands do not need

    info = describe(data, lab.folder, strict=strict)
    if data.fingerprint not in (None, info.fingerprint):
        raise UsageError(
            f"data.fingerprint: {data.path} has other content: {info.fingerprint}, not {data.fingerprint}.",
            advice="If the change was intended, set the new fingerprint or leave the key out.",
        )
    return info


def spec_data(lab: Lab, spec: Spec) -> DatasetInfo | None:
    """What is known about the data set of a spec; None for a program and for a data set of the user's own code.

    Raises as `data_info`.
    """
    return data_info(lab, spec.data) if isinstance(spec, RunSpec) and spec.data.source is None else None


def with_weights_fingerprint(spec: RunSpec, folder: Path) -> RunSpec:
    """The spec with the fingerprint of its model's file of weights, which is part of its recipe; unchanged without one.

    `folder` is the catalog's. Raises MachineError for a file that cannot be read.
    """
    model = spec.model
    if not isinstance(model, LibraryModel) or model.weights is None or not is_weights_path(model.weights):
        return spec
    path = folder / expanded(Path(model.weights))
    if path.exists() and not path.is_file():
        raise MachineError(f"model.weights: {path} is not a file.")
    try:
        status = path.stat()
        found = _file_hash(path, (status.st_size, status.st_mtime_ns, status.st_ino))
    except OSError as error:
        raise MachineError(f"model.weights: {path} cannot be read: {error.strerror}.") from error
    return msgspec.structs.replace(spec, model=msgspec.structs.replace(model, weights_fingerprint=found))


@cache
def _file_hash(path: Path, _state: tuple[int, ...]) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:12]
