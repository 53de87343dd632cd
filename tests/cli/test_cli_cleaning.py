"""Removing runs by their state, emptying the trash, and exporting points."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.store.encode_scalar import scalar_event, version_event
from tests.support.command_line import Answer
from tests.support.samples import gone_process, make_launch, make_result, make_spec, write_run

Cli = Callable[..., Answer]


def ended(here: Path, title: str, seed: int, outcome: str = "failed", created: int = 0) -> Path:
    folder = here / "runs" / "Cifar" / title / f"s{seed}-x"
    result = make_result(outcome=outcome)
    launch = make_launch(parent=gone_process(), engine=gone_process())
    write_run(folder, spec=make_spec(title=title, experiment=title.lower(), seed=seed), launch=launch, result=result)
    content = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(content | {"created": 1000.0 + created}))
    return folder


def left(cli: Cli) -> list[str]:
    return sorted(json.loads(line)["id"] for line in cli("ps", "--all", "--json").lines)


def test_runs_are_removed_by_state_except_the_newest(cli: Cli, here: Path) -> None:
    for seed in range(4):
        ended(here, "A", seed, created=seed)
    ended(here, "A", 9, "diverged", created=0)
    ended(here, "B", 0, "finished", created=0)
    assert cli("rm", "--state", "failed", "--keep", "2").code == 2, "without a terminal it asks for --yes"
    answer = cli("rm", "--state", "failed", "--keep", "2", "--yes")
    assert answer.code == 0
    assert left(cli) == ["Cifar/A/s2-x", "Cifar/A/s3-x", "Cifar/A/s9-x", "Cifar/B/s0-x"]
    assert cli("rm", "b", "--state", "failed,diverged", "--yes").err == "There is nothing to move.\n"
    assert cli("rm", "a", "--state", "failed,diverged", "--yes").code == 0
    assert left(cli) == ["Cifar/B/s0-x"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--state", "running"), "'running' is not one of"),
        (("last", "--keep", "1"), "--keep needs --state"),
        ((), "Name a RUN, or select runs with --state"),
        (("nosuch", "--state", "failed"), "No run matches 'nosuch'"),
    ],
)
def test_what_cannot_be_removed_is_refused(cli: Cli, here: Path, arguments: tuple[str, ...], message: str) -> None:
    ended(here, "A", 0)
    answer = cli("rm", *arguments, "--yes")
    assert (answer.code, message in answer.err) == (2, True), answer
    assert left(cli) == ["Cifar/A/s0-x"]


def test_the_trash_is_listed_and_emptied_and_nothing_else_is_deleted(cli: Cli, here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    for seed in range(2):
        folder = ended(here, "A", seed)
        (folder / "link").symlink_to(outside)
        (folder / "large").write_bytes(bytes(100_000))
    assert cli("trash", "ls").err == "The trash is empty.\n"
    assert cli("rm", "--state", "failed", "--yes").code == 0
    listed = [json.loads(line) for line in cli("trash", "ls", "--json").lines]
    assert [run["bytes"] > 100_000 for run in listed] == [True, True]
    assert cli("trash", "empty", "--older-than", "1", "--yes").err == "There is nothing to delete.\n"
    assert cli("trash", "empty").code == 2, "without a terminal it asks for --yes"
    answer = cli("trash", "empty", "--yes")
    assert (answer.code, "Deleted 2 runs" in answer.err) == (0, True)
    assert list((here / "runs" / ".labtui" / "trash").iterdir()) == []
    assert (outside / "precious").read_text() == "x"


def test_a_trash_that_is_a_link_is_neither_listed_nor_emptied(cli: Cli, here: Path, tmp_path: Path) -> None:
    ended(here, "A", 0)
    (tmp_path / "outside" / "run").mkdir(parents=True)
    (here / "runs" / ".labtui").mkdir()
    (here / "runs" / ".labtui" / "trash").symlink_to(tmp_path / "outside")
    assert cli("trash", "empty", "--yes").err == "There is nothing to delete.\n"
    assert (tmp_path / "outside" / "run").is_dir()


def test_every_point_is_exported_and_a_file_is_never_overwritten(cli: Cli, here: Path) -> None:
    folder = ended(here, "A", 3, "finished")
    points = [("train/loss", 1, 0.5), ("train/loss", 2, float("nan")), ("=cmd", 1, 2.0)]
    (folder / "events.out.tfevents.1.a").write_bytes(
        version_event(1.0) + b"".join(scalar_event(7.0, step, tag, value) for tag, step, value in points)
    )
    foreign = here / "runs" / "other"
    foreign.mkdir()
    (foreign / "events.out.tfevents.1.a").write_bytes(version_event(1.0) + scalar_event(8.0, 5, "loss", 1.5))
    rows = sorted(csv.DictReader(cli("export").lines), key=lambda row: row["run"])
    assert [(row["run"], row["experiment"], row["seed"], row["tag"], row["step"], row["value"]) for row in rows] == [
        ("Cifar/A/s3-x", "a", "3", "'=cmd", "1", "2.0"),
        ("Cifar/A/s3-x", "a", "3", "train/loss", "1", "0.5"),
        ("Cifar/A/s3-x", "a", "3", "train/loss", "2", "nan"),
        ("other", "", "", "loss", "5", "1.5"),
    ]
    answer = cli("export", "a", "--tag", "train/*", "-o", "points.csv")
    assert (answer.code, answer.err) == (0, "2 points of 1 run written to points.csv.\n")
    assert len((here / "points.csv").read_text().splitlines()) == 3
    answer = cli("export", "-o", "points.csv")
    assert (answer.code, "not overwritten" in answer.err) == (2, True)


def test_parquet_has_the_same_points_or_says_what_is_missing(cli: Cli, here: Path) -> None:
    folder = ended(here, "A", 0, "finished")
    (folder / "events.out.tfevents.1.a").write_bytes(version_event(1.0) + scalar_event(7.0, 1, "loss", 0.5))
    answer = cli("export", "-o", "points.parquet")
    try:
        from pyarrow import parquet
    except ImportError:
        assert (answer.code, "pip install pyarrow" in answer.err) == (2, True)
        assert not (here / "points.parquet").exists()
    else:
        assert parquet.read_table(here / "points.parquet").to_pylist()[0]["value"] == 0.5


def test_the_log_of_another_tools_run_is_said_to_be_missing_and_not_waited_for(cli: Cli, here: Path) -> None:
    folder = here / "runs" / "other"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.a").write_bytes(b"")
    for options in ((), ("-f",)):
        answer = cli("logs", "other", *options)
        assert (answer.code, answer.err) == (0, "other was written by another tool: labtui has no log of it.\n")
    assert [path.name for path in folder.iterdir()] == ["events.out.tfevents.1.a"]
