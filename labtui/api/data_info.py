"""What is known about the data set of a spec: one of the registry, or a user's own at a path."""

from labtui import datasets
from labtui.api.lab import Lab
from labtui.datasets import DatasetInfo
from labtui.errors import UsageError
from labtui.spec import Data, RunSpec, Spec


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
    """What is known about the data set of a spec; None for a program, which reads its own. Raises as `data_info`."""
    return data_info(lab, spec.data) if isinstance(spec, RunSpec) else None
