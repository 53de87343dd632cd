"""Runs on a user's own images: any size, channels and classes; larger than the memory; planned, compared, refused."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from labtui.api import open_lab
from labtui.api.comparison import variants
from labtui.api.planning import plan_runs
from labtui.datasets.own import open_own
from labtui.engine.data import make_splits
from labtui.engine.session import load_data
from labtui.errors import MachineError, UsageError
from labtui.spec import Augment, Data, RandomCrop, RunSpec, Training
from tests.support.own_images import arrays, write_folder
from tests.support.samples import make_spec
from tests.support.training import make_attempt, run_attempt

CPU = torch.device("cpu")
CATALOG = """
[defaults]
protocol = "standard"
model.name = "cnn"
optimizer.name = "adam"

[experiment.own]
data = { name = "npz", path = "own.npz", normalize = "dataset" }

[experiment.pets]
data = { name = "folder", path = "pets", size = 24 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    np.savez(tmp_path / "own.npz", **arrays(120, 40, (24, 28), classes=5))
    write_folder(tmp_path / "pets")
    (tmp_path / "experiments.toml").write_text(CATALOG)
    return tmp_path


def own_spec(data: Data, **changes: object) -> RunSpec:
    training = Training(epochs=2, batch_size=16)
    return make_spec(**({"data": data, "training": training, "protocol": "standard"} | changes))


@pytest.mark.parametrize("appended", [False, True])
def test_images_that_are_streamed_are_those_that_are_held_in_memory(folder: Path, appended: bool) -> None:
    augment = Augment(transforms=(RandomCrop(padding=2),), mode="append" if appended else "replace")
    spec = own_spec(Data(name="npz", path="own.npz", augment=augment))
    images, _ = open_own(spec.data, folder)
    torch.set_num_threads(2)  # so that there are workers
    held, streamed = (make_splits(images, spec, CPU, room=room) for room in (1 << 40, 0))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    for one, other in (
        (held.train, streamed.train),
        (held.validation, streamed.validation),
        (held.test, streamed.test),
    ):
        assert (len(one), one.shape) == (len(other), other.shape)
        order = torch.arange(len(one)).flip(0)
        pairs = zip(
            one.for_epoch(0, "augment", 1).batches(order, 16, start=1),
            other.for_epoch(0, "augment", 1).batches(order, 16, start=1),
            strict=True,
        )
        for (ours, our_labels), (theirs, their_labels) in pairs:
            assert torch.equal(ours, theirs)
            assert torch.equal(our_labels, their_labels)
    assert torch.equal(before, torch.random.get_rng_state()), "reading draws nothing"


def test_an_image_that_cannot_be_read_fails_with_its_own_message(folder: Path) -> None:
    spec = own_spec(Data(name="folder", path="pets"))
    images, _ = open_own(spec.data, folder)
    torch.set_num_threads(2)
    for path in (folder / "pets" / "train").rglob("*.png"):
        path.write_bytes(b"not an image any more")
    with pytest.raises(MachineError, match=r"\.png cannot be read as an image"):
        make_splits(images, spec, CPU)


def test_a_run_trains_on_grey_images_of_five_classes(folder: Path) -> None:
    spec = own_spec(Data(name="npz", path="own.npz"))
    images, info = open_own(spec.data, folder)
    result = run_attempt(make_attempt(folder / "run", spec), images, classes=len(info.classes))
    assert (result.outcome, result.test_images, result.facts["classes"]) == ("finished", 40, 5)
    assert result.model is not None
    assert result.model.layers[-1][1].endswith("out_features=5, bias=True)")


def test_a_plan_fills_in_the_fingerprint_and_the_figures_and_compare_finds_them(folder: Path) -> None:
    lab = open_lab(environ={"LABTUI_DATA": "/dev/null/data"}, cwd=folder)
    assert lab.catalog.problems == ()
    own, pets = plan_runs(lab, [], fetch=False).runs
    assert own.spec.data.fingerprint is not None
    assert (own.images, pets.images) == (108, 11)
    assert own.spec.data.normalize is not None
    assert [variant.spec.data for variant in variants(lab)] == [own.spec.data, pets.spec.data]
    (folder / "own.npz").unlink()
    assert [variant.spec.data.fingerprint for variant in variants(lab)] == [None, pets.spec.data.fingerprint]
    with pytest.raises(MachineError, match=r"own\.npz does not exist"):
        plan_runs(lab, ["own"], fetch=False)


def test_a_fingerprint_in_the_catalog_refuses_other_content(folder: Path) -> None:
    path = folder / "experiments.toml"
    path.write_text(CATALOG.replace("size = 24", 'size = 24, fingerprint = "0123456789ab"'))
    lab = open_lab(environ={"LABTUI_DATA": "/dev/null/data"}, cwd=folder)
    with pytest.raises(UsageError, match=r"data\.fingerprint: pets has other content"):
        plan_runs(lab, ["pets"], fetch=False)


def test_a_registered_data_set_instead_of_the_own_one_has_no_path(folder: Path) -> None:
    lab = open_lab(environ={"LABTUI_DATA": "/dev/null/data"}, cwd=folder)
    (planned,) = plan_runs(lab, ["own"], dataset="digits", fetch=False).runs
    data = planned.spec.data
    assert (data.name, data.path, data.fingerprint) == ("digits", None, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('{ name = "npz" }', "data.path: is missing"),
        ('{ name = "digits", path = "x" }', 'data.path: "digits" does not read a path'),
        ('{ name = "npz", path = "x", size = 8 }', "data.size: only data set"),
        ('{ name = "npzz", path = "x" }', r'Did you mean "npz"\?'),
    ],
)
def test_keys_that_do_not_fit_the_data_set_are_problems(folder: Path, data: str, words: str) -> None:
    (folder / "experiments.toml").write_text(
        CATALOG.replace('{ name = "npz", path = "own.npz", normalize = "dataset" }', data)
    )
    problems = open_lab(environ={}, cwd=folder).catalog.problems
    with pytest.raises(AssertionError, match=words):
        assert problems == (), " ".join(map(str, problems))


def test_the_engine_reads_from_the_catalogs_folder_and_checks_the_content(folder: Path) -> None:
    spec = own_spec(Data(name="npz", path="own.npz", fingerprint="0123456789ab"))
    attempt = make_attempt(folder / "run", spec)
    launch = msgspec.structs.replace(attempt.launch, catalog_folder=str(folder))
    with pytest.raises(MachineError, match="have changed since this run was planned"):
        load_data(replace(attempt, launch=launch))
