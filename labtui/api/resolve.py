"""Turns a spec of the catalog into one that is ready to run on a given data set. Pure."""

import msgspec

from labtui.datasets import OWN_KINDS, DatasetInfo
from labtui.errors import UsageError
from labtui.spec import Data, Normalize, RunSpec, steps_per_epoch

POINTS_PER_EPOCH = 8
"""Metric points per epoch on a replacement data set, whose epochs have fewer batches than the catalog expects."""


def on_dataset(spec: RunSpec, info: DatasetInfo, *, replacing: str | None = None, fallback: bool = False) -> RunSpec:
    """The spec with everything that depends on the data set filled in: name, group, normalization, log interval.

    `replacing` is the catalog's data set if `info` is a different one; the run then goes to the group of `info`.
    `fallback` says that the replacement was not asked for. Raises UsageError if the normalization does not fit the
    images.
    """
    data = _with_own_data(spec.data, info)
    data = msgspec.structs.replace(data, name=info.name, normalize=_normalization(spec, info))
    resolved = msgspec.structs.replace(spec, data=data)
    if replacing is None:
        return resolved
    training = spec.training
    if "training.log_every" not in spec.overrides:
        every = max(1, steps_per_epoch(resolved, info.train_images) // POINTS_PER_EPOCH)
        training = msgspec.structs.replace(training, log_every=every)
    fallback_from = replacing if fallback else None
    return msgspec.structs.replace(resolved, group=info.group, training=training, fallback_from=fallback_from)


def _normalization(spec: RunSpec, info: DatasetInfo) -> Normalize | None:
    normalize = spec.data.normalize
    if normalize == "dataset":
        return Normalize(mean=info.mean, std=info.std)
    if normalize is None:
        return None
    channels = info.shape[0]
    if len(normalize.mean) != channels or len(normalize.std) != channels:
        raise UsageError(
            f"{spec.name}: data.normalize has {len(normalize.mean)} means and {len(normalize.std)} standard "
            f"deviations, but the images of {info.name} have {channels} channels.",
            advice='`normalize = "dataset"` uses the data set\'s own mean and standard deviation.',
        )
    return normalize


def _with_own_data(data: Data, info: DatasetInfo) -> Data:
    """The data with what identifies a user's own images; a registered data set has no path."""
    if info.name in OWN_KINDS:
        return msgspec.structs.replace(data, fingerprint=info.fingerprint)
    return msgspec.structs.replace(data, path=None, size=None, fingerprint=None, arguments={}, source=None)
