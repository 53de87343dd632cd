"""`labtui completion`: completion for the shell's Tab key."""

import click
from click.shell_completion import get_completion_class

from labtui.cli.click_ext import LabCommand
from labtui.cli.streams import put

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=LabCommand,
    examples=(
        'eval "$(labtui completion bash)"        for this shell, or in ~/.bashrc',
        'eval "$(labtui completion zsh)"         for this shell, or in ~/.zshrc',
        "labtui completion fish > ~/.config/fish/completions/labtui.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of a shell; it completes commands, options, experiments and runs."""
    from labtui.cli.main import group

    found = get_completion_class(shell)
    assert found is not None  # click has all of SHELLS
    put(found(group, {}, "labtui", "_LABTUI_COMPLETE").source().rstrip())
