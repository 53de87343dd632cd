"""The help of the commands, and the page that is generated from it."""

from collections.abc import Callable, Iterator

import click
import pytest

from labtui.cli.docs_page import page
from labtui.cli.main import COMMANDS, SECTIONS, group
from tests.support.command_line import Answer
from tests.support.processes import ROOT

Cli = Callable[..., Answer]


def commands(found: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(found, info_name="labtui")
    if not isinstance(found, click.Group):
        yield path, found
        return
    for name in found.list_commands(context):
        inner = found.get_command(context, name)
        assert inner is not None
        yield from commands(inner, (*path, name))


ALL = list(commands(group))


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    # words only: line breaks depend on the version of click
    assert written.split() == page().split(), "python -m labtui.cli.docs_page > docs/command-line.md"


def test_every_command_is_in_a_section_of_the_help(cli: Cli) -> None:
    shown = cli("--help").out
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(COMMANDS)
    for section, names in SECTIONS.items():
        assert f"{section}:" in shown
        assert all(f"\n  {name} " in shown for name in names)


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_has_examples_and_help(cli: Cli, path: tuple[str, ...], command: click.Command) -> None:
    answer = cli(*path, "--help")
    assert answer.code == 0
    assert "Examples:" in answer.out
    assert f"labtui {path[0]}" in answer.out
    assert all(
        parameter.help for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden
    )


def test_examples_use_existing_options() -> None:
    for path, command in ALL:
        known = {name for parameter in (*command.params, *group.params) for name in parameter.opts} | {"--help"}
        for example in command.examples:  # type: ignore[attr-defined]  # every command of ours is a LabCommand
            used = {word.partition("=")[0] for word in example.split("  ")[0].split() if word.startswith("-")}
            assert used <= known, path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_labtui(cli: Cli, shell: str) -> None:
    answer = cli("completion", shell)
    assert (answer.code, "_LABTUI_COMPLETE" in answer.out) == (0, True)


@pytest.mark.usefixtures("here")
def test_the_shell_completes_experiments(shell: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_LABTUI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "labtui run drop")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert shell().out == "plain,dropout\n"
