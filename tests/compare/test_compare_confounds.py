"""What differs beyond the declared factor, and which baseline is the fair one."""

from typing import Any

import msgspec
import pytest

from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import metric
from labtui.compare.model import Severity, Verdict
from labtui.compare.render.commands import remedy_text
from labtui.compare.spec_diff import changes, undeclared
from labtui.spec import Adam, AdamW, Augment, Cnn, Data, HorizontalFlip, Normalize, Penalty, RunSpec, Sgd, Training
from labtui.store import tags
from tests.support.comparisons import (
    AUGMENT,
    NORMALIZE,
    codes,
    judged,
    only_cell,
    row,
    run,
    runs_of,
    said,
    spec,
    variant,
)

NETWORK = spec(data=Data(name="cifar10", train_fraction=0.5), baseline=None)
FULL = spec("adam", "Adam 0.001", member="0.001", factor=("optimizer.lr",))
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
VARIANTS = [variant(NETWORK), variant(FULL), variant(DROPOUT)]


def keys(here: RunSpec, there: RunSpec, *factor: str) -> list[str]:
    return [change.key for change in undeclared(here, there, factor)]


def found(here: RunSpec, there: RunSpec, *factor: str, tag: str = tags.TEST_ACCURACY) -> dict[str, str]:
    pair = (only_cell(runs_of(of, [60, 61])) for of in (here, there))
    return {one.code: one.text for one in confounds(*pair, factor, metric(tag))}


def test_the_declared_factor_is_no_confound() -> None:
    assert keys(DROPOUT, FULL, "model.dropout") == []
    assert keys(DROPOUT, FULL, "model") == []


def test_what_differs_beyond_the_factor_is_one_with_the_key_and_both_values() -> None:
    assert found(DROPOUT, NETWORK, "model.dropout") == {
        "data": "data.train_fraction: 0.5 in Network, 1 here (25,000 and 50,000 training images)"
    }


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"training": Training(epochs=20)}, "training.epochs"),
        ({"training": Training(batch_size=64)}, "training.batch_size"),
        ({"training": Training(precision="bf16")}, "training.precision"),
        ({"protocol": "standard"}, "protocol"),
        ({"optimizer": Adam(lr=0.01)}, "optimizer.lr"),
        ({"optimizer": AdamW(lr=1e-3, weight_decay=0.0)}, "optimizer.name"),
        ({"penalty": Penalty(norm="l2", weight=0.1)}, "penalty"),
        ({"data": Data(name="cifar10", normalize=NORMALIZE)}, "data.normalize"),
        ({"data": Data(name="cifar10", augment=AUGMENT)}, "data.augment"),
    ],
)
def test_each_part_of_a_recipe_counts(change: dict[str, Any], key: str) -> None:
    assert keys(msgspec.structs.replace(DROPOUT, **change), FULL, "model.dropout") == [key]


def test_a_part_that_one_side_lacks_is_one_change_and_belongs_to_the_factor_as_a_whole() -> None:
    l1 = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.5, modules="fc1"))
    assert [(one.key, one.there) for one in changes(l1, FULL)] == [("penalty", None)]
    assert keys(l1, FULL, "penalty.weight") == []


def test_arguments_that_only_one_optimizer_has_go_without_saying() -> None:
    sgd = spec("sgd", "SGD", optimizer=Sgd(lr=0.01))
    assert [one.key for one in changes(sgd, FULL)] == ["optimizer.name", "optimizer.lr"]


def test_without_a_declared_factor_one_part_may_differ_and_several_may_not() -> None:
    one = msgspec.structs.replace(FULL, optimizer=Adam(lr=0.01, weight_decay=0.1))
    several = msgspec.structs.replace(one, model=Cnn(dropout=(0.1, 0.1)))
    assert keys(one, FULL) == []
    assert keys(several, FULL) == ["model.dropout", "optimizer.lr", "optimizer.weight_decay"]


def test_the_batch_size_of_the_test_confounds_the_reports_test_loss_alone() -> None:
    other = msgspec.structs.replace(FULL, training=Training(test_batch_size=128))
    assert found(other, FULL, "optimizer.lr") == {}
    assert "loss-scale" in found(other, FULL, "optimizer.lr", tag=tags.REPORT_TEST_LOSS)


def test_normalized_test_images_are_the_same_images() -> None:
    normalized = spec("normalization", "Normalization", data=Data(name="cifar10", normalize=NORMALIZE))
    assert found(normalized, FULL, "data.normalize", tag=tags.REPORT_TEST_ACCURACY) == {}


def test_augmented_test_images_are_other_images_for_the_reports_figures_and_not_for_the_plain_ones() -> None:
    augmented = spec("augmentation", "Augmentation", data=Data(name="cifar10", augment=AUGMENT))
    assert found(augmented, FULL, "data.augment") == {}
    texts = found(augmented, FULL, "data.augment", tag=tags.REPORT_TEST_ACCURACY)
    assert texts == {
        "test-set": "Test accuracy is not measured on the same images: 10,000 plain in Adam 0.001, "
        "20,000, half of them with random transforms here"
    }


def test_two_ways_of_augmenting_the_test_images_are_not_the_same_images() -> None:
    flips = Augment(mode="append", test=True, transforms=(HorizontalFlip(),))
    one, other = (
        spec(str(index), "A", data=Data(name="cifar10", augment=each)) for index, each in enumerate((AUGMENT, flips))
    )
    assert "test-set" in found(one, other, "data.augment", tag=tags.REPORT_TEST_LOSS)


def test_train_figures_of_other_images_or_under_dropout_are_not_compared() -> None:
    augmented = spec("augmentation", "Augmentation", data=Data(name="cifar10", augment=AUGMENT))
    assert "train-set" in found(augmented, FULL, "data.augment", tag=tags.REPORT_TRAIN_ACCURACY)
    assert "eval-mode" in found(DROPOUT, FULL, "model.dropout", tag=tags.TRAIN_LOSS)


def test_train_figures_of_half_the_images_are_of_other_images() -> None:
    assert "train-set" in found(NETWORK, FULL, "data.train_fraction", tag=tags.REPORT_TRAIN_LOSS)
    assert found(NETWORK, FULL, "data.train_fraction", tag=tags.REPORT_TEST_LOSS) == {}


def test_dropout_in_the_test_confounds_the_reports_figures_and_not_the_plain_ones() -> None:
    assert found(DROPOUT, FULL, "model.dropout") == {}
    assert found(DROPOUT, FULL, "model.dropout", tag=tags.REPORT_TEST_ACCURACY) == {
        "eval-mode": "Test accuracy is measured with dropout active here only: the original lab report "
        "never calls model.eval()"
    }
    standard = [msgspec.structs.replace(of, protocol="standard") for of in (DROPOUT, FULL)]
    assert found(*standard, "model.dropout", tag=tags.REPORT_TEST_ACCURACY) == {}


def test_a_penalty_on_one_side_confounds_train_losses_alone() -> None:
    l2 = spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.5))
    assert found(l2, FULL, "penalty") == {}
    assert found(l2, FULL, "penalty", tag=tags.REPORT_TEST_LOSS) == {}
    assert found(l2, FULL, "penalty", tag=tags.REPORT_TRAIN_LOSS) == {
        "loss-scale": "Train Loss includes the penalty: no penalty in Adam 0.001, l2 penalty of weight 0.5 here"
    }


def test_another_data_set_is_a_confound_even_if_it_is_the_factor() -> None:
    digits = msgspec.structs.replace(FULL, data=Data(name="digits"))
    expected = {"test-set": "other test images: cifar10 in Adam 0.001, digits here"}
    assert found(digits, FULL, "data") == expected
    assert found(digits, FULL, "optimizer.lr") == expected


def test_other_bytes_under_the_same_name_are_a_confound() -> None:
    runs = runs_of(DROPOUT, [60])
    changed = [
        msgspec.structs.replace(one.spec_file, data_fingerprint="e" * 12) for one in runs if one.spec_file is not None
    ]
    import dataclasses

    here = only_cell([dataclasses.replace(runs[0], spec_file=changed[0])])
    texts = [one.text for one in confounds(here, only_cell(runs_of(FULL, [60])), ("model",), metric("test/accuracy"))]
    assert texts == ["other images with the same name: data fingerprint ffffffffffff in Adam 0.001, eeeeeeeeeeee here"]


# --- The matched baseline --------------------------------------------------------------------------------------------


def test_the_run_that_differs_in_the_factor_alone_is_looked_up_and_judged_instead() -> None:
    runs = [*runs_of(NETWORK, [55, 56, 57]), *runs_of(FULL, [64, 64.5, 65]), *runs_of(DROPOUT, [62, 62.4, 62.9])]
    dropout = row(judged(runs, VARIANTS), "dropout")
    assert dropout.declared is not None
    assert (dropout.declared.verdict, dropout.declared.why) == (Verdict.NOT_JUDGED, "confounded")
    assert dropout.matched is not None
    assert (dropout.matched.against, dropout.matched.verdict) == ("Adam 0.001", Verdict.LOSS)
    assert dropout.comparison is dropout.matched


def test_a_matched_baseline_that_was_not_run_is_proposed_as_a_variant() -> None:
    dropout = row(judged([*runs_of(NETWORK, [55, 56]), *runs_of(DROPOUT, [62, 62.4])], VARIANTS), "dropout")
    (finding,) = [one for one in dropout.all_findings if one.code == "unmatched"]
    assert finding.text == "no finished run differs in model.dropout alone; a run of Adam 0.001 would"
    assert remedy_text(finding.remedy) == "matched baseline: labtui run adam@0.001 --seeds 0,1"


def test_a_matched_baseline_that_no_variant_has_is_proposed_with_overrides() -> None:
    runs = [*runs_of(NETWORK, [55, 56, 57]), *runs_of(DROPOUT, [62, 62.4, 63])]
    dropout = row(judged(runs, [variant(NETWORK), variant(DROPOUT)]), "dropout")
    (finding,) = [one for one in dropout.all_findings if one.code == "unmatched"]
    assert remedy_text(finding.remedy) == "matched baseline: labtui run network --set data.train_fraction=1 --seeds 0-2"


def test_an_overridden_run_of_the_baseline_can_be_the_match() -> None:
    offered = msgspec.structs.replace(NETWORK, data=Data(name="cifar10"), overrides={"data.train_fraction": 1.0})
    runs = [*runs_of(NETWORK, [55, 56, 57]), *runs_of(offered, [64, 64, 65]), *runs_of(DROPOUT, [62, 62.4, 63])]
    dropout = row(judged(runs, [variant(NETWORK), variant(DROPOUT)]), "dropout")
    assert dropout.matched is not None
    assert dropout.matched.against == "Network [data.train_fraction=1.0]"


def test_a_match_is_found_even_where_the_declared_baseline_was_never_run() -> None:
    dropout = row(judged([*runs_of(FULL, [64, 64.5]), *runs_of(DROPOUT, [62, 62.4])], VARIANTS), "dropout")
    assert dropout.matched is not None
    assert dropout.matched.judged


def test_a_row_that_is_the_baselines_twin_but_for_the_confound_says_so() -> None:
    full = row(judged([*runs_of(NETWORK, [55, 56, 57]), *runs_of(FULL, [64, 64.5, 65])], VARIANTS), "adam@0.001")
    assert full.matched is None
    assert said(full, "own-match") == (
        "optimizer.lr is the same as in Network: the difference from it shows the effect of data.train_fraction"
    )


def test_a_baseline_that_is_fair_to_no_row_has_a_warning() -> None:
    runs = [*runs_of(NETWORK, [55, 56, 57]), *runs_of(FULL, [64, 64.5, 65]), *runs_of(DROPOUT, [62, 62.4, 63])]
    assert said(row(judged(runs, VARIANTS), "network"), "poor-baseline") == (
        "a poor baseline: 2 of 2 rows differ from it in more than their factor (data.train_fraction); "
        "they are compared with Adam 0.001 instead"
    )


def test_no_row_is_compared_with_itself() -> None:
    itself = spec(baseline="network")
    (only,) = judged(runs_of(itself, [60, 61]), [variant(itself)]).rows
    assert only.comparisons == ()


def test_an_unconfounded_row_needs_no_match() -> None:
    fair = [variant(FULL), variant(msgspec.structs.replace(DROPOUT, baseline="adam"))]
    dropout = row(judged([*runs_of(FULL, [64, 64.5, 65]), *runs_of(DROPOUT, [62, 62.4, 63])], fair), "dropout")
    assert dropout.matched is None
    assert dropout.declared is not None
    assert dropout.declared.judged


def test_a_row_with_overrides_is_compared_with_the_baseline_under_the_same_ones() -> None:
    def short(of: RunSpec) -> RunSpec:
        return msgspec.structs.replace(of, training=Training(epochs=1), overrides={"training.epochs": 1})

    base = spec(baseline=None)
    runs = [run for of in (base, short(base), short(DROPOUT)) for run in runs_of(of, [50, 51, 52.5])]
    dropout = row(judged(runs, [variant(base), variant(DROPOUT)]), "Dropout [epochs=1]")
    assert dropout.declared is not None
    assert dropout.declared.against == "Network [epochs=1]"


def test_two_rows_that_a_person_puts_side_by_side_may_differ_in_what_either_declares() -> None:
    l2 = spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.1), factor=("penalty",))
    runs = [*runs_of(l2, [60, 61, 61.5]), *runs_of(DROPOUT, [62, 62.4, 63])]
    table = judged(runs, [variant(l2), variant(DROPOUT)], names=["dropout"], baseline="l2")
    comparison = row(table, "dropout").declared
    assert comparison is not None
    assert comparison.judged


# --- Budget and environment ------------------------------------------------------------------------------------------


def test_more_work_that_follows_from_the_factor_is_shown_with_a_variant_of_equal_steps() -> None:
    augmented = spec(
        "augmentation", "Augmentation", data=Data(name="cifar10", augment=AUGMENT), factor=("data.augment",)
    )
    runs = [*runs_of(FULL, [64, 65, 64.5]), *runs_of(augmented, [66, 66.5, 67], seconds=600)]
    comparison = row(judged(runs, [variant(FULL), variant(augmented)], baseline="adam"), "augmentation").declared
    assert comparison is not None
    (finding,) = [one for one in comparison.findings if one.severity is Severity.BUDGET]
    assert finding.text == (
        "images seen ×2 (1,000,000 against 500,000 in Adam 0.001), steps ×2, seconds ×3.3: follows from data.augment"
    )
    assert remedy_text(finding.remedy) == "same steps: labtui run adam@0.001 --epochs 20 --seeds 0-2"
    assert comparison.label == "gain, budget ×2"


def test_equal_work_is_not_mentioned() -> None:
    runs = [*runs_of(FULL, [64, 65, 64.5]), *runs_of(DROPOUT, [66, 66.5, 67])]
    assert "budget" not in codes(row(judged(runs, VARIANTS, baseline="adam"), "dropout").all_findings)


def test_versions_and_commits_are_environment_findings_and_do_not_prevent_a_verdict() -> None:
    runs = [
        *runs_of(FULL, [64, 65, 64.5], versions={"torch": "2.13.0"}, commit="a" * 40),
        *runs_of(DROPOUT, [66, 66.5, 67], versions={"torch": "2.15.0"}, commit="b" * 40 + "-dirty"),
    ]
    comparison = row(judged(runs, VARIANTS, baseline="adam"), "dropout").declared
    assert comparison is not None
    assert comparison.judged
    texts = [one.text for one in comparison.findings if one.severity is Severity.ENVIRONMENT]
    assert texts == [
        "commit: aaaaaaaaaaaa in Adam 0.001, bbbbbbbbbbbb-dirty here",
        "torch: 2.13.0 in Adam 0.001, 2.15.0 here",
    ]


def test_runs_on_another_device_are_compared_without_pairs_and_without_their_seconds() -> None:
    gpu = [run(DROPOUT, seed, {tags.TEST_ACCURACY: 62 + seed}, device="cuda:0", seconds=4) for seed in range(3)]
    comparison = row(judged([*runs_of(FULL, [64, 65, 64.5]), *gpu], VARIANTS, baseline="adam"), "dropout").declared
    assert comparison is not None
    assert comparison.method == "welch"
    assert not any("seconds" in one.text for one in comparison.findings)


def test_values_of_a_strangers_run_cannot_steer_a_terminal() -> None:
    runs = [
        *runs_of(FULL, [64, 65, 64.5], versions={"torch": "2.13"}),
        *runs_of(DROPOUT, [66, 66.5, 67], versions={"torch": "\x1b[2J\x07evil\n"}),
    ]
    texts = [one.text for one in row(judged(runs, VARIANTS, baseline="adam"), "dropout").all_findings]
    assert not any(character in text for text in texts for character in "\x1b\x07\n")


def test_normalize_differs_by_its_figures() -> None:
    other = Normalize(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    one, two = (spec("n", "N", data=Data(name="cifar10", normalize=each)) for each in (NORMALIZE, other))
    assert [change.key for change in changes(one, two)] == ["data.normalize.mean", "data.normalize.std"]


HALF_PRECISION = msgspec.structs.replace(
    spec(baseline=None), training=Training(precision="bf16"), overrides={"training.precision": "bf16"}
)


@pytest.mark.parametrize("chosen", [None, "network"])
def test_an_overridden_row_whose_experiment_has_no_baseline_is_compared_with_its_plain_definition(
    chosen: str | None,
) -> None:
    base = spec(baseline=None)
    runs = [*runs_of(base, [50, 51, 52.5]), *runs_of(HALF_PRECISION, [50.2, 51.1, 52.4])]
    table = judged(runs, [variant(base)], baseline=chosen)
    plain, overridden = row(table, "Network"), row(table, "Network [precision=bf16]")
    assert plain.comparisons == ()
    assert plain.is_baseline
    assert overridden.declared is not None
    assert (overridden.declared.against, overridden.declared.judged) == ("Network", True)


def test_an_overridden_row_may_differ_from_its_plain_definition_in_all_that_was_overridden() -> None:
    both = msgspec.structs.replace(
        HALF_PRECISION,
        training=Training(precision="bf16"),
        data=Data(name="cifar10"),
        overrides={"training.precision": "bf16", "data.train_fraction": 1.0},
    )
    base = spec(baseline=None)
    table = judged([*runs_of(base, [50, 51, 52.5]), *runs_of(both, [55, 56, 57.5])], [variant(base)])
    [overridden] = [one for one in table.rows if one.name == "network" and one.overridden]
    assert overridden.declared is not None
    assert overridden.declared.confounds == ()
