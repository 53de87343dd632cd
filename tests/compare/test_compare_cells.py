"""Which runs are repeats of each other."""

import dataclasses

import msgspec

from labtui.compare.cells import cells
from labtui.spec import Adam, Training
from labtui.store import tags
from labtui.store.state import State
from tests.support.comparisons import judged, only_cell, row, run, runs_of, spec, variant

DROPOUT = spec("dropout", "Dropout")
SHORT = msgspec.structs.replace(DROPOUT, training=Training(epochs=1), overrides={"training.epochs": 1})


def test_seeds_of_one_recipe_are_one_cell_in_the_order_of_seeds() -> None:
    runs = runs_of(DROPOUT, [61, 62, 63])
    assert only_cell(reversed(runs)).seeds == (0, 1, 2)


def test_the_newest_finished_run_of_a_seed_counts_and_earlier_ones_are_superseded() -> None:
    old, new = (run(DROPOUT, 0, {tags.TEST_ACCURACY: value}, created=value) for value in (10.0, 20.0))
    unfinished = run(DROPOUT, 0, {}, created=30.0, state=State.RUNNING)
    cell = only_cell([new, unfinished, old])
    assert [one.id for one in cell.runs] == [new.id]
    assert [one.id for one in cell.superseded] == [old.id]
    assert cell.unfinished == ()


def test_a_run_with_overrides_is_a_cell_of_its_own_with_them_in_its_title() -> None:
    found = cells([*runs_of(DROPOUT, [61]), *runs_of(SHORT, [40])])
    assert [cell.title for cell in found] == ["Dropout", "Dropout [epochs=1]"]


def test_a_changed_definition_is_another_cell() -> None:
    changed = msgspec.structs.replace(DROPOUT, optimizer=Adam(lr=0.01))
    assert len(cells([*runs_of(DROPOUT, [61]), *runs_of(changed, [30])])) == 2


def test_equal_recipes_of_two_experiments_are_two_cells() -> None:
    assert len(cells([*runs_of(DROPOUT, [61]), *runs_of(spec("other", "Other"), [61])])) == 2


def test_a_cell_is_called_what_its_newest_run_was_called() -> None:
    renamed = msgspec.structs.replace(DROPOUT, title="Drop Out")
    assert only_cell([run(renamed, 1, {}, created=9.0), run(DROPOUT, 0, {}, created=1.0)]).title == "Drop Out"


def test_how_often_something_is_recorded_makes_no_other_cell() -> None:
    chatty = msgspec.structs.replace(DROPOUT, training=Training(log_every=1))
    assert len(cells([run(DROPOUT, 0, {}), run(chatty, 1, {})])) == 1


def test_threads_tell_cells_apart_on_a_cpu_and_not_on_a_gpu() -> None:
    def of(device: str, threads: int) -> int:
        return len(cells([run(DROPOUT, 0, {}, device=device), run(DROPOUT, 1, {}, device=device, threads=threads)]))

    assert of("cpu", 2) == 1
    assert of("cpu", 1) == 2
    assert of("cuda:0", 1) == 1


def test_two_gpus_are_one_kind_of_device_and_a_cpu_is_another() -> None:
    runs = [run(DROPOUT, seed, {}, device=device) for seed, device in enumerate(("cuda:0", "cuda:1", "cpu"))]
    assert [(cell.device, cell.seeds) for cell in cells(runs)] == [("cuda", (0, 1)), ("cpu", (2,))]


def test_a_queued_run_joins_the_cell_of_its_recipe() -> None:
    queued = run(DROPOUT, 3, {}, state=State.QUEUED)
    (cell,) = cells([*runs_of(DROPOUT, [61, 62]), queued])
    assert [one.id for one in cell.unfinished] == [queued.id]


def test_a_cell_may_have_no_finished_run_at_all() -> None:
    cell = only_cell([run(DROPOUT, 0, {}, state=State.QUEUED)])
    assert (cell.runs, cell.device) == ((), "")


def test_runs_without_a_readable_spec_are_left_out() -> None:
    foreign = dataclasses.replace(run(DROPOUT, 0, {}), spec_file=None, foreign=True)
    assert cells([foreign]) == ()


# --- Which of them get a row -----------------------------------------------------------------------------------------


def test_the_present_definition_is_the_row_and_older_ones_fold_under_it() -> None:
    older = msgspec.structs.replace(DROPOUT, optimizer=Adam(lr=0.01))
    table = judged([*runs_of(older, [30, 31, 32]), *runs_of(DROPOUT, [61])], [variant(DROPOUT)])
    (only,) = table.rows
    assert (only.n, only.mean) == (1, 61)
    assert [(one.why, one.n) for one in only.folded] == [("older definition: optimizer.lr 0.01, now 0.001", 3)]


def test_overridden_runs_get_a_row_after_their_experiment() -> None:
    other = spec("l1", "L1")
    table = judged(
        [*runs_of(SHORT, [40]), *runs_of(DROPOUT, [61]), *runs_of(other, [35])], [variant(DROPOUT), variant(other)]
    )
    assert [one.title for one in table.rows] == ["Dropout", "Dropout [epochs=1]", "L1"]


def test_an_override_that_says_what_the_catalog_says_now_is_the_present_definition() -> None:
    present = msgspec.structs.replace(SHORT, overrides={})
    (only,) = judged(runs_of(SHORT, [40]), [variant(present)]).rows
    assert (only.title, only.overridden) == ("Dropout", False)


def test_the_device_with_most_seeds_is_the_row_and_others_fold_under_it() -> None:
    few = [run(DROPOUT, 9, {tags.TEST_ACCURACY: 62}, device="cuda:0")]
    (only,) = judged([*few, *runs_of(DROPOUT, [61, 62])], [variant(DROPOUT)]).rows
    assert only.device == "cpu"
    assert [one.why for one in only.folded] == ["on cuda"]


def test_experiments_that_left_the_catalog_keep_their_rows() -> None:
    assert [one.title for one in judged(runs_of(DROPOUT, [61]), []).rows] == ["Dropout"]


def test_variants_without_a_finished_run_get_a_row_only_where_they_are_asked_for() -> None:
    variants = [variant(DROPOUT), variant(spec("l1", "L1"))]
    assert [one.name for one in judged(runs_of(DROPOUT, [61]), variants).rows] == ["dropout"]
    asked = judged(runs_of(DROPOUT, [61]), variants, names=["l1"])
    assert row(asked, "l1").label == "no finished run"


def test_running_runs_are_named_in_a_note() -> None:
    table = judged([run(DROPOUT, 0, {}, state=State.RUNNING)], [variant(DROPOUT)])
    assert table.rows == ()
    assert table.notes == ("without a finished run: Dropout (running)",)


def test_rows_stand_data_set_by_data_set() -> None:
    digits = msgspec.structs.replace(DROPOUT, data=msgspec.structs.replace(DROPOUT.data, name="digits"), group="Digits")
    other = spec("l1", "L1")
    variants = [variant(DROPOUT), variant(digits), variant(other)]
    table = judged([*runs_of(digits, [90]), *runs_of(other, [35]), *runs_of(DROPOUT, [61])], variants)
    assert [(one.data, one.title) for one in table.rows] == [
        ("cifar10", "Dropout"),
        ("cifar10", "L1"),
        ("digits", "Dropout"),
    ]
    assert "rows on different data sets are not compared with each other" in table.notes
