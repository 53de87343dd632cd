"""What `labtui run` starts and with which settings: nothing twice, nothing silently left out or overridden."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from labtui.api import open_lab
from labtui.cli import queue
from labtui.cli.run import combinations, split_values
from labtui.launch.queue.entries import waiting_entries
from labtui.store.files import write_json
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.command_line import Answer
from tests.support.ended_runs import write_ended
from tests.support.samples import make_beat, make_launch

Cli = Callable[..., Answer]

CATALOG = """
[defaults]
group = "Digits"
protocol = "standard"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 3

[experiment.plain]
title = "Plain"

[experiment.wide]
title = "Wide"
"""


@pytest.fixture(autouse=True)
def _catalog(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "experiments.toml").write_text(CATALOG)
    monkeypatch.setattr(queue, "start_queue_runner", lambda _: False)


def seeds_of(answer: Answer) -> list[tuple[str, int]]:
    """Names and seeds of what a dry run would start."""
    return [(run["name"], run["seed"]) for run in map(json.loads, answer.lines)]


def queued(here: Path) -> list[str]:
    return [entry.run for entry in waiting_entries(here / "runs")]


def ended(here: Path, name: str, seed: int, outcome: str = "finished", threads: int = 1) -> Run:
    lab = open_lab(environ={}, cwd=here)
    run = write_ended(lab, name, seed, 50.0, outcome=outcome)
    path = run.paths.attempt(1).launch
    write_json(path, make_launch(threads=threads, engine=None, folder_inode=run.folder.stat().st_ino))
    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "data.name=cifar10", "--dataset", "digits"), "--dataset and an override of data.name contradict"),
        (("--epochs", "3", "--set", "training.epochs=5"), "--epochs and an override of training.epochs contradict"),
        (("--epochs", "3", "--grid", "epochs=5,6"), "--epochs and an override of training.epochs contradict"),
        (("--seed", "1", "--seed", "2"), "--seed is given twice"),
        (("--device", "cpu", "--device", "cpu"), "--device is given twice"),
        (("-j", "1", "--jobs", "2"), "--jobs is given twice"),
        (("--runs", "a", "--logdir", "b"), "--logdir is given twice"),
        (("--set", "optimizer.lr=0.1", "--set", "lr=0.2"), "optimizer.lr is set twice"),
        (("--threads", "999"), "too many"),
        (("--fail-fast", "-d"), "--fail-fast needs this terminal"),
        (("--zip", "--grid", "optimizer.lr=0.1,0.2"), "at least two"),
        (("--zip", "--grid", "lr=0.1,0.2", "--grid", "batch_size=1"), "lr has 2, batch_size has 1"),
        (("--grid", "lr"), "is not a grid"),
        (("--grid", "lr=0.1,"), "is not a grid"),
    ],
)
def test_options_that_contradict_each_other_are_refused_and_none_wins_silently(
    cli: Cli, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    answer = cli("run", "plain", "-n", *arguments)
    assert (answer.code, message in answer.err) == (2, True), answer
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    "text", ["", "[defaults]\ngroup = 'x'\n", "[experiment.a\n", CATALOG + "[experiment.b]\nepochs = 'x'\n"]
)
def test_all_of_a_catalog_that_is_empty_damaged_or_partly_wrong_is_refused(cli: Cli, here: Path, text: str) -> None:
    (here / "experiments.toml").write_text(text)
    answer = cli("run", "--all")
    assert answer.code == 2
    assert "experiments.toml" in answer.err
    assert not (here / "runs").exists()


def test_missing_leaves_out_what_has_finished_and_keeps_what_failed_or_was_never_run(cli: Cli, here: Path) -> None:
    ended(here, "plain", 0)
    ended(here, "plain", 1, "failed")
    ended(here, "wide", 0, "diverged")
    answer = cli("run", "--all", "--seeds", "2", "--missing", "-n", "--json")
    assert seeds_of(answer) == [("plain", 1), ("wide", 0), ("wide", 1)]
    assert "1 run already finished" in answer.err
    ended(here, "plain", 1)
    answer = cli("run", "plain", "--seeds", "2", "--missing")
    assert (answer.code, answer.err.splitlines()[-1]) == (0, "Nothing to start.")


def test_a_run_that_is_queued_already_is_queued_again_only_if_that_is_meant(cli: Cli, here: Path) -> None:
    assert cli("run", "plain", "-d").code == 0
    answer = cli("run", "plain", "-d", "--seeds", "2")
    assert answer.code == 0
    assert "Plain s0 is already queued" in answer.err
    assert "--again" in answer.err
    assert [run.rpartition("/")[2][:2] for run in queued(here)] == ["s0", "s1"]
    assert cli("run", "plain", "-d", "--again").code == 0
    assert len(queued(here)) == 3


def test_a_run_that_is_running_already_is_not_started_a_second_time(cli: Cli, here: Path) -> None:
    run = open_lab(environ={}, cwd=here).store.create(
        msgspec.structs.replace(next(iter(open_lab(environ={}, cwd=here).catalog.variants)).spec, seed=0)
    )
    run.paths.attempt(1).stop_request.parent.mkdir(parents=True)
    write_json(run.paths.attempt(1).launch, make_launch(folder_inode=run.folder.stat().st_ino))
    write_json(run.paths.beat, make_beat())
    answer = cli("run", "plain")
    assert (answer.code, "Plain s0 is already running" in answer.err) == (0, True)
    assert [found.state for found in open_lab(environ={}, cwd=here).store.scan()] == [State.RUNNING]


def test_a_late_seed_trains_with_the_threads_of_the_earlier_ones_and_that_is_said(cli: Cli, here: Path) -> None:
    ended(here, "plain", 0, threads=7)
    answer = cli("run", "plain", "--seed", "3", "-d")
    assert "1 run trains with 7 CPU threads, like earlier runs of the same recipe" in answer.err
    (entry,) = waiting_entries(here / "runs")
    assert entry.ticket
    assert entry.ticket.threads == 7


def test_threads_are_chosen_by_the_option_before_the_earlier_runs_before_the_environment(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labtui.api.placement.usable_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cli("run", "plain", "-d").code == 0
    ended(here, "wide", 0, threads=2)
    assert cli("run", "wide", "--seed", "1", "-d").code == 0
    answer = cli("run", "wide", "--seed", "2", "--threads", "4", "-d")
    assert "Earlier runs of these recipes have 2 CPU threads" in answer.err
    assert [entry.ticket.threads for entry in waiting_entries(here / "runs") if entry.ticket] == [3, 2, 4]


def test_grids_are_combined_or_paired(cli: Cli) -> None:
    grids = ("--grid", "optimizer.lr=0.01,0.02", "--grid", "training.batch_size=64,256")
    overrides = [json.loads(line)["overrides"] for line in cli("run", "plain", *grids, "-n", "--json").lines]
    assert [(o["optimizer.lr"], o["training.batch_size"]) for o in overrides] == [
        (0.01, 64), (0.01, 256), (0.02, 64), (0.02, 256)
    ]  # fmt: skip
    paired = [json.loads(line)["overrides"] for line in cli("run", "plain", *grids, "--zip", "-n", "--json").lines]
    assert [(o["optimizer.lr"], o["training.batch_size"]) for o in paired] == [(0.01, 64), (0.02, 256)]


def test_commas_inside_of_a_value_do_not_split_it() -> None:
    assert split_values("[0.2,0.5],[0.5,0.5]") == ["[0.2,0.5]", "[0.5,0.5]"]
    assert split_values("'a,b',c") == ["'a,b'", "c"]
    assert combinations((), paired=False) == [()]


def test_two_runs_folders_before_a_command_that_writes_are_refused(cli: Cli) -> None:
    answer = cli("--runs", "a", "--runs", "b", "run", "dropout", "--dry-run")
    assert (answer.code, "--logdir is given twice" in answer.err) == (2, True)
