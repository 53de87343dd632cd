"""Recipes of 0.1.0 keep their bytes, their hash and their cell, whatever keys a recipe has gained since."""

import shutil
from pathlib import Path

import msgspec
import pytest

from labtui.api import open_lab
from labtui.catalog import builtin_path, load
from labtui.compare.cells import cells
from labtui.datasets import known_datasets
from labtui.spec import (
    Augment,
    Data,
    EarlyStopping,
    HorizontalFlip,
    MixUp,
    RunSpec,
    Training,
    recipe,
    recipe_hash,
)
from labtui.store.files import write_json
from labtui.store.store import Store
from tests.support.ended_runs import write_ended
from tests.support.samples import gone_process, make_launch, make_spec

ASSETS = Path(__file__).parent / "assets"


class Stored(msgspec.Struct):
    """A line of the asset: what 0.1.0 wrote for one entry of its catalog."""

    recipe_hash: str
    spec: msgspec.Raw


STORED = [msgspec.json.decode(line, type=Stored) for line in (ASSETS / "specs-0.1.0.jsonl").read_bytes().splitlines()]


def test_the_13_entries_of_the_catalog_have_the_spec_bytes_and_hashes_of_010(tmp_path: Path) -> None:
    specs = [variant.spec for variant in load(builtin_path(), datasets=known_datasets()).variants]
    assert len(specs) == len(STORED) == 13
    store = Store(tmp_path)
    for spec, stored in zip(specs, STORED, strict=True):
        assert msgspec.json.encode(spec) == bytes(stored.spec)
        assert recipe_hash(spec) == stored.recipe_hash
        written = msgspec.json.encode(msgspec.json.decode(store.create(spec).paths.spec.read_bytes()))
        assert bytes(stored.spec) in written


def test_a_spec_of_010_read_and_written_again_keeps_its_bytes() -> None:
    for stored in STORED:
        assert msgspec.json.encode(msgspec.json.decode(stored.spec, type=RunSpec)) == bytes(stored.spec)


def test_a_run_of_010_and_a_new_run_of_the_same_recipe_share_one_cell(tmp_path: Path) -> None:
    shutil.copytree(ASSETS / "lab-0.1.0", tmp_path / "lab", ignore=shutil.ignore_patterns("printed"))
    lab = open_lab(environ={"LABTUI_DATA": "/dev/null/data"}, cwd=tmp_path / "lab")
    (before, *others) = [cell for cell in cells(lab.store.scan()) if cell.spec.name == "plain"]
    new = write_ended(lab, "plain", 77, 50.0)
    launch = make_launch(parent=gone_process(), engine=gone_process(), threads=before.threads)
    write_json(new.paths.attempt(1).launch, launch)
    (after, *_) = [
        cell for cell in cells(open_lab(environ={}, cwd=tmp_path / "lab").store.scan()) if cell.key == before.key
    ]
    assert after.seeds == (*before.seeds, 77)
    assert all(other.recipe != before.recipe for other in others)


NEW_KEYS = {
    "label_smoothing": 0.1,
    "clip_norm": 1.0,
    "ema": 0.99,
    "mix": (MixUp(),),
    "early_stopping": EarlyStopping(),
}


@pytest.mark.parametrize("key", NEW_KEYS)
def test_a_new_key_is_in_file_recipe_and_hash_unless_it_is_at_its_default(key: str) -> None:
    plain = make_spec(training=Training())
    changed = make_spec(training=Training(**{key: NEW_KEYS[key]}))  # type: ignore[arg-type]
    assert recipe_hash(plain) != recipe_hash(changed)
    assert key in recipe(changed)["training"]
    assert key not in recipe(plain)["training"]
    assert key.encode() not in msgspec.json.encode(plain)
    assert msgspec.json.decode(msgspec.json.encode(changed), type=RunSpec) == changed


@pytest.mark.parametrize("key", ["path", "size", "fingerprint"])
def test_a_new_key_of_the_data_is_written_only_if_it_is_set(key: str) -> None:
    values = {"path": "x.npz", "size": 8, "fingerprint": "0123456789ab"}
    plain, changed = Data(name="npz"), Data(name="npz", **{key: values[key]})  # type: ignore[arg-type]
    assert set(msgspec.to_builtins(plain)) == {"name", "train_fraction", "augment", "normalize"}
    assert recipe_hash(make_spec(data=plain)) != recipe_hash(make_spec(data=changed))


def test_a_default_that_was_written_out_or_computed_counts_as_a_default() -> None:
    read = msgspec.json.decode(b'{"label_smoothing": 0.0, "clip_norm": null}', type=Training)
    back = msgspec.structs.replace(Training(label_smoothing=0.1), label_smoothing=0.5 - 0.5)
    for training in (read, back):
        assert msgspec.json.encode(training) == msgspec.json.encode(Training())


def test_keys_that_010_knew_are_always_written() -> None:
    plain = msgspec.to_builtins(Augment(transforms=(HorizontalFlip(),)))
    assert plain == {"transforms": ({"name": "horizontal_flip", "p": 0.5},), "mode": "append", "test": False}
    assert {"epochs", "batch_size", "test_batch_size", "log_every", "precision"} == set(msgspec.to_builtins(Training()))
