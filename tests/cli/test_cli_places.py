"""Folders and names that users mistype, and users without a home folder: each case is described in its own words."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.errors import UsageError
from labtui.text.paths import expanded
from tests.support.command_line import Answer
from tests.support.samples import make_launch, make_result, make_spec, write_run

Cli = Callable[..., Answer]

HEADER = """
[defaults]
group = "Digits"
protocol = "standard"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
"""


@pytest.mark.parametrize("command", ["ps", "compare", "report", "tb", "queue ls", "stop --all", "logs last", "rm last"])
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_runs_folder_that_is_named_and_does_not_exist_is_an_error(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch, command: str, by_variable: bool
) -> None:
    options = () if by_variable else ("--runs", "rnus")
    if by_variable:
        monkeypatch.setenv("LABTUI_RUNS", "rnus")
    answer = cli(*options, *command.split())
    assert (answer.code, answer.err) == (
        2, f"labtui: The runs folder {here / 'rnus'} does not exist.\nCheck --runs and LABTUI_RUNS.\n"
    )  # fmt: skip


@pytest.mark.parametrize("command", [("ps",), ("run", "dropout", "-n"), ("ls",)])
@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("s3://bucket/runs", "s3:// is a cloud storage address"),
        ("gs://bucket", "gs:// is a cloud storage address"),
        ("~nosuchuser/x", "there is no user 'nosuchuser'"),
    ],
)
def test_a_cloud_address_and_an_unknown_user_are_refused_by_name(
    cli: Cli, here: Path, command: tuple[str, ...], folder: str, message: str
) -> None:
    for option in ("--runs", "--data", "--catalog"):
        answer = cli(option, folder, *command)
        assert (answer.code, message in answer.err) == (2, True), (option, answer)
    assert list(here.iterdir()) == []


def test_a_folder_whose_name_looks_like_an_address_is_one_if_it_exists(here: Path) -> None:
    (here / "s3:" / "x").mkdir(parents=True)
    assert expanded(Path("s3:/x")) == Path("s3:/x")
    with pytest.raises(UsageError, match="cloud"):
        expanded(Path("s3:/y"))


def test_a_runs_folder_that_is_a_broken_link_is_said_to_be_one(cli: Cli, here: Path) -> None:
    (here / "runs").symlink_to("elsewhere")
    answer = cli("run", "dropout", "--dataset", "digits", "-d")
    assert (answer.code, "is a link to elsewhere, which does not exist" in answer.err) == (3, True)
    answer = cli("--runs", "runs", "ps")
    assert (answer.code, "is a broken link" in answer.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("v1.5", "TOML reads this as the key 5 of v1: a name cannot have a dot"),
        ("größe", "Names have only the letters a-z and A-Z, digits, _ and -."),
        ('"größe"', "cannot be the name of an entry"),
        ("last", '"last" means the newest run'),
    ],
)
def test_a_name_that_cannot_be_used_says_why(cli: Cli, here: Path, name: str, message: str) -> None:
    (here / "experiments.toml").write_text(f'{HEADER}\n[experiment.{name}]\ntitle = "X"\n')
    answer = cli("config", "validate")
    assert (answer.code, message in answer.out + answer.err) == (2, True), answer


@pytest.mark.parametrize("value", ["[.5,.5]", ".5, .5", "[0.5, .5]"])
def test_a_number_may_be_typed_without_the_zero_before_its_point(cli: Cli, here: Path, value: str) -> None:
    (here / "experiments.toml").write_text(f'{HEADER}\n[experiment.x]\ntitle = "X"\n')
    answer = cli("run", "x", "-n", "-j", "AUTO", "--json", "--set", f"model.dropout={value}")
    assert (answer.code, '"model.dropout":[0.5,0.5]' in answer.out) == (0, True), answer


@pytest.mark.parametrize("home", [None, ""])
def test_a_user_without_a_home_folder_gets_a_private_one_and_is_told(
    cli: Cli, here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(temporary))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home or "")
    if home is None:
        monkeypatch.delenv("HOME")

    def nobody(_uid: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    answer = cli("ls")
    folder = temporary / f"labtui-{os.geteuid()}"
    assert answer.code == 0
    assert f"has no home folder: labtui keeps its own files in {folder}" in answer.err
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path.home() == folder
    assert [path.name for path in here.iterdir()] == []


def test_reading_commands_show_several_runs_folders_and_write_to_none_but_the_first(cli: Cli, here: Path) -> None:
    for name, seed in (("first", 0), ("second", 1)):
        folder = here / name / "Cifar" / "Dropout" / f"s{seed}-a"
        write_run(folder, spec=make_spec(seed=seed), launch=make_launch(), result=make_result())
    both = ("--runs", "first", "--runs", "second")
    answer = cli(*both, "ps", "--json")
    assert sorted(json.loads(line)["id"] for line in answer.lines) == [
        "Cifar/Dropout/s0-a",
        "second/Cifar/Dropout/s1-a",
    ]
    assert cli("ps", *both, "--json").lines == answer.lines, "on either side of the command"
    assert "2 runs" in cli("export", *both).err
    before = sorted((here / "second").rglob("*"))
    assert cli("compare", *both).code == 0
    for command in (("rm", "s1-a", "--yes"), ("tag", "s1-a", "+x"), ("resume", "s1-a")):
        refused = cli(*both, *command)
        assert (refused.code, "outside of this runs folder" in refused.err) == (2, True), refused
    assert sorted((here / "second").rglob("*")) == before
    missing = cli("--runs", "first", "--runs", "secnd", "ps")
    assert (missing.code, "secnd does not exist" in missing.err) == (2, True)
