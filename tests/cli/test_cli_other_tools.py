"""`compare` and `report` of folders that other tools wrote: judged, and nothing in them changed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import labtui
from labtui.errors import MachineError, UsageError
from tests.support.command_line import Answer
from tests.support.foreign import experiment_record, session_record, write_events, write_lightning, write_yaml

Cli = Callable[..., Answer]

SPREAD = (0.001, -0.002, 0.0, 0.002, -0.001)


@pytest.fixture
def logs(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Lightning's logger: two learning rates with five seeds each, three points apart."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "config"))
    trials = [
        ({"lr": lr, "bs": 64, "seed": seed}, mean + SPREAD[seed])
        for lr, mean in ((0.001, 0.9), (0.003, 0.93))
        for seed in range(5)
    ]
    root = write_lightning(here / "lightning_logs", trials)
    for path in root.rglob("*"):
        os.utime(path, (1.7e9, 1.7e9))
    return root


def below(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in [folder, *folder.rglob("*")])


def compared(cli: Cli, *arguments: str) -> dict[str, dict]:
    answer = cli("compare", "--json", *arguments)
    assert answer.code == 0, answer.err
    return {row["title"]: row for row in json.loads(answer.out)["rows"]}


def test_a_lightning_folder_with_two_settings_and_five_seeds_is_judged_and_not_written(cli: Cli, logs: Path) -> None:
    before = below(logs)
    rows = compared(cli, "--runs", str(logs), "--metric", "val_acc", "--baseline", "lr=0.001")
    assert before == below(logs)
    row = rows["lr=0.003"]
    assert (row["declared"]["verdict"], row["declared"]["method"]) == ("gain", "welch")
    assert row["declared"]["delta"] == pytest.approx(3.0, abs=1e-4)
    assert [value["seed"] for value in row["values"]] == [0, 1, 2, 3, 4]
    assert row["factor"] == ["param.lr"]
    text = cli("compare", "--runs", str(logs), "--metric", "val_acc", "--baseline", "lr=0.001").out
    assert "another tool's, and only read: looks are recorded in" in text
    assert "labtui run" not in text, "nothing can be run"


def test_without_a_baseline_there_are_means_and_it_is_said_how_to_choose_one(cli: Cli, logs: Path) -> None:
    rows = compared(cli, "--runs", str(logs), "--metric", "val_acc")
    assert {title: round(row["mean"], 2) for title, row in rows.items()} == {"lr=0.001": 90.0, "lr=0.003": 93.0}
    assert all(row["declared"] is None for row in rows.values())
    assert "such as --baseline lr=0.001" in cli("compare", "--runs", str(logs), "--metric", "val_acc").out.replace(
        "\n     ", " "
    )


def test_the_metric_is_asked_for_with_the_recorded_tags_and_declared_once(cli: Cli, logs: Path, here: Path) -> None:
    answer = cli("compare", "--runs", str(logs))
    assert answer.code == 2
    assert "They recorded train_loss (10 runs) and val_acc (10 runs)" in answer.err
    assert f"{here / 'config' / 'labtui' / 'metrics.toml'}" in answer.err
    (here / "config" / "labtui").mkdir(parents=True)
    (here / "config" / "labtui" / "metrics.toml").write_text('[metric.val_acc]\nbetter = "lower"\nunit = "share"\n')
    row = compared(cli, "--runs", str(logs), "--baseline", "lr=0.001")["lr=0.003"]
    assert row["declared"]["verdict"] == "loss", "the user's own word counts"
    unknown = cli("compare", "--runs", str(logs), "--metric", "f1")
    assert (unknown.code, "No run has 'f1'" in unknown.err) == (2, True)


def test_assertions_hold_or_end_with_4_and_the_point_can_be_chosen(cli: Cli, logs: Path) -> None:
    common = ("compare", "--runs", str(logs), "--metric", "val_acc")
    assert cli(*common, "--assert", "lr=0.003 > lr=0.001").code == 0
    assert cli(*common, "--assert", "lr=0.003 < lr=0.001").code == 4
    assert cli(*common, "--assert", "lr=7 < lr=0.001").code == 2
    first = compared(cli, *common[1:], "--take", "at:0")
    assert first["lr=0.001"]["mean"] == pytest.approx(86.0, abs=1e-3)
    refused = cli(*common, "--equal-budget", "steps")
    assert (refused.code, "--take at:STEP" in refused.err) == (2, True)


def test_several_differences_are_confounds_until_a_factor_is_declared(cli: Cli, logs: Path) -> None:
    trials = [({"lr": 0.003, "bs": 32, "seed": seed}, 0.95 + SPREAD[seed]) for seed in range(5)]
    write_lightning(logs, trials, first=10)
    common = ("--runs", str(logs), "--metric", "val_acc", "--baseline", "lr=0.001")
    row = compared(cli, *common)["bs=32,lr=0.003"]
    assert row["declared"]["verdict"] == "not judged"
    assert {finding["key"] for finding in row["declared"]["findings"] if finding["grade"] == "confound"} == {
        "param.lr",
        "param.bs",
    }
    assert "--factor KEY" in cli("compare", *common).out
    both = compared(cli, *common, "--factor", "lr", "--factor", "bs")["bs=32,lr=0.003"]
    assert both["declared"]["verdict"] == "gain"
    one = compared(cli, *common, "--factor", "bs")["bs=32,lr=0.003"]
    assert one["matched"]["against"] == "bs=64,lr=0.003", "the row that differs in the factor alone"
    assert one["matched"]["verdict"] == "gain"


def test_names_select_groups_by_parts_and_by_runs(cli: Cli, logs: Path) -> None:
    common = ("--runs", str(logs), "--metric", "val_acc")
    assert set(compared(cli, "lr=0.003", *common)) == {"lr=0.003"}
    assert set(compared(cli, "version_0", *common)) == {"lr=0.001"}
    assert set(compared(cli, *common, "--where", "lr=0.003")) == {"lightning_logs"}
    assert "is no group" in cli("compare", "dropout", *common).err, "the catalog is about other runs"
    assert cli("compare", *common, "--where", "lr=7").code == 2


def test_a_seed_with_nan_has_failed_and_a_run_without_the_metric_is_not_counted(cli: Cli, logs: Path) -> None:
    write_yaml(write_events(logs / "version_10", {"val_acc": [0.5, float("nan")]}), {"lr": 0.003, "bs": 64, "seed": 5})
    write_yaml(write_events(logs / "version_11", {"other": [0.5]}), {"lr": 0.003, "bs": 64, "seed": 6})
    rows = compared(cli, "--runs", str(logs), "--metric", "val_acc", "--baseline", "lr=0.001")
    assert [failure["failure"] for failure in rows["lr=0.003"]["failures"]] == ["NaN"]
    text = cli("compare", "--runs", str(logs), "--metric", "val_acc").out
    assert "1 run without a value of val_acc" in text
    assert "may still be training" in text, "written a moment ago"


def test_a_seed_that_ended_earlier_than_the_others_is_said(cli: Cli, logs: Path) -> None:
    write_yaml(write_events(logs / "version_10", {"val_acc": [0.9] * 3}), {"lr": 0.003, "bs": 64, "seed": 5})
    text = cli("compare", "--runs", str(logs), "--metric", "val_acc").out
    assert "seed 5 at step 2: the others go on to step 4; perhaps not finished" in text


def test_runs_of_add_hparams_and_a_pattern_over_names_are_judged(cli: Cli, here: Path) -> None:
    for name, level in (("base", 1.0), ("wide", 0.5)):
        for seed in range(4):
            folder = write_events(here / "tb" / f"{name}-seed{seed}", {"loss": [2.0, level + SPREAD[seed]]})
            write_events(folder / "1700000000.5", {}, experiment_record(), session_record({"width": len(name) * level}))
    common = ("--runs", str(here / "tb"), "--metric", "loss")
    assert compared(cli, *common, "--baseline", "width=4")["width=2"]["declared"]["verdict"] == "gain"
    named = compared(cli, *common, "--group", "{name}-seed{seed}", "--baseline", "base")
    assert named["wide"]["declared"]["verdict"] == "gain"
    assert named["wide"]["factor"] == ["param.width"]


def test_a_notebook_judges_the_same_folder(logs: Path) -> None:
    found = labtui.open(runs=logs).compare(metric="val_acc", baseline="lr=0.001", ignore="bs")
    (row,) = (row for row in found.rows if row.declared)
    assert (row.title, row.label) == ("lr=0.003", "gain")
    with pytest.raises(UsageError, match="fits no run"):
        labtui.open(runs=logs).compare(metric="val_acc", group="{name}-seed{seed}")


def test_one_seed_each_shows_differences_and_judges_nothing(cli: Cli, here: Path) -> None:
    write_lightning(here / "logs", [({"lr": lr}, 0.9) for lr in (1, 2, 3)])
    rows = compared(cli, "--runs", str(here / "logs"), "--metric", "val_acc", "--baseline", "lr=1")
    assert {row["declared"]["verdict"] for row in rows.values() if row["declared"]} == {"not judged"}


def test_hostile_folders_reach_no_terminal_and_end_in_an_answer(cli: Cli, here: Path) -> None:
    evil = "\x1b]52;c;cHduZWQ=\x07\u202e"
    for number in range(3):
        folder = here / "logs" / f"a{evil}{number}"
        write_events(folder, {f"m{evil}": [1.0]}, session_record({f"k{evil}": f"v{evil}{number}", "seed": 10**30}))
    (here / "logs" / "broken").mkdir()
    (here / "logs" / "broken" / "events.out.tfevents.1.x").write_bytes(b"\0" * 100)
    asked = cli("compare", "--runs", str(here / "logs"))
    tag = asked.err.partition("They recorded ")[2].partition(" (3 runs)")[0]
    answer = cli("compare", "--runs", str(here / "logs"), "--metric", tag)
    assert answer.code == 0, answer.err
    for text in (asked.err, answer.out):
        assert not any(sign in text for sign in "\x1b\x07\u202e")


def test_a_report_of_another_tools_folder_is_written_elsewhere(cli: Cli, logs: Path, here: Path) -> None:
    before = below(logs)
    answer = cli(
        "report", "--runs", str(logs), "--metric", "val_acc", "--baseline", "lr=0.001", "--md", "-o", str(here / "out")
    )
    assert answer.code == 0, answer.err
    assert below(logs) == before
    text = next((here / "out").glob("*.md")).read_text()
    assert "Other tools made these runs" in text
    assert "labtui run" not in text
    assert str(here) not in text


def test_in_a_folder_with_own_runs_those_of_other_tools_are_left_out_and_said(cli: Cli, logs: Path, here: Path) -> None:
    from tests.support.samples import make_launch, make_result, write_run

    write_run(logs / "Cifar" / "Dropout" / "s0-a", launch=make_launch(), result=make_result())
    assert "10 runs of other tools not compared" in cli("compare", "--runs", str(logs)).out
    refused = cli("compare", "--runs", str(logs), "--group", "{name}")
    assert (refused.code, "folders of other tools" in refused.err) == (2, True)


def test_where_no_ledger_can_be_kept_it_is_said(cli: Cli, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise MachineError("There is no folder for labtui's own state.")

    monkeypatch.setattr("labtui.api.looks.ledger_of", nowhere)
    text = cli("compare", "--runs", str(logs), "--metric", "val_acc", "--baseline", "lr=0.001").out
    assert "gain" in text
    assert "no folder in which looks could be recorded" in text
