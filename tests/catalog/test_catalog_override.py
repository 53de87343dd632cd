"""Overrides by hand: typed, checked, short where that is unambiguous; and the fields of the launch dialog."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.catalog import builtin_path, fields, load, override
from labtui.errors import UsageError
from labtui.spec import Augment, Cosine, Penalty, Rotation, RunSpec, Sgd, recipe_hash

CATALOG = load(builtin_path(), datasets=("cifar10", "digits", "fashion-mnist"))
SPECS = {variant.spec.name: variant.spec for variant in CATALOG.variants}
DROPOUT = SPECS["dropout"]


@pytest.mark.parametrize(
    ("assignments", "overrides"),
    [
        (["training.epochs=3"], {"training.epochs": 3}),
        (["epochs=3"], {"training.epochs": 3}),
        (["lr=1e-2"], {"optimizer.lr": 0.01}),
        (["lr=.01"], {"optimizer.lr": 0.01}),
        (["lr = 1"], {"optimizer.lr": 1.0}),
        (["dropout=0.1,0.2"], {"model.dropout": [0.1, 0.2]}),
        (["dropout=[0, 0]"], {"model.dropout": [0.0, 0.0]}),
        (["data.normalize=dataset"], {"data.normalize": "dataset"}),
        (['precision="bf16"'], {"training.precision": "bf16"}),
        (["log_every=5"], {"training.log_every": 5}),
        (["epochs=10"], {}),
        (["penalty=none"], {}),
        ([], {}),
        ({"training.epochs": 3, "optimizer.lr": 1}, {"training.epochs": 3, "optimizer.lr": 1.0}),
        ({"data.train_fraction": "0.5"}, {"data.train_fraction": 0.5}),
    ],
)
def test_what_differs_is_set_and_recorded_under_its_whole_key(assignments: Any, overrides: dict[str, Any]) -> None:
    changed = override(DROPOUT, assignments)
    assert changed.overrides == overrides
    assert (changed == DROPOUT) is (not overrides)
    assert changed.title == DROPOUT.title


def test_a_title_shows_what_was_changed() -> None:
    assert override(DROPOUT, ["epochs=1"]).display_title == "Dropout [epochs=1]"


def test_another_optimizer_comes_with_its_defaults_in_any_order() -> None:
    changed = override(DROPOUT, ["optimizer.momentum=0.9", "optimizer.name=sgd"])
    assert changed.optimizer == Sgd(momentum=0.9)
    assert changed.overrides == {"optimizer.name": "sgd", "optimizer.momentum": 0.9}


def test_an_absent_table_is_set_at_once_or_key_by_key_and_removed() -> None:
    by_key = override(DROPOUT, ["norm=l1", "weight=0.5", "modules=fc1, fc2"])
    assert by_key.penalty == Penalty(norm="l1", weight=0.5, modules=("fc1", "fc2"))
    whole = override(DROPOUT, ['penalty={norm="l1", weight=0.5, modules=["fc1", "fc2"]}'])
    assert recipe_hash(whole) == recipe_hash(by_key)
    assert override(SPECS["l1"], ["penalty=none"]).penalty is None
    augmented = override(DROPOUT, ['data.augment={transforms=[{name="rotation", degrees=20}]}'])
    assert augmented.data.augment == Augment(transforms=(Rotation(degrees=20.0),))
    assert override(DROPOUT, ["scheduler.name=cosine", "final=0.1"]).scheduler == Cosine(final=0.1)


def test_overrides_add_up_and_keep_the_values_that_hold_now() -> None:
    once = override(DROPOUT, ["lr=0.5", "epochs=2"])
    assert override(once, ["epochs=3"]).overrides == {"optimizer.lr": 0.5, "training.epochs": 3}
    renamed = override(override(DROPOUT, ["optimizer.eps=0.1", "lr=0.5"]), ["optimizer.name=sgd"])
    assert renamed.overrides == {"optimizer.lr": 0.001, "optimizer.name": "sgd"}


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["lr=0"], "optimizer.lr: 0 is not allowed. Allowed: a number above 0"),
        (["lr=nan"], "optimizer.lr: nan is not allowed. Allowed: a number above 0"),
        (["lr=fast"], '"fast" is text'),
        (["lr="], '"" is text'),
        (["epochs=1.0"], "Write 1."),
        (["epochs=0"], "a whole number from 1 to 100,000"),
        (["epochs=true"], "true is a boolean"),
        (["epochs=1\nx=3"], "is text"),
        (["epochs=" + "9" * 5000], "is text"),
        (["lr=" + "[" * 3000], "is text"),
        (["epoch=3"], "Did you mean training.epochs"),
        (["optimiser.lr=3"], "Did you mean optimizer.lr"),
        (["name=x"], "data.name, model.name, optimizer.name or scheduler.name"),
        (["momentum=0.9"], 'belongs to "sgd": set optimizer.name=sgd too'),
        (["optimizer.name=sgdd"], 'Did you mean "sgd"'),
        (["model.name=os:system"], '"cnn" or "resnet18"'),
        (["precision=fp16"], '"bf16", "fp32" or "tf32"'),
        (["weight=0.5"], 'penalty.norm: this key is missing. Allowed: "l1" or "l2"'),
        (['penalty={norm="l1", weight=1, modules="fc9"}'], 'no module "fc9"'),
        (["optimizer.name=sgd", "nesterov=true"], "needs a momentum above 0"),
        (["seed=3"], "--seeds"),
        (["title=x"], "can only be set in the catalog"),
        (["xyz=3"], "training.batch_size"),
        (["epochs"], "Write key=value"),
        (["=3"], "Write key=value"),
        ({"training.epochs": None}, "a whole number"),
        ({"training.epochs": object()}, "a whole number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_set_is_refused_with_what_could(assignments: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(DROPOUT, assignments)
    assert words in caught.value.message


def test_everything_wrong_is_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        override(DROPOUT, ["lr=0", "epochs=0", "xyz=1"])
    assert all(word in caught.value.message for word in ("optimizer.lr: 0", "training.epochs: 0", '"xyz"'))


def test_a_colour_of_the_terminal_does_not_get_through_a_message() -> None:
    with pytest.raises(UsageError) as caught:
        override(DROPOUT, ["\x1b[31mlr=1", "protocol=\x1b]0;x\x07"])
    assert not any(letter in caught.value.message for letter in "\x1b\x07")


@pytest.mark.parametrize("name", SPECS)
def test_every_field_is_read_back_as_the_value_that_it_shows(name: str) -> None:
    spec = SPECS[name]
    shown = fields(spec)
    assert override(spec, [f"{field.key}={field.text}" for field in shown]) == spec
    assert override(spec, {field.key: field.value for field in shown}) == spec
    assert all(field.meaning and field.type_text for field in shown)


def test_a_field_lists_its_choices_and_an_absent_table_is_none() -> None:
    by_key = {field.key: field for field in fields(DROPOUT)}
    assert by_key["optimizer.name"].choices == ("adam", "adamw", "sgd")
    assert by_key["training.precision"].choices == ("bf16", "fp32", "tf32")
    assert by_key["penalty"].text == "none"
    assert by_key["model.dropout"].text == "0.3, 0.2"
    assert "penalty.weight" not in by_key
    assert "penalty.weight" in {field.key for field in fields(SPECS["l1"])}
    assert all(choice in override_choices(DROPOUT, key) for key in ("protocol",) for choice in by_key[key].choices)


def override_choices(spec: RunSpec, key: str) -> set[str]:
    """The choices of a key that an override accepts."""
    return {
        choice
        for field in fields(spec)
        if field.key == key
        for choice in field.choices
        if override(spec, {key: choice})
    }


changes = st.fixed_dictionaries(
    {},
    optional={
        "training.epochs": st.integers(1, 100_000),
        "training.batch_size": st.integers(1, 1_000_000),
        "training.precision": st.sampled_from(["fp32", "tf32", "bf16"]),
        "optimizer.lr": st.floats(min_value=1e-300, max_value=1_000),
        "optimizer.betas": st.tuples(*[st.floats(0, 1, exclude_max=True)] * 2).map(list),
        "model.dropout": st.tuples(*[st.floats(0, 1, exclude_max=True)] * 2).map(list),
        "data.train_fraction": st.floats(0, 1, exclude_min=True),
        "data.normalize": st.sampled_from(["dataset", None, {"mean": [0.5], "std": [0.25]}]),
        "penalty": st.sampled_from([None, {"norm": "l2", "weight": 0.5, "modules": ["fc1", "fc3"]}]),
        "protocol": st.sampled_from(["report", "standard"]),
    },
)


@settings(deadline=None)
@given(changes)
def test_a_spec_with_overrides_is_rebuilt_from_the_texts_of_its_fields(values: dict[str, Any]) -> None:
    changed = override(DROPOUT, values)
    texts = [f"{field.key}={field.text}" for field in fields(changed)]
    rebuilt = override(DROPOUT, texts)
    assert recipe_hash(rebuilt) == recipe_hash(changed)
    assert rebuilt.training == changed.training
    assert override(DROPOUT, changed.overrides) == changed


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_makes_a_spec_or_a_usage_error(key: str, value: str) -> None:
    for one in (key, "optimizer.lr", "data.augment", "penalty.modules", "model.dropout", "data.name"):
        with contextlib.suppress(UsageError):
            assert isinstance(override(DROPOUT, [f"{one}={value}"]), RunSpec)
