"""Lists of runs: of every state, of other tools, and hostile ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.spec import Data
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.records import Exit, LastValue
from tests.support.command_line import Answer
from tests.support.foreign import write_lightning
from tests.support.samples import gone_process, make_beat, make_launch, make_result, make_spec, write_run

Cli = Callable[..., Answer]

HOSTILE = "\x1b]52;c;cHduZWQ=\x07\x1b[2J\u202etxt"


def listed(cli: Cli, *arguments: str) -> dict[str, dict[str, object]]:
    found = [json.loads(line) for line in cli("ps", "--json", *arguments).lines]
    return {run["id"]: run for run in found}


def test_every_run_is_listed_with_its_state_and_reason(cli: Cli, here: Path) -> None:
    runs = here / "runs" / "Cifar" / "Dropout"
    write_run(runs / "s0-a")
    write_run(
        runs / "s0-b",
        launch=make_launch(),
        result=make_result(epochs=10, last={"Test accuracy": LastValue(step=10, value=61.5)}),
    )
    write_run(runs / "s0-c", launch=make_launch(), exit=Exit(code=1, ended=0.0))
    write_run(runs / "s0-d", launch=make_launch(parent=gone_process(), engine=gone_process()))
    found = listed(cli)
    assert {run_id[-1]: run["state"] for run_id, run in found.items()} == {
        "a": "queued",
        "b": "finished",
        "c": "failed",
        "d": "lost",
    }
    assert (found["Cifar/Dropout/s0-b"]["accuracy"], found["Cifar/Dropout/s0-b"]["progress"]) == (61.5, "10/10")
    assert "exit code 1" in str(found["Cifar/Dropout/s0-c"]["reason"])


def test_only_the_newest_ended_runs_are_listed_without_all(cli: Cli, here: Path) -> None:
    for number in range(14):
        write_run(here / "runs" / "Cifar" / "Dropout" / f"s{number}-x", launch=make_launch(), result=make_result())
    assert len(listed(cli)) == 10
    assert "4 older runs" in cli("ps").err
    assert len(listed(cli, "--all")) == 14


def test_nothing_hostile_in_a_run_reaches_the_terminal(cli: Cli, here: Path) -> None:
    folder = here / "runs" / "Cifar" / f"Drop{HOSTILE}out"
    paths = write_run(
        folder, launch=make_launch(device=HOSTILE, host=HOSTILE), result=make_result(outcome="failed", reason=HOSTILE)
    )
    paths.attempt(1).log.write_text(f"loss {HOSTILE}\nend\n", "utf-8")
    for line in (
        ("ps",),
        ("ps", "--json"),
        ("logs", "last"),
        ("logs", "last", "-n", "2"),
        ("compare",),
        ("rm", "last"),
    ):
        answer = cli(*line)
        for character in "\x1b\x07\u202e":
            assert character not in answer.out + answer.err, line


def test_runs_of_other_tools_are_listed_and_not_changed(cli: Cli, here: Path) -> None:
    folder = here / "logs" / "lightning" / "version_0"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.host.1.0").write_bytes(b"")
    (run,) = listed(cli, "--logdir", str(here / "logs")).values()
    assert run["state"] == "quiet"
    assert cli("--runs", "logs", "stop", "version_0").code == 0
    assert cli("--runs", "logs", "rm", "version_0", "--yes").code == 2
    assert cli("--runs", "logs", "resume", "version_0").code == 2
    assert [path.name for path in here.rglob("*") if path.is_file()] == ["events.out.tfevents.1.host.1.0"]


@pytest.mark.parametrize(
    "content", ['{"openapi": "3.0"}', '[{"run_id": 1, "spec": 2}]', '{"run": "truncated', "\x00\x01", ""]
)
def test_a_run_of_another_tool_stays_one_whatever_its_spec_json_says(cli: Cli, here: Path, content: str) -> None:
    folder = here / "logs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.host.1.0").write_bytes(b"")
    (folder / "spec.json").write_text(content)
    (run,) = listed(cli, "--logdir", str(here / "logs")).values()
    assert run["state"] == "quiet"
    assert cli("--runs", "logs", "rm", "version_0", "--yes").code == 2
    assert sorted(path.name for path in here.rglob("*") if path.is_file()) == [
        "events.out.tfevents.1.host.1.0", "spec.json"
    ]  # fmt: skip


def test_what_macos_adds_to_copies_and_archives_is_no_run(cli: Cli, here: Path) -> None:
    for name in ("__MACOSX/v0/events.out.tfevents.1.a", "copy/._events.out.tfevents.1.a", "v0/events.out.tfevents.1.a"):
        (here / "logs" / name).parent.mkdir(parents=True)
        (here / "logs" / name).write_bytes(b"")
    assert list(listed(cli, "--logdir", str(here / "logs"))) == ["v0"]


def test_a_removed_run_is_in_the_trash(cli: Cli, here: Path) -> None:
    write_run(here / "runs" / "Cifar" / "Dropout" / "s0-x", launch=make_launch(), result=make_result())
    answer = cli("rm", "dropout", "--yes")
    assert answer.code == 0
    assert Path(answer.out.strip()).is_dir()
    assert listed(cli) == {}


def test_an_active_run_is_not_removed(cli: Cli, here: Path) -> None:
    write_run(here / "runs" / "Cifar" / "Dropout" / "s0-x", launch=make_launch(), beat=make_beat())
    answer = cli("rm", "dropout", "--yes")
    assert (answer.code, "labtui stop" in answer.err) == (2, True)


def test_runs_of_different_devices_are_not_resumed_together_without_a_device(cli: Cli, here: Path) -> None:
    for seed, device in enumerate(("cpu", "cuda:0")):
        spec = make_spec(seed=seed, data=Data(name="digits"))
        ended = Exit(code=1, ended=0.0)
        write_run(
            here / "runs" / "Cifar" / "Dropout" / f"s{seed}-x", spec=spec, launch=make_launch(device=device), exit=ended
        )
    answer = cli("resume", "s0-x", "s1-x")
    assert (answer.code, "--device" in answer.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("ps",), "labtui run NAME"), (("queue", "ls"), "/runs"), (("compare",), "no run has finished")],
)
def test_an_empty_folder_gets_a_message(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    answer = cli(*arguments)
    assert answer.code == 0
    assert words in answer.err + answer.out


def test_a_finished_run_whose_curves_are_damaged_says_from_where_on(cli: Cli, here: Path) -> None:
    folder = here / "runs" / "Cifar" / "Dropout" / "s0-x"
    write_run(folder, launch=make_launch(parent=gone_process(), engine=gone_process()), result=make_result())
    records = [scalar_event(1.0, step, "train/loss", 1.0) for step in range(20)]
    content = bytearray(version_event(1.0) + b"".join(records))
    content[-len(records[-1]) - 8] ^= 1
    (folder / "events.out.tfevents.1.a").write_bytes(content)
    (run,) = listed(cli).values()
    assert run["state"] == "finished"
    assert "events.out.tfevents.1.a: metrics damaged after step 17 of train/loss" in run["reason"]
    assert "metrics damaged after step 17" in cli("ps").out


def test_a_link_that_leads_nowhere_is_said_and_runs_behind_links_are_not_stopped(cli: Cli, here: Path) -> None:
    outside = here / "disk" / "Dropout" / "s0-a"
    write_run(outside, launch=make_launch(), result=make_result())
    (here / "runs").mkdir()
    (here / "runs" / "Cifar").symlink_to(here / "disk")
    (here / "runs" / "gone").symlink_to(here / "unplugged")
    answer = cli("ps")
    assert "Cifar/Dropout/s0-a" in answer.out
    assert f"1 link below {here / 'runs'} leads nowhere: gone." in answer.err
    refused = [cli("rm", "s0-a", "--yes")]
    (outside / "result.json").unlink()
    before = sorted(outside.rglob("*"))
    assert cli("stop", "--all").err == "No active runs.\n", "only what lies below the runs folder is stopped"
    refused += [cli("stop", "s0-a"), cli("resume", "s0-a")]
    for answer in refused:
        assert (answer.code, f"outside of this runs folder, in {outside}" in answer.err) == (2, True), answer
    assert sorted(outside.rglob("*")) == before


def test_hyperparameters_of_other_tools_are_listed_filtered_and_sorted(cli: Cli, here: Path) -> None:
    write_lightning(
        here / "runs", [({"lr": rate, "bs": 64, "seed": seed}, 0.9) for rate in (0.2, 0.1) for seed in (0, 1)]
    )
    found = listed(cli)
    assert found["version_0"]["hyperparameters"] == {"bs": 64, "lr": 0.2, "seed": 0}
    out = cli("ps").out
    assert "lr=0.2, seed=1" in out
    assert "bs=" not in out, "only what differs is listed"
    assert set(listed(cli, "--where", "lr=0.1", "--where", "seed>0")) == {"version_3"}
    assert [run[-1] for run in listed(cli, "--sort", "lr")][:2] in (["2", "3"], ["3", "2"])
    assert "none meets the conditions" in cli("ps", "--where", "lr=7").err
    refused = cli("ps", "--where", "lr")
    assert (refused.code, "is no condition" in refused.err) == (2, True)


def test_the_accuracy_of_a_live_run_of_another_tool_is_not_guessed(cli: Cli, here: Path) -> None:
    folder = here / "runs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.host").write_bytes(version_event(1.0) + scalar_event(2.0, 1, "val/accuracy", 0.93))
    assert listed(cli)["version_0"]["accuracy"] is None
