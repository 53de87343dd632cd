"""docs/catalog.md says what the loader does: its tables come from the types, its examples run, its limits hold."""

import re
from pathlib import Path
from typing import Any

import tomli

from labtui.catalog import builtin_path, load
from labtui.catalog.file import LARGEST
from labtui.catalog.grid import MOST_VARIANTS
from labtui.catalog.json_schema import schema
from labtui.catalog.load import MOST_ENTRIES, MOST_RUNS
from labtui.catalog.schema_types import (
    ENTRY_KEYS,
    INHERITED_KEYS,
    MEANINGS,
    PROGRAM_KEYS,
    PROGRAM_PATHS,
    RECIPE_PATHS,
    REGISTRIES,
)
from labtui.spec import Cnn, ResNet18
from labtui.store.tags import STEP_UNITS
from tests.support.reference_tables import PAGE, filled, tables

DATASETS = ("cifar10", "digits", "fashion-mnist")
TEXT = PAGE.read_text("utf-8")


def test_the_tables_of_the_page_are_those_of_the_types() -> None:
    assert filled(TEXT) == TEXT, "run: python -m tests.support.reference_tables"
    assert all(f"<!-- table: {name} -->" in TEXT for name in tables())


def test_exactly_the_keys_of_the_catalog_are_on_the_page_with_their_meanings() -> None:
    below = set(REGISTRIES) | {"data", "training"}  # tables whose keys stand there instead
    everything = {*ENTRY_KEYS, *RECIPE_PATHS, *PROGRAM_PATHS} - below
    explained = {
        key
        for key in MEANINGS
        if not key.startswith(("reference.", "metric.", "data.augment.transforms.", "training.mix."))
    }
    assert explained == everything
    for key, meaning in MEANINGS.items():
        assert f"| `{key}` |" in TEXT
        assert meaning in TEXT


def test_the_examples_of_the_page_are_sound(tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    path.write_text("\n".join(re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)), "utf-8")
    catalog = load(path, datasets=DATASETS)
    assert catalog.problems == ()
    assert [variant.spec.title for variant in catalog.variants] == ["Plain", "Heavy Dropout", "Rate 0.1", "Rate 0.01"]
    assert catalog.select(["rates@0.1"])[0].reference is not None


def test_the_numbers_and_names_on_the_page_are_those_of_the_code() -> None:
    words = " ".join(TEXT.split())
    assert f"at most {LARGEST:,} bytes" in words
    assert f"at most {MOST_ENTRIES:,} entries and at most {MOST_RUNS:,} runs" in words
    assert f"at most {MOST_VARIANTS} in all" in words
    assert all(f"`{tag}`" in words for tag in STEP_UNITS)
    for model in (Cnn, ResNet18):
        assert f"has {', '.join(model.modules[:-1])} and {model.modules[-1]}" in words


def test_the_problems_on_the_page_are_those_that_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    text = builtin_path().read_text("utf-8")
    path.write_text(
        f"{text}\n[experiment.mine]\ndata.name = cifar10\n[experiment.other]\noptimizer.lr = -0.1\n", "utf-8"
    )
    shown = [line.split(": ", 2)[2] for line in TEXT.splitlines() if line.startswith("    experiments.toml:")]
    assert {problem.message for problem in load(path, datasets=DATASETS).problems} == set(shown)


def described(table: Any, schema_of: dict[str, Any], at: str = "") -> list[str]:
    """The keys of a parsed catalog that a schema does not describe."""
    missing: list[str] = []
    for key, value in table.items() if isinstance(table, dict) and schema_of else ():
        choices = [schema_of, *schema_of.get("anyOf", ())]
        found = [one["properties"][key] for one in choices if key in one.get("properties", {})]
        found += [one["additionalProperties"] for one in choices if isinstance(one.get("additionalProperties"), dict)]
        missing += described(value, found[0], f"{at}.{key}") if found else [f"{at}.{key}"]
    return missing


def test_the_json_schema_knows_every_key_of_the_built_in_catalog_and_of_the_recipe() -> None:
    made = schema()
    assert described(tomli.loads(builtin_path().read_text("utf-8")), made) == []
    entry = made["properties"]["experiment"]["additionalProperties"]
    assert set(entry["properties"]) == set(ENTRY_KEYS)
    assert set(made["properties"]["defaults"]["properties"]) == set(INHERITED_KEYS) - {"factor", "grid", *PROGRAM_KEYS}
    rate = entry["properties"]["optimizer"]["properties"]["lr"]
    assert (rate["exclusiveMinimum"], rate["maximum"]) == (0, 1_000)
    assert entry["properties"]["model"]["properties"]["name"] == {
        "description": "A model of the registry.",
        "anyOf": [{"enum": ["cnn", "resnet18"]}, {"type": "string"}],
    }
    assert entry["properties"]["model"]["additionalProperties"] is True, "parameters of a model of one's own"
    assert entry["properties"]["optimizer"]["additionalProperties"] is False
    assert described({"experiment": {"x": {"optimiser": 1}}}, made) == [".experiment.x.optimiser"]
    assert described({"metric": {"val/loss": {"better": "lower", "beter": 1}}}, made) == [".metric.val/loss.beter"]
    assert entry["properties"]["metric"]["anyOf"][0]["properties"]["better"]["anyOf"][0] == {
        "enum": ["higher", "lower"]
    }
