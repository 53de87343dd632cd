"""From a spec of the catalog to a spec ready to run, on the data set that it gets. Pure."""

import msgspec

from labtui.datasets import DatasetInfo
from labtui.errors import UsageError
from labtui.spec import Normalize, RunSpec, steps_per_epoch

POINTS_PER_EPOCH = 8
"""Metric points of one epoch on a stand-in data set: its epochs have fewer batches than the catalog expects."""


def on_dataset(spec: RunSpec, info: DatasetInfo, *, stand_in_for: str | None = None, fallback: bool = False) -> RunSpec:
    """The spec with every choice about data made: data set, group, figures of normalization, spacing of points.

    `stand_in_for` names the catalog's data set where `info` is another one: the run then goes to that one's group.
    `fallback` says that nobody asked for it. Raises UsageError where normalization does not fit the images.
    """
    data = msgspec.structs.replace(spec.data, name=info.name, normalize=_figures(spec, info))
    resolved = msgspec.structs.replace(spec, data=data)
    if stand_in_for is None:
        return resolved
    training = spec.training
    if "training.log_every" not in spec.overrides:
        every = max(1, steps_per_epoch(resolved, info.train_images) // POINTS_PER_EPOCH)
        training = msgspec.structs.replace(training, log_every=every)
    wanted = stand_in_for if fallback else None
    return msgspec.structs.replace(resolved, group=info.group, training=training, fallback_from=wanted)


def _figures(spec: RunSpec, info: DatasetInfo) -> Normalize | None:
    wanted = spec.data.normalize
    if wanted == "dataset":
        return Normalize(mean=info.mean, std=info.std)
    if wanted is None:
        return None
    channels = info.shape[0]
    if len(wanted.mean) != channels or len(wanted.std) != channels:
        raise UsageError(
            f"{spec.name}: data.normalize has {len(wanted.mean)} means and {len(wanted.std)} deviations, "
            f"and the images of {info.name} have {channels} channels.",
            advice='`normalize = "dataset"` takes the data set\'s own figures.',
        )
    return wanted
