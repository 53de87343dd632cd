"""The confound guard sees every key that a recipe can have, the user's own code included."""

from typing import Any

import pytest

from labtui.compare.cells import cells
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import metric
from labtui.spec import (
    Augment,
    CutMix,
    Data,
    EarlyStopping,
    HorizontalFlip,
    LabModel,
    LabTransform,
    LibraryModel,
    MixUp,
    MultiStep,
    OneCycle,
    RandomErasing,
    StepSchedule,
    Training,
)
from tests.support.comparisons import runs_of, spec

NET = LabModel(use="Net", arguments={"width": 4}, source="0" * 12)


def noise(**changes: Any) -> dict[str, Any]:
    """Data with a transform of the user's own."""
    own = {"use": "noise", "arguments": {"strength": 1.0}, "source": "0" * 12} | changes
    return {"data": Data(name="cifar10", augment=Augment(transforms=(LabTransform(**own),)))}


def flipped(*more: Any) -> dict[str, Any]:
    """Data that is mirrored, and what else is done to it."""
    return {"data": Data(name="cifar10", augment=Augment(transforms=(HorizontalFlip(), *more)))}


def own(**changes: Any) -> dict[str, Any]:
    """A user's own images."""
    return {"data": Data(**({"name": "npz", "path": "a.npz", "fingerprint": "0" * 12} | changes))}


@pytest.mark.parametrize(
    ("here", "there", "keys"),
    [
        ({"training": Training(label_smoothing=0.1)}, {}, {"training.label_smoothing"}),
        ({"training": Training(clip_norm=1.0)}, {}, {"training.clip_norm"}),
        ({"training": Training(ema=0.9)}, {"training": Training(ema=0.99)}, {"training.ema"}),
        ({"training": Training(mix=(MixUp(),))}, {"training": Training(mix=(CutMix(),))}, {"training.mix"}),
        ({"training": Training(early_stopping=EarlyStopping())}, {}, {"training.early_stopping"}),
        ({"scheduler": OneCycle()}, {}, {"scheduler.name"}),
        ({"scheduler": StepSchedule(step_size=2)}, {"scheduler": StepSchedule(step_size=3)}, {"scheduler.step_size"}),
        (
            {"scheduler": MultiStep(milestones=(2,))},
            {"scheduler": MultiStep(milestones=(3,))},
            {"scheduler.milestones"},
        ),
        (flipped(RandomErasing()), flipped(), {"data.augment.transforms"}),
        (noise(), noise(arguments={"strength": 2.0}), {"data.augment.transforms"}),
        (noise(), noise(source="1" * 12), {"data.augment.transforms"}),
        (own(), own(fingerprint="1" * 12), {"data.fingerprint"}),
        (own(name="folder", size=8), own(name="folder", size=9), {"data.size"}),
        (own(source="0" * 12), own(source="1" * 12), {"data.source"}),
        (own(arguments={"count": 1}), own(arguments={"count": 2}), {"data.arguments.count"}),
        ({"model": NET}, {"model": LabModel(use="Net", arguments={"width": 8}, source="0" * 12)}, {"model.width"}),
        ({"model": NET}, {"model": LabModel(use="Net", arguments={"width": 4}, source="1" * 12)}, {"model.source"}),
        (
            {"model": LibraryModel(use="timm:a", weights="w.pt", weights_fingerprint="0" * 12)},
            {"model": LibraryModel(use="timm:a", weights="w.pt", weights_fingerprint="1" * 12)},
            {"model.weights_fingerprint"},
        ),
    ],
)
def test_a_difference_in_any_key_is_a_confound_unless_it_is_the_factor(
    here: dict[str, Any], there: dict[str, Any], keys: set[str]
) -> None:
    ours, theirs = (cells(runs_of(spec(**changes), [60, 61]))[0] for changes in (here, there))
    plain = metric("test/accuracy")
    found = {finding.key for finding in confounds(ours, theirs, ("optimizer.lr",), plain)}
    assert keys <= found
    assert not {finding.key for finding in confounds(ours, theirs, tuple(found), plain)} & keys
