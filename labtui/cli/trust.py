"""`labtui trust`: consent to execute code of a folder that belongs to somebody else."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import FOLDER
from labtui.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labtui.api import Lab
    from labtui.spec import Spec


@click.command(cls=LabCommand, examples=("labtui trust ~/shared/lab",))
@click.argument("folder", type=FOLDER)
def trust(folder: Path) -> None:
    """Trust the catalog in FOLDER, and the code beside it, which belong to somebody else.

    Runs of it may then execute that code as you. A catalog of your own needs no trust.
    """
    from labtui.api.trust import trust as remember

    new = remember(folder)
    say(f"{folder.resolve()} is trusted{'' if new else ' already'}: runs of its catalog may execute code from there.")


def ask_for_trust(lab: "Lab", specs: "Iterable[Spec]") -> None:
    """Ask once, on a terminal, before code of somebody else's folder is executed. Raises UsageError elsewhere."""
    from labtui.api.trust import require_trust, untrusted_folder
    from labtui.api.trust import trust as remember

    specs = tuple(specs)
    folder = untrusted_folder(lab, specs)
    if folder is not None and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        say(f"{folder} belongs to somebody else, and running this executes code from there, as you.")
        click.confirm("Trust this folder from now on?", abort=True, err=True)
        remember(folder)
    require_trust(lab, specs)
