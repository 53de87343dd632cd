"""`labtui` itself: the list of commands, the flags that may stand before them, and the console without a command."""

import gc
import os
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import get_completion_class

from labtui import __version__
from labtui.cli.click_ext import GIVEN, HELP, LabCommand, LabGroup
from labtui.cli.options import FILE, FOLDER, lab_from, require_named_runs
from labtui.cli.streams import put
from labtui.errors import UsageError

COMMANDS = {
    "run": "labtui.cli.run:run",
    "ls": "labtui.cli.experiments:ls",
    "show": "labtui.cli.experiments:show",
    "init": "labtui.cli.config:init",
    "config": "labtui.cli.config:config",
    "trust": "labtui.cli.trust:trust",
    "ps": "labtui.cli.ps:ps",
    "logs": "labtui.cli.logs:logs",
    "stop": "labtui.cli.stop_resume:stop",
    "resume": "labtui.cli.stop_resume:resume",
    "rm": "labtui.cli.stop_resume:rm",
    "tag": "labtui.cli.tag:tag",
    "trash": "labtui.cli.trash:trash",
    "verify": "labtui.cli.verify:verify",
    "queue": "labtui.cli.queue:queue",
    "compare": "labtui.cli.compare:compare",
    "report": "labtui.cli.compare:report",
    "export": "labtui.cli.export:export",
    "tb": "labtui.cli.tensorboard:tb",
    "data": "labtui.cli.data:data",
    "devices": "labtui.cli.devices:devices",
    "doctor": "labtui.cli.doctor:doctor",
    "completion": "labtui.cli.main:completion",
}

SECTIONS = {
    "Experiments": ("ls", "show", "init", "config", "trust"),
    "Runs": ("run", "ps", "logs", "stop", "resume", "tag", "rm", "trash", "verify", "queue"),
    "Results": ("compare", "report", "export", "tb"),
    "Machine": ("data", "devices", "doctor", "completion"),
}

EXAMPLES = (
    "labtui                                    open the console",
    "labtui run dropout                        train one experiment in this terminal",
    "labtui run adam@0.001 --seeds 3           one member of a grid, seeds 0, 1 and 2",
    "labtui run --all --epochs 1 -d            queue all experiments and return immediately",
    "labtui compare dropout network            compare the results with their baselines",
    "labtui --dry-run --json                   what would run, one line of JSON per run",
)

WITHOUT_CONSOLE = (
    "Without the console: labtui --headless run NAME (`labtui ls` lists the names, `labtui --help` all commands)."
)


@click.group(
    cls=LabGroup,
    lazy=COMMANDS,
    sections=SECTIONS,
    examples=EXAMPLES,
    invoke_without_command=True,
    context_settings={**HELP, "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="labtui %(version)s")
@click.option("--headless", is_flag=True, help="Never open the console (commands never do).")
@click.option("--catalog", type=FILE, metavar="FILE", help="The catalog of experiments.")
@click.option(
    "--runs",
    "--logdir",
    type=FOLDER,
    multiple=True,
    metavar="DIR",
    help="The runs folder; any TensorBoard folder; repeatable: further ones are only read.",
)
@click.option("--data", type=FOLDER, metavar="DIR", help="The data folder.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would run; without a command, the whole catalog.")
@click.option("--json", is_flag=True, help="Write JSON, one value per line.")
@click.option("-q", "--quiet", is_flag=True, help="Show only the result, no progress.")
@click.option("--theme", metavar="NAME", help="Theme of the console, for this session.")
@click.option("--ascii", is_flag=True, help="Draw the console without line-drawing and braille characters.")
@click.option("--no-mouse", is_flag=True, help="Do not capture the mouse.")
@click.pass_context
def group(ctx: click.Context, /, **flags: Any) -> None:
    """Launch machine-learning experiments, watch them, and judge whether the comparison is valid.

    A run is a folder. Everything that labtui shows is read from there, so runs outlive the terminal.
    """
    ctx.meta[GIVEN] = {name: value for name, value in flags.items() if value}
    if ctx.invoked_subcommand is not None:
        return
    if flags["dry_run"]:
        _show_plan_of_everything(ctx)
    elif flags["headless"]:
        raise UsageError("--headless needs a command.", advice=WITHOUT_CONSOLE)
    else:
        _open_console(flags)


@click.command(
    cls=LabCommand,
    examples=(
        'eval "$(labtui completion bash)"        for this shell, or in ~/.bashrc',
        'eval "$(labtui completion zsh)"         for this shell, or in ~/.zshrc',
        "labtui completion fish > ~/.config/fish/completions/labtui.fish",
    ),
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a shell's completion script, for commands, options, experiments and runs."""
    script = get_completion_class(shell)
    assert script is not None  # click has all of the choices
    put(script(group, {}, "labtui", "_LABTUI_COMPLETE").source().rstrip())


def _show_plan_of_everything(ctx: click.Context) -> None:
    command = group.get_command(ctx, "run")
    assert isinstance(command, LabCommand)
    with command.make_context("run", ["--all"], parent=ctx) as run_context:
        command.invoke(run_context)


def _open_console(flags: Mapping[str, Any]) -> None:
    from labtui.console import run_console
    from labtui.console.terminal.capabilities import obstacle

    gc.disable()  # until the first frame: what is imported for it stays, and collecting garbage takes 20 ms
    if reason := obstacle(os.environ):  # before anything is looked up, so that it is the first thing to be reported
        raise UsageError(f"The console needs a terminal: {reason}.", advice=WITHOUT_CONSOLE)
    lab = lab_from(flags["catalog"], flags["runs"], flags["data"])
    require_named_runs(lab, flags["runs"])
    theme, ascii_only, mouse = flags["theme"] or "", flags["ascii"], not flags["no_mouse"]
    raise click.exceptions.Exit(run_console(lab, environ=os.environ, theme=theme, ascii_only=ascii_only, mouse=mouse))
