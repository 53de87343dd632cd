"""Models, data sets and transforms of a user's own, and those of torchvision and timm, in the engine."""

import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import msgspec
import pytest
import torch
from torch import nn

from labtui.catalog import load
from labtui.datasets.info import Images
from labtui.engine.lab_import import LabCodeError, definition
from labtui.engine.learner import Learner
from labtui.engine.models import build_model, check_output
from labtui.engine.session import load_data
from labtui.engine.trainer import Intervals
from labtui.errors import LabError, MachineError, UsageError
from labtui.lab_code import installed, read_lab
from labtui.spec import Augment, Data, LabModel, LabTransform, LibraryModel, RunSpec, Training
from labtui.store.attempt import EngineAttempt
from tests.support.own_code import MODELS, TRANSFORMS, write_lab
from tests.support.samples import make_spec
from tests.support.training import make_attempt, points_of, run_attempt, state_hash, tiny_images

EVERY_STEP = Intervals(log=0.0, save=0.0, save_share=1.0)
SHAPE = (3, 24, 24)


@pytest.fixture(autouse=True)
def _no_leftover_modules() -> Iterator[None]:
    """What one test imports as `lab` is not there in the next."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "lab"]:
        del sys.modules[name]
    sys.dont_write_bytecode = False


def spec_of(folder: Path, name: str) -> RunSpec:
    catalog = load(folder / "experiments.toml", datasets=("digits",))
    (spec,) = [variant.spec for variant in catalog.variants if variant.spec.name == name]
    assert isinstance(spec, RunSpec)
    return spec


def attempt_at(folder: Path, spec: RunSpec, *, resume: bool = False, run: str = "run") -> EngineAttempt:
    attempt = make_attempt(folder / run, spec, resume=resume)
    return replace(attempt, launch=msgspec.structs.replace(attempt.launch, catalog_folder=str(folder)))


def lab_model(folder: Path, name: str, **arguments: object) -> LabModel:
    source = read_lab(folder).of("models")[name].source
    return LabModel(use=name, arguments=arguments, source=source)  # type: ignore[arg-type]


def build(folder: Path, model: LabModel | LibraryModel, channels: int = 3, classes: int = 5) -> nn.Module:
    return build_model(model, shape=(channels, 24, 24), classes=classes, seed=0, folder=folder)


def test_a_model_of_the_users_own_gets_its_arguments_and_what_the_data_decides(tmp_path: Path) -> None:
    network = build(write_lab(tmp_path), lab_model(tmp_path, "Net", width=7), channels=2)
    head, first = network.head, network.body[0]
    assert isinstance(head, nn.Linear)
    assert isinstance(first, nn.Conv2d)
    assert (head.in_features, head.out_features, first.in_channels) == (7, 5, 2)


def test_a_run_with_own_model_and_transform_learns_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    write_lab(tmp_path)
    code = read_lab(tmp_path).of("transforms")
    steps = (("noise", {"strength": 5.0}), ("Roll", {"most": 2}))
    own = tuple(LabTransform(use=name, arguments=given, source=code[name].source) for name, given in steps)  # type: ignore[arg-type]
    spec = make_spec(
        data=Data(name="digits", augment=Augment(transforms=own, mode="replace")),
        model=lab_model(tmp_path, "Net", width=6),
        training=Training(epochs=2, batch_size=16),
    )
    images = tiny_images(train=64, test=20)
    straight = run_attempt(attempt_at(tmp_path, spec), images, intervals=EVERY_STEP)
    assert straight.outcome == "finished", straight.reason
    real = Learner.train_step
    for step in (2, 5):
        with (
            mock.patch.object(
                Learner,
                "train_step",
                lambda self, one, two, number, step=step: _until(real, step, self, one, two, number),
            ),
            pytest.raises(Killed),
        ):
            run_attempt(attempt_at(tmp_path, spec, resume=step > 2, run="killed"), images, intervals=EVERY_STEP)
    resumed = run_attempt(attempt_at(tmp_path, spec, resume=True, run="killed"), images, intervals=EVERY_STEP)
    assert resumed.last == straight.last
    assert points_of(tmp_path / "killed") == points_of(tmp_path / "run")
    assert state_hash(tmp_path / "killed" / "checkpoint.pt") == state_hash(tmp_path / "run" / "checkpoint.pt")


class Killed(BaseException):
    """Ends an attempt at once, as SIGKILL does: nothing of the engine catches it."""


def _until(real: object, step: int, learner: Learner, one: torch.Tensor, two: torch.Tensor, number: int) -> object:
    if number == step:
        raise Killed
    return real(learner, one, two, number)  # type: ignore[operator]


def test_images_that_code_makes_are_checked_and_trained_on(tmp_path: Path) -> None:
    spec = spec_of(write_lab(tmp_path), "ramps")
    loaded = load_data(attempt_at(tmp_path, spec))
    assert loaded.classes == 3
    assert loaded.images.train.shape == (40, 1, 24, 24)
    two = msgspec.structs.replace(spec, data=Data(name="two", source=spec.data.source))
    with pytest.raises(MachineError, match=r"lab/datasets\.py: two does not give x_train"):
        load_data(attempt_at(tmp_path, two, run="two"))


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        (
            "Broken",
            LabCodeError,
            r"lab/models\.py:\d+: AttributeError: 'Broken' object has no attribute 'no_such_layer'",
        ),
        ("three", UsageError, r"three gives an output of shape \(2, 3\), not \(2, 5\)"),
        ("none", UsageError, r"lab/models\.py: none gives a NoneType, not a torch\.nn\.Module"),
    ],
)
def test_a_fault_in_a_model_is_said_with_the_users_own_line(
    tmp_path: Path, name: str, kind: type[LabError], words: str
) -> None:
    arguments = {"sizes": [1]} if name == "none" else {}
    model = lab_model(write_lab(tmp_path), name, **arguments)
    with pytest.raises(kind, match=words) as caught:
        check_output(build(tmp_path, model), SHAPE, 5, name, tmp_path)
    if name == "Broken":
        first, line, *_ = caught.value.advice.splitlines()
        assert first.strip().startswith("lab/models.py:")
        assert line.strip() == "return self.no_such_layer(images)"
        assert "site-packages" not in first


def test_a_fault_in_a_training_step_is_said_the_same_way(tmp_path: Path) -> None:
    late = MODELS.replace(
        "return self.no_such_layer(images)", "return self.late(images) if self.training else super().forward(images)"
    )
    model = lab_model(write_lab(tmp_path, models=late), "Broken")
    log: list[str] = []
    spec = make_spec(model=model, training=Training(epochs=1, batch_size=16))
    result = run_attempt(attempt_at(tmp_path, spec), tiny_images(32, 10), log=log)
    assert result.outcome == "failed"
    assert result.reason.startswith("lab/models.py:")
    assert "return self.late(images)" in "\n".join(log)


@pytest.mark.parametrize("content", ["import no_such_package\n", "x = 1 +\n", "raise RuntimeError('\x1b[31mred')\n"])
def test_a_file_that_cannot_be_imported_says_so(tmp_path: Path, content: str) -> None:
    model = lab_model(write_lab(tmp_path), "Net")
    (tmp_path / "lab" / "blocks.py").write_text(content)
    if "+" not in content:  # a file with a syntax error defines nothing
        model = lab_model(tmp_path, "Net")
    with pytest.raises(LabError) as caught:
        build(tmp_path, model)
    assert "lab/" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_frozen_and_lazy_layers_are_trained_as_the_user_means_it(tmp_path: Path) -> None:
    code = """
from torch import nn

def half_frozen(classes):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LazyLinear(classes))
    network[0].requires_grad_(False)
    return network

class Unused(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.spare, self.head = nn.Linear(2, 2), nn.LazyLinear(classes)

    def forward(self, images):
        return self.head(images.flatten(1))

def all_frozen(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, classes)).requires_grad_(False)
"""
    write_lab(tmp_path, models=code)
    training = Training(epochs=1, batch_size=16, ema=0.5, clip_norm=1.0)
    reasons = {}
    for name in ("half_frozen", "Unused", "all_frozen"):
        spec = make_spec(model=lab_model(tmp_path, name), training=training)
        result = run_attempt(attempt_at(tmp_path, spec, run=name), tiny_images(32, 10))
        reasons[name] = result.reason if result.outcome == "failed" else result.outcome
    assert reasons["half_frozen"] == "finished"
    assert "parameter spare.weight and 1 more does not contribute to the loss" in reasons["Unused"]
    assert "no parameter that is trained" in reasons["all_frozen"]


def test_code_that_changed_since_the_run_was_planned_is_not_imported(tmp_path: Path) -> None:
    model = lab_model(write_lab(tmp_path), "Net")
    trap = f"open({str(tmp_path / 'executed')!r}, 'w')\n"
    (tmp_path / "lab" / "blocks.py").write_text(trap)
    with pytest.raises(MachineError, match="is not the code that this run was planned with"):
        build(tmp_path, model)
    assert not (tmp_path / "executed").exists()


def test_only_names_of_the_file_itself_can_be_called(tmp_path: Path) -> None:
    model = lab_model(write_lab(tmp_path), "Net")
    with pytest.raises(MachineError, match="defines no class or function 'os'"):
        definition(tmp_path, "models", "os", model.source)


def test_a_transform_that_changes_the_shape_is_refused(tmp_path: Path) -> None:
    source = read_lab(write_lab(tmp_path)).of("transforms")["shrink"].source
    own = LabTransform(use="shrink", arguments={}, source=source)
    spec = make_spec(data=Data(name="digits", augment=Augment(transforms=(own,), mode="replace")))
    result = run_attempt(attempt_at(tmp_path, spec), tiny_images(32, 10))
    assert "lab/transforms.py: shrink gives (3, 23, 24) of torch.uint8" in result.reason


def test_own_transforms_leave_the_generators_of_the_run_alone(tmp_path: Path) -> None:
    from labtui.engine.augment import Augmentation
    from labtui.engine.rng import stream

    source = read_lab(write_lab(tmp_path, transforms=TRANSFORMS)).of("transforms")["noise"].source
    own = LabTransform(use="noise", arguments={"strength": 30.0}, source=source)
    augmentation = Augmentation((own,), SHAPE, tmp_path)
    images = torch.full((6, *SHAPE), 100, dtype=torch.uint8)
    drawn = augmentation.draw(6, stream(0, "augment", 1))
    before = torch.random.get_rng_state()
    whole = augmentation.apply(images, drawn)
    parts = [augmentation.apply(images[part], tuple(one[part] for one in drawn)) for part in (slice(0, 2), slice(2, 6))]
    assert torch.equal(whole, torch.cat(parts)), "an image's noise does not depend on the batch"
    assert not torch.equal(whole[0], whole[1])
    assert torch.equal(before, torch.random.get_rng_state())


# --- torchvision and timm -----------------------------------------------------------------------------------------


def test_a_model_of_torchvision_has_as_many_outputs_as_the_data_has_classes(tmp_path: Path) -> None:
    network = build(tmp_path, LibraryModel(use="torchvision:squeezenet1_1"), classes=7)
    check_output(network, (3, 32, 32), 7, "squeezenet1_1", tmp_path)
    with pytest.raises(
        UsageError, match=r"torchvision has no model 'squeezenet1_3'\. Did you mean torchvision:squeezenet1_"
    ):
        build(tmp_path, LibraryModel(use="torchvision:squeezenet1_3"))
    with pytest.raises(UsageError, match="take images of 3 channels; these have 1"):
        build(tmp_path, LibraryModel(use="torchvision:squeezenet1_1"), channels=1)


def test_a_model_of_timm_takes_any_channels_and_its_absence_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MachineError, match="timm is not installed") as caught:
        build(tmp_path, LibraryModel(use="timm:resnet10t"))
    assert "labtui[timm]" in caught.value.advice


def test_timm_models_are_built_for_the_data(tmp_path: Path) -> None:
    pytest.importorskip("timm", reason="timm is an extra")
    network = build(tmp_path, LibraryModel(use="timm:test_resnet"), channels=1, classes=4)
    check_output(network, (1, 32, 32), 4, "test_resnet", tmp_path)
    with pytest.raises(UsageError, match=r"timm has no model 'test_resnett'\. Did you mean timm:test_resnet"):
        build(tmp_path, LibraryModel(use="timm:test_resnett"))


SQUEEZE = "torchvision:squeezenet1_1"


def test_weights_of_a_file_are_loaded_but_for_the_last_layer_of_other_classes(tmp_path: Path) -> None:
    donor = build(tmp_path, LibraryModel(use=SQUEEZE), classes=9)
    torch.save({"state_dict": donor.state_dict()}, tmp_path / "w.pt")
    said: list[str] = []
    model = LibraryModel(use=SQUEEZE, weights="w.pt")
    network = build_model(model, shape=SHAPE, classes=5, seed=1, folder=tmp_path, say=said.append)
    pairs = [(ours, donor.state_dict()[key]) for key, ours in network.state_dict().items() if "classifier" not in key]
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    assert said == ["Loaded the weights w.pt; new for these classes: classifier.1.weight, classifier.1.bias."]


def test_a_file_of_weights_that_changed_since_the_run_was_planned_is_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "w.pt")
    model = LibraryModel(use=SQUEEZE, weights="w.pt", weights_fingerprint="0" * 12)
    with pytest.raises(MachineError, match="is not the file that this run was planned with"):
        build(tmp_path, model)


class Evil:
    def __reduce__(self) -> object:
        return (open, ("executed", "w"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (pickle.dumps(Evil()), "cannot be loaded as weights"),
        (b"no weights", "cannot be loaded as weights"),
        ({"a": 1}, "holds no tensors by name"),
        ({"a": torch.zeros(1)}, "it belongs to another model"),
    ],
)
def test_a_file_that_holds_no_such_weights_is_refused_and_nothing_in_it_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if isinstance(content, bytes):
        (tmp_path / "w.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / "w.pt")
    with pytest.raises(MachineError, match=words):
        build(tmp_path, LibraryModel(use=SQUEEZE, weights="w.pt"))
    assert not (tmp_path / "executed").exists()


def test_named_weights_that_cannot_be_fetched_say_what_to_do(tmp_path: Path) -> None:
    with (
        mock.patch("torch.hub.download_url_to_file", side_effect=OSError("no route to host")),
        mock.patch.dict("os.environ", {"TORCH_HOME": str(tmp_path)}),
        pytest.raises(MachineError, match=r"IMAGENET1K_V1 cannot be fetched \(no route to host\)") as caught,
    ):
        build(tmp_path, LibraryModel(use=SQUEEZE, weights="DEFAULT"))
    assert "Download https://download.pytorch.org/models/squeezenet1_1" in caught.value.advice
    with pytest.raises(UsageError, match="There are: DEFAULT, IMAGENET1K_V1"):
        build(tmp_path, LibraryModel(use=SQUEEZE, weights="IMAGENET"))


def test_images_of_the_own_lab_need_no_registered_data_set(tmp_path: Path) -> None:
    spec = spec_of(write_lab(tmp_path), "ramps")
    loaded = load_data(attempt_at(tmp_path, spec))
    result = run_attempt(attempt_at(tmp_path, spec, run="again"), loaded.images, classes=loaded.classes)
    assert result.outcome == "finished", result.reason
    assert not isinstance(loaded.images, Images)


def test_a_model_that_a_package_shares_is_imported_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    (site / "shared_nets-1.dist-info").mkdir(parents=True)
    (site / "shared_nets.py").write_text(
        "from torch import nn\n\ndef net(classes, width: int = 2):\n    return nn.Linear(width, classes)\n"
    )
    (site / "shared_nets-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: shared-nets\nVersion: 1\n")
    (site / "shared_nets-1.dist-info" / "entry_points.txt").write_text("[labtui.models]\nTheirs = shared_nets:net\n")
    monkeypatch.syspath_prepend(str(site))
    installed.cache_clear()
    try:
        model = LabModel(use="Theirs", arguments={"width": 3}, source=installed("models")["Theirs"].source)
        network = build(tmp_path, model)
        assert isinstance(network, nn.Linear)
        assert (network.in_features, network.out_features) == (3, 5)
        with pytest.raises(MachineError, match="is not the code that this run was planned with"):
            build(tmp_path, msgspec.structs.replace(model, source="0" * 12))
    finally:
        installed.cache_clear()
        sys.modules.pop("shared_nets", None)
