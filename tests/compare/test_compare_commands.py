"""The commands that a comparison proposes are those that do what is proposed."""

from typing import Any

import msgspec
import pytest

from labtui.catalog.seeds import parse_seeds
from labtui.compare.cells import run_requests
from labtui.compare.render.commands import run_command, seeds_option
from labtui.spec import Cnn, Data, RunSpec, Training
from tests.support.comparisons import judged, only_cell, row, runs_of, spec, variant

DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
ADAM = spec("adam", "Adam 0.001", member="0.001")


def command(*specs: RunSpec, seeds: tuple[int, ...] = (0, 1, 2), **settings: Any) -> str:
    cells = [only_cell(runs_of(of, [60, 61])) for of in specs]
    return run_command(run_requests(cells, seeds, settings))


@pytest.mark.parametrize("seeds", [(0,), (4,), (0, 1), (0, 1, 2), (3, 4, 5, 6), (0, 4, 7)])
def test_seeds_are_written_as_the_command_line_reads_them(seeds: tuple[int, ...]) -> None:
    option, _, text = seeds_option(seeds).partition(" ")
    assert (parse_seeds(text) if option == "--seeds" else (int(text),)) == seeds


def test_experiments_and_members_are_named_once() -> None:
    assert command(DROPOUT, ADAM, DROPOUT) == "labtui run dropout adam@0.001 --seeds 0-2"


def test_overrides_are_kept_and_further_ones_are_set_on_top() -> None:
    short = msgspec.structs.replace(
        DROPOUT, training=Training(epochs=1), overrides={"training.epochs": 1, "model.dropout": (0.5, 0.5)}
    )
    assert command(short) == "labtui run dropout --epochs 1 --set 'model.dropout=[0.5,0.5]' --seeds 0-2"
    assert command(short, **{"training.epochs": 20}).startswith("labtui run dropout --epochs 20 --set ")


def test_cells_with_other_settings_get_a_command_of_their_own() -> None:
    short = msgspec.structs.replace(ADAM, training=Training(epochs=1), overrides={"training.epochs": 1})
    assert (
        command(DROPOUT, short, seeds=(4,))
        == "labtui run dropout --seed 4 && labtui run adam@0.001 --epochs 1 --seed 4"
    )


def test_a_value_is_never_more_than_a_word_to_a_shell() -> None:
    hostile = msgspec.structs.replace(DROPOUT, overrides={"model.name": "x; rm -rf ~"})
    assert command(hostile) == "labtui run dropout --set 'model.name=x; rm -rf ~' --seeds 0-2"


def test_rows_on_a_replacement_data_set_name_it() -> None:
    base = spec(baseline=None)
    variants = [
        variant(of) for one in (base, DROPOUT) for of in (one, msgspec.structs.replace(one, data=Data(name="digits")))
    ]
    runs = [*runs_of(variants[1].spec, [90.0]), *runs_of(variants[3].spec, [91.0])]
    found = row(judged(runs, variants), "dropout").declared
    assert found is not None
    assert found.need is not None
    assert run_command(found.need.runs) == "labtui run dropout network --dataset digits --seeds 0-2"
