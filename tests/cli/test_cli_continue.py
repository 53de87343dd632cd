"""`labtui run --continue` and `--keep-best` on the command line; no queue runner is started here."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from labtui.api import lifecycle
from labtui.launch.queue.entries import waiting_entries
from labtui.spec import Data, EarlyStopping, Training, recipe_hash
from labtui.store.store import Store
from tests.support.command_line import Answer
from tests.support.samples import make_launch, make_result, make_spec, write_run

Cli = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "ensure_runner", lambda _: True)


@pytest.fixture
def finished(here: Path) -> list[str]:
    """The ids of finished runs of two seeds, 10 epochs each, with checkpoints."""
    made = []
    for seed in (0, 1):
        folder = here / "runs" / "Cifar" / "Dropout" / f"s{seed}-x"
        paths = write_run(
            folder,
            spec=make_spec(seed=seed, data=Data(name="digits")),
            launch=make_launch(threads=2),
            result=make_result(),
        )
        paths.checkpoint.write_bytes(b"weights")
        (folder / "checkpoint.pt.sum.json").write_text("{}")
        made.append(f"Cifar/Dropout/s{seed}-x")
    return made


def files_of(here: Path) -> dict[Path, bytes]:
    folder = here / "runs" / "Cifar" / "Dropout"
    return {path: path.read_bytes() for path in folder.glob("s?-x/**/*") if path.is_file()}


def test_finished_runs_are_continued_each_as_a_new_run_of_a_recipe_of_its_own(
    cli: Cli, here: Path, finished: list[str]
) -> None:
    before = files_of(here)
    answer = cli("run", "--continue", finished[0], "--continue", finished[1], "--epochs", "20", "-d")
    assert answer.code == 0, answer.err
    made = [Store(here / "runs").get(run_id) for run_id in answer.lines]
    assert [run.seed for run in made] == [0, 1]
    titles = {run.display_title for run in made}
    assert titles == {"Dropout [epochs=20, continued from epoch 10]"}
    assert len({recipe_hash(run.spec) for run in made}) == 1, "both are seeds of one row"
    straight = msgspec.structs.replace(made[0].spec, continued=msgspec.UNSET)
    assert recipe_hash(straight) != recipe_hash(made[0].spec), "which is not that of runs of 20 epochs in one go"
    assert [run.paths.start_checkpoint.read_bytes() for run in made] == [b"weights"] * 2
    assert all(entry.ticket.threads == 2 for entry in waiting_entries(here / "runs"))
    assert files_of(here) == before


def test_a_plan_of_continued_runs_says_what_they_continue(cli: Cli, finished: list[str]) -> None:
    answer = cli("run", "dropout", "--continue", finished[0], "--epochs", "15", "--dry-run", "--json")
    planned = json.loads(answer.out)
    assert (planned["continues"], planned["epochs"], planned["seed"]) == (finished[0], 15, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--epochs", "10"), "already has 10 epochs"),
        ((), "needs --epochs"),
        (("--epochs", "20", "--seeds", "3"), "leave out --seeds"),
        (("--epochs", "20", "--set", "optimizer.lr=1"), "leave out --set"),
        (("network", "--epochs", "20"), "is a run of dropout"),
    ],
)
def test_what_would_change_the_recipe_of_a_continued_run_is_a_usage_error(
    cli: Cli, finished: list[str], options: tuple[str, ...], words: str
) -> None:
    answer = cli("run", "--continue", finished[0], *options, "-d")
    assert (answer.code, words in answer.err) == (2, True), answer.err


def test_runs_that_cannot_be_continued_are_refused_with_what_can_be_done(cli: Cli, here: Path) -> None:
    folder, data = here / "runs" / "Cifar" / "Dropout", Data(name="digits")
    write_run(folder / "s0-stopped", spec=make_spec(data=data), result=make_result(outcome="stopped"), attempt=1)
    write_run(folder / "s0-bare", spec=make_spec(data=data), result=make_result(), attempt=1)
    early = Training(early_stopping=EarlyStopping())
    write_run(folder / "s0-early", spec=make_spec(data=data, training=early), result=make_result(), attempt=1)
    for run, words in (
        ("s0-stopped", "labtui resume"),
        ("s0-bare", "no checkpoint"),
        ("s0-early", "stops early by itself"),
    ):
        answer = cli("run", "--continue", run, "--epochs", "20")
        assert (answer.code, words in answer.err) == (2, True), answer.err


def test_the_best_epoch_is_chosen_on_images_held_out_or_not_at_all(cli: Cli, here: Path) -> None:
    options = ("run", "dropout", "--dataset", "digits", "--keep-best", "-d")
    answer = cli(*options)
    assert (answer.code, "holds no images out" in answer.err) == (2, True)
    assert not Store(here / "runs").scan()
    (made,) = cli(*options, "--set", "protocol=standard").lines
    spec_file = json.loads(Store(here / "runs").get(made).paths.spec.read_bytes())
    assert spec_file["keep_best"] == "val/accuracy"
    (plain,) = cli("run", "dropout", "--dataset", "digits", "-d", "--set", "protocol=standard", "--again").lines
    kept, other = (Store(here / "runs").get(run_id) for run_id in (made, plain))
    assert recipe_hash(kept.spec) == recipe_hash(other.spec), "keeping it changes no recipe"
    assert "keep_best" not in json.loads(other.paths.spec.read_bytes())
