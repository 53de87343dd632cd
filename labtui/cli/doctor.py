"""`labtui doctor`: what is here, what is in the way, and what to do about it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.format import plural
from labtui.cli.options import json_option, lab_options
from labtui.cli.streams import Painted, put, put_json, say
from labtui.errors import EnvironmentFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labtui.api import Lab
    from labtui.cli.checkup import Finding

MARKS = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "problem": ("BAD ", "red")}


@click.command(cls=LabCommand, examples=("labtui doctor", "labtui doctor --json"))
@json_option
@lab_options
def doctor(lab: "Lab", *, json: bool) -> int:
    """Look at versions, paths, devices, data, locks and disk, and say what to do. Ends with 3 if one is broken."""
    from labtui.cli.checkup import CHECKS

    problems = 0
    for finding in _all(lab, CHECKS):
        problems += finding.level == "problem"
        if json:
            put_json(asdict(finding))
        else:
            _put(finding)
    if not json:
        say(f"{plural(problems, 'problem')}." if problems else "Nothing is in the way.")
    return EnvironmentFault.exit_code if problems else 0


def _all(lab: "Lab", checks: "tuple[Callable[[Lab], Iterator[Finding]], ...]") -> "Iterator[Finding]":
    for check in checks:
        yield from check(lab)


def _put(finding: "Finding") -> None:
    mark, color = MARKS[finding.level]
    put(Painted(mark, color), f"  {finding.topic:<12} {finding.text}")
    if finding.advice:
        put(f"      {'':<12} -> {finding.advice}")
