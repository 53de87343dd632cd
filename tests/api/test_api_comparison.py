"""The variants and tables of a comparison."""

from pathlib import Path

import pytest

from labtui.api import Lab
from labtui.api.comparison import compare_experiments, variants
from labtui.errors import UsageError
from labtui.spec import Normalize
from tests.support.labs import make_lab

REFERENCE = '\n[experiment.dropout.reference]\nepoch = 10\nfigures."Test accuracy" = 61.04\n'


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    from tests.support.labs import CATALOG

    return make_lab(tmp_path, CATALOG + REFERENCE)


def test_every_variant_appears_on_its_own_data_set_and_on_its_fallback(lab: Lab) -> None:
    places = [(variant.spec.name, variant.spec.data.name, variant.spec.group) for variant in variants(lab)]
    assert places[:2] == [("network", "cifar10", "Cifar"), ("network", "digits", "Digits")]
    assert len(places) == 2 * len(lab.catalog.variants)


def test_published_figures_belong_to_their_own_data_set_only(lab: Lab) -> None:
    with_figures = [
        (variant.spec.name, variant.spec.data.name) for variant in variants(lab) if variant.reference is not None
    ]
    assert with_figures == [("dropout", "cifar10")]


def test_every_variant_has_its_normalization_resolved(lab: Lab) -> None:
    normalized = [variant.spec.data.normalize for variant in variants(lab) if variant.spec.name == "normalization"]
    assert all(isinstance(figures, Normalize) for figures in normalized)
    assert len(set(normalized)) == 2


def test_an_unknown_name_is_an_error_with_the_nearest_names(lab: Lab) -> None:
    with pytest.raises(UsageError, match="Did you mean dropout"):
        compare_experiments(lab, ["dropot"])
    with pytest.raises(UsageError, match="nowhere"):
        compare_experiments(lab, baseline="nowhere")


def test_titles_and_members_are_names_too(lab: Lab) -> None:
    for name in ("Dropout", "adam@0.01", "adam"):
        assert {row.experiment for row in compare_experiments(lab, [name]).rows} >= {name.partition("@")[0].lower()}
