"""Looking again and choosing what to show, through the command line: neither makes a gain out of noise."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from labtui.api import Lab
from labtui.api.lifecycle import create, enqueue, move_to_trash, remove_from_queue
from labtui.api.looks import announce
from labtui.api.planning import planned_run
from labtui.launch.queue.entries import waiting_entries
from labtui.store.ledger import ledger_of
from labtui.store.store import Store
from tests.support.command_line import Answer
from tests.support.ended_runs import write_ended, write_seeds
from tests.support.labs import make_lab
from tests.support.processes import environment

Cli = Callable[..., Answer]

ROWS = 10

CATALOG = """
[defaults]
group = "Cifar"
protocol = "report"
data.name = "cifar10"
model.name = "cnn"
optimizer.name = "adam"

[experiment.base]
title = "Base"
""" + "".join(
    f"""
[experiment.e{number}]
title = "E{number}"
baseline = "base"
factor = ["model.dropout"]
model.dropout = [0.{number + 10}, 0.2]
"""
    for number in range(ROWS)
)

BASE = (60.1, 60.4, 59.9)
NULL = ((60.3, 60.1, 60.2), (59.8, 60.6, 59.7), (60.0, 60.2, 60.3))
BEST = (60.70, 60.75, 60.25)
"""+0.43 with a paired p of 0.035: a gain alone, undecided over ten."""


@pytest.fixture
def lab(here: Path) -> Lab:
    """A lab with a baseline and room for ten rows."""
    return make_lab(here, CATALOG)


def write_ten(lab: Lab) -> None:
    """Ten rows without any effect, the best of them `e7`."""
    write_seeds(lab, "base", *BASE)
    for number in range(ROWS):
        write_seeds(lab, f"e{number}", *(BEST if number == 7 else NULL[number % len(NULL)]))


def row(answer: Answer, name: str) -> dict[str, Any]:
    """The row of a comparison in JSON."""
    return next(row for row in json.loads(answer.out)["rows"] if row["name"] == name)


def compared(answer: Answer, name: str) -> dict[str, Any]:
    """Its comparison."""
    found = row(answer, name)["declared"]
    assert isinstance(found, dict)
    return found


def add(lab: Lab, name: str, seeds: Sequence[int], values: Sequence[float]) -> None:
    for seed, value in zip(seeds, values, strict=True):
        write_ended(lab, name, seed, value)


# --- Choosing -------------------------------------------------------------------------------------------------------


def test_the_best_of_ten_is_judged_with_all_ten_when_it_is_shown_alone(lab: Lab, cli: Cli) -> None:
    """F5: `compare` of all claimed none; `compare e7` alone was a gain."""
    write_ten(lab)
    alone, every = cli("compare", "e7", "--json"), cli("compare", "--json")
    assert row(alone, "e7")["verdict"] == row(every, "e7")["verdict"] == "undecided"
    assert compared(alone, "e7")["adjusted"] == compared(every, "e7")["adjusted"]
    assert compared(alone, "e7")["p"] < 0.05
    out = " ".join(cli("compare", "e7").out.split())
    assert "adjusted for all 10 comparisons that were tried, shown or not (Holm)" in out
    assert "1 of 10 comparisons made so far; corrected for all of them: undecided" in out


def test_the_best_of_ten_is_not_asserted_alone(lab: Lab, cli: Cli) -> None:
    """F5: `compare --assert "e7 > base"` held."""
    write_ten(lab)
    answer = cli("compare", "--assert", "e7 > base")
    assert answer.code == 4
    assert "1 of 10 comparisons made so far" in answer.err


def test_the_same_row_is_a_gain_where_nothing_else_was_tried(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    assert cli("compare", "--assert", "e7 > base").code == 0


def test_rows_that_were_looked_at_count_after_they_are_removed(lab: Lab, cli: Cli) -> None:
    write_ten(lab)
    cli("compare")
    for run in lab.store.scan():
        if run.name not in ("base", "e7"):
            move_to_trash(lab, run)
    assert cli("compare", "--assert", "e7 > base").code == 4
    assert "1 of 10 comparisons made so far" in cli("compare", "e7").out


def test_rows_that_were_never_shown_count_after_they_are_removed(lab: Lab, cli: Cli) -> None:
    write_ten(lab)
    for run in lab.store.scan():
        if run.name not in ("base", "e7"):
            move_to_trash(lab, run)
    assert cli("compare", "--assert", "e7 > base").code == 4
    assert "1 of 10 comparisons made so far" in cli("compare", "e7").out


def test_rows_that_were_judged_with_a_row_count_after_they_are_deleted_by_hand(lab: Lab, cli: Cli) -> None:
    write_ten(lab)
    cli("compare", "e7")
    for number in (0, 1, 2, 3, 4, 5, 6, 8, 9):
        shutil.rmtree(lab.store.root / "Cifar" / f"E{number}")
    assert cli("compare", "--assert", "e7 > base").code == 4
    assert "1 of 10 comparisons made so far" in cli("compare", "e7").out


def test_rows_with_one_seed_were_tried_too(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    for number in (0, 1, 2, 3, 4, 5, 6, 8, 9):
        write_seeds(lab, f"e{number}", 60.2)
    assert cli("compare", "--assert", "e7 > base").code == 4


def test_a_seed_that_is_removed_for_its_value_leaves_no_verdict_behind(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE, 60.2, 60.0)
    write_seeds(lab, "e7", *BEST, 59.6, 59.5)
    for run in lab.store.scan():
        if run.name == "e7" and run.seed in (3, 4):
            move_to_trash(lab, run)
    answer = cli("compare", "--assert", "e7 > base")
    assert answer.code == 4
    assert "seeds 3,4 of e7 removed: run again" in answer.err
    add(lab, "e7", [3, 4], [59.6, 59.5])
    assert "+0.04" in cli("compare", "--assert", "e7 > base").err


def test_older_definitions_of_an_entry_were_tried_too(lab: Lab, cli: Cli) -> None:
    """Changing the entry until it looks good is choosing among settings."""
    write_seeds(lab, "base", *BASE)
    catalog = lab.catalog.path
    for number in range(9):
        text = catalog.read_text().replace("model.dropout = [0.17, 0.2]", f"model.dropout = [0.17, 0.3{number}]")
        catalog.write_text(
            text.replace(f"model.dropout = [0.17, 0.3{number - 1}]", f"model.dropout = [0.17, 0.3{number}]")
        )
        write_seeds(make_lab_again(lab), "e7", *(BEST if number == 8 else NULL[number % 3]))
    assert cli("compare", "--assert", "e7 > base").code == 4
    assert "1 of 9 comparisons made so far" in cli("compare", "e7").out


def test_choosing_the_baseline_is_choosing_too(lab: Lab, cli: Cli) -> None:
    write_ten(lab)
    families = []
    for name in ("base", "e1", "e2", "e3"):
        answer = cli("compare", "e7", "--baseline", name, "--json")
        families.append(compared(answer, "e7")["look"]["family"])
    assert families == [10, 11, 12, 13]


# --- Looking again --------------------------------------------------------------------------------------------------


def test_further_seeds_are_another_look_with_an_interval_for_any_number_of_looks(lab: Lab, cli: Cli) -> None:
    """F4: after each seed the usual interval was printed again."""
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *(value + 0.3 for value in (60.5, 59.6, 60.4)))
    first = compared(cli("compare", "--json"), "e7")
    assert (first["look"]["showing"], first["look"]["number"]) == ("fixed", 1)
    assert compared(cli("compare", "--json"), "e7")["adjusted"] == first["adjusted"]
    for name in ("base", "e7"):
        add(lab, name, [3], [60.9 if name == "e7" else 60.0])
    out = cli("compare").out
    assert "no interval: the second look needs at least 6 seeds" in out
    assert "inf" not in out
    for name in ("base", "e7"):
        add(lab, name, [4, 5, 6, 7], [value + (0.7 if name == "e7" else 0) for value in (60.1, 60.3, 59.9, 60.2)])
    found = compared(cli("compare", "--json"), "e7")
    assert (found["look"]["showing"], found["look"]["number"]) == ("always valid", 2)
    out = " ".join(cli("compare", "e7").out.split())
    assert "second look: the interval is valid for any number of looks" in out
    assert "E7 (second look)" in out


def test_looking_at_two_rows_the_other_way_round_is_no_first_look(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    cli("compare", "--assert", "e7 > base")
    for name in ("base", "e7"):
        add(lab, name, [3], [60.0 if name == "base" else 60.42])
    assert "no interval: the second look" in cli("compare", "--assert", "base < e7").err


def test_another_value_of_a_seed_is_another_look(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", 60.0, 60.5, 60.2)
    assert cli("compare", "--assert", "e7 > base").code == 4
    write_seeds(lab, "e7", *BEST)
    answer = cli("compare", "--assert", "e7 > base")
    assert answer.code == 4
    assert "no interval: the second look" in answer.err


def test_an_entry_that_is_renamed_keeps_its_looks(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", 60.0, 60.5, 60.2)
    cli("compare")
    catalog = lab.catalog.path
    catalog.write_text(catalog.read_text().replace("experiment.e7", "experiment.better").replace('"E7"', '"Better"'))
    write_seeds(make_lab_again(lab), "better", *BEST)
    assert cli("compare", "--assert", "better > base").code == 4


def make_lab_again(lab: Lab) -> Lab:
    """The lab with its catalog as it is now."""
    from labtui.api import open_lab

    return open_lab(catalog=lab.catalog.path, runs=lab.store.root, data=lab.data_root, environ={}, cwd=Path.cwd())


# --- Announced seeds ------------------------------------------------------------------------------------------------


def queue_seed(lab: Lab, name: str, seed: int) -> None:
    import msgspec

    spec = next(variant.spec for variant in lab.catalog.variants if variant.spec.name == name)
    planned = planned_run(msgspec.structs.replace(spec, seed=seed))
    announce(lab, [planned.spec])
    enqueue(lab, planned, device="cpu", threads=1, by="test")


def test_announced_seeds_are_awaited_and_peeking_costs_a_look(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    queue_seed(lab, "e7", 3)
    waiting = cli("compare", "--json")
    assert compared(waiting, "e7")["interval"] is None
    assert row(waiting, "e7")["verdict"] == "waits for seed 3"
    assert compared(waiting, "e7")["delta"] == pytest.approx(0.4333, abs=1e-3)
    assert "labtui compare --peek" in cli("compare").out
    assert not [entry for entry in entries(lab) if entry.kind == "look"]
    assert cli("compare", "--assert", "e7 > base").code == 4
    assert row(cli("compare", "--peek", "--json"), "e7")["verdict"] == "gain"
    assert [entry.kind for entry in entries(lab)] == ["declared", "look"]
    assert row(cli("compare", "--json"), "e7")["verdict"] == "gain"


def test_seeds_that_were_removed_from_the_queue_are_not_awaited(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    queue_seed(lab, "e7", 3)
    for entry in waiting_entries(lab.store.root):
        remove_from_queue(lab, entry)
    assert cli("compare", "--assert", "e7 > base").code == 0


def test_a_run_that_is_in_no_queue_is_not_awaited(lab: Lab, cli: Cli) -> None:
    import msgspec

    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    spec = next(variant.spec for variant in lab.catalog.variants if variant.spec.name == "e7")
    announce(lab, [msgspec.structs.replace(spec, seed=3)])
    create(lab, planned_run(msgspec.structs.replace(spec, seed=3)))
    assert cli("compare", "--assert", "e7 > base").code == 0


def test_seeds_that_a_living_command_has_still_to_start_are_awaited(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    code = (
        "import sys, msgspec; from pathlib import Path; from labtui.api import open_lab\n"
        "from labtui.api.looks import announce\n"
        "lab = open_lab(catalog=Path(sys.argv[1]), runs=Path(sys.argv[2]), environ={}, cwd=Path.cwd())\n"
        "spec = next(one.spec for one in lab.catalog.variants if one.spec.name == 'e7')\n"
        "announce(lab, [msgspec.structs.replace(spec, seed=3)], starts_them=True)\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(lab.catalog.path), str(lab.store.root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        assert "waits for seed 3" in cli("compare").out
        child.communicate("")
    assert cli("compare", "--assert", "e7 > base").code == 0


# --- The ledger -----------------------------------------------------------------------------------------------------


def entries(lab: Lab) -> tuple[Any, ...]:
    return ledger_of(lab.store.root, writable=lab.store.writable).entries()


def test_nothing_is_shown_that_cannot_be_recorded(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    (lab.store.root / ".labtui").write_text("a file where the folder should be")
    answer = cli("compare")
    assert answer.code == 3
    assert answer.out == ""
    assert "cannot be recorded" in answer.err


def test_damaged_lines_are_said(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    cli("compare")
    with lab.store.paths.ledger.open("a") as file:
        file.write('{"kind": "lo\n')
    assert "1 line of the ledger cannot be read" in cli("compare").out


def test_a_read_only_folder_has_its_looks_in_the_users_state(
    lab: Lab, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", *BEST)
    monkeypatch.setattr(Store, "writable", False)
    assert "looks are recorded in" in " ".join(cli("compare").out.split())
    assert not lab.store.paths.ledger.exists()


def test_a_part_of_a_runs_folder_knows_the_looks_at_the_whole(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "base", *BASE)
    write_seeds(lab, "e7", 60.0, 60.5, 60.2)
    cli("compare")
    for name in ("base", "e7"):
        add(lab, name, [3], [60.0 if name == "base" else 60.4])
    out = cli("compare", "--runs", str(lab.store.root / "Cifar")).out
    assert "second look" in out
