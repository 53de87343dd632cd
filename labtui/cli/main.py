"""`labtui` itself: the list of commands, the flags that may stand before them, and the console when none is named."""

import gc
import os
from collections.abc import Mapping
from typing import Any

import click

from labtui import __version__
from labtui.cli.click_ext import GIVEN, HELP, LabCommand, LabGroup
from labtui.cli.options import FILE, FOLDER, lab_from
from labtui.errors import UsageError

COMMANDS = {
    "run": "labtui.cli.run:run",
    "ls": "labtui.cli.experiments:ls",
    "show": "labtui.cli.experiments:show",
    "init": "labtui.cli.config:init",
    "config": "labtui.cli.config:config",
    "ps": "labtui.cli.ps:ps",
    "logs": "labtui.cli.logs:logs",
    "stop": "labtui.cli.stop_resume:stop",
    "resume": "labtui.cli.stop_resume:resume",
    "rm": "labtui.cli.stop_resume:rm",
    "verify": "labtui.cli.verify:verify",
    "queue": "labtui.cli.queue:queue",
    "compare": "labtui.cli.compare:compare",
    "report": "labtui.cli.compare:report",
    "tb": "labtui.cli.tensorboard:tb",
    "data": "labtui.cli.data:data",
    "devices": "labtui.cli.devices:devices",
    "doctor": "labtui.cli.doctor:doctor",
    "completion": "labtui.cli.completion:completion",
}

SECTIONS = {
    "Experiments": ("ls", "show", "init", "config"),
    "Runs": ("run", "ps", "logs", "stop", "resume", "rm", "verify", "queue"),
    "Judgement": ("compare", "report", "tb"),
    "Machine": ("data", "devices", "doctor", "completion"),
}

EXAMPLES = (
    "labtui                                    open the console",
    "labtui run dropout                        train one experiment, here and now",
    "labtui run adam@0.001 --seeds 3           one member of a grid, seeds 0, 1 and 2",
    "labtui run --all --epochs 1 -d            everything, queued; the shell is free again",
    "labtui compare dropout network            what came out, and whether it shows anything",
    "labtui --dry-run --json                   what would run, a line of JSON each",
)

WITHOUT_TERMINAL = (
    "Without a console: labtui --headless run NAME (`labtui ls` lists the names, `labtui --help` the rest)."
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
@click.option("--headless", is_flag=True, help="Never open the console (a command never does).")
@click.option("--catalog", type=FILE, metavar="FILE", help="The catalog of experiments.")
@click.option("--runs", "--logdir", type=FOLDER, metavar="DIR", help="The runs folder; any TensorBoard folder.")
@click.option("--data", type=FOLDER, metavar="DIR", help="Where data sets lie.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run; without a command: the whole catalog.")
@click.option("--json", is_flag=True, help="Write JSON, one value a line.")
@click.option("-q", "--quiet", is_flag=True, help="Only the answer, nothing on the way.")
@click.option("--theme", metavar="NAME", help="Of the console, for this time.")
@click.option("--ascii", is_flag=True, help="Console without line-drawing and braille characters.")
@click.option("--no-mouse", is_flag=True, help="Console that leaves the mouse to the terminal.")
@click.pass_context
def group(ctx: click.Context, /, **flags: Any) -> None:
    """Launch machine-learning experiments, watch them, and judge whether the comparison is valid.

    A run is a folder: everything that labtui shows is read from there, so it outlives the terminal.
    """
    ctx.meta[GIVEN] = {name: value for name, value in flags.items() if value}
    if ctx.invoked_subcommand is not None:
        return
    if flags["dry_run"]:
        _plan_of_everything(ctx)
    elif flags["headless"]:
        raise UsageError("--headless needs a command.", advice=WITHOUT_TERMINAL)
    else:
        _open_console(flags)


def _plan_of_everything(ctx: click.Context) -> None:
    command = group.get_command(ctx, "run")
    assert isinstance(command, LabCommand)
    with command.make_context("run", ["--all"], parent=ctx) as run_context:
        command.invoke(run_context)


def _open_console(flags: Mapping[str, Any]) -> None:
    from labtui.console import run_console
    from labtui.console.terminal import capabilities as terminal

    gc.disable()  # until the first picture: what is imported for it is kept, and looking for garbage takes 20 ms
    if why := terminal.obstacle(os.environ):  # asked before anything is looked for: it is the first thing to be told
        raise UsageError(f"The console needs a terminal: {why}.", advice=WITHOUT_TERMINAL)
    lab = lab_from(flags["catalog"], flags["runs"], flags["data"])
    theme, plain, mouse = flags["theme"] or "", flags["ascii"], not flags["no_mouse"]
    raise click.exceptions.Exit(run_console(lab, environ=os.environ, theme=theme, ascii_only=plain, mouse=mouse))
