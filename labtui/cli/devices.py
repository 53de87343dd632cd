"""`labtui devices`: what a run can be trained on here. Like every command, imported only when it is called."""

from dataclasses import asdict

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import json_option
from labtui.cli.streams import Part, put_json, put_table, say
from labtui.launch.devices import Device
from labtui.text.numbers import DASH
from labtui.text.sizes import size
from labtui.text.tables import Column

COLUMNS = (
    Column("NAME"),
    Column("TITLE"),
    Column("FREE", right=True),
    Column("MEMORY", right=True),
    Column("LOAD", right=True),
    Column("IN USE BY"),
)


@click.command(cls=LabCommand, examples=("labtui devices", "labtui devices --json"))
@json_option
def devices(*, json: bool) -> None:
    """List the devices, with their memory, load and processes. `--device NAME` selects one."""
    from labtui.launch.devices import survey

    found = survey()
    if json:
        for device in found.devices:
            put_json(asdict(device))
    else:
        put_table(COLUMNS, [_row(device) for device in found.devices])
    for notice in found.notices:
        say(notice)


def _row(device: Device) -> tuple[Part, ...]:
    processes = "; ".join(
        f"{process.name} (pid {process.pid}, {process.user}, {size(process.memory)})" for process in device.processes
    )
    cores = f" ({device.cores} cores)" if device.cores is not None else ""
    return (
        device.name,
        device.title + cores,
        size(device.memory_free),
        size(device.memory_total),
        DASH if device.load is None else f"{device.load:.0f} %",
        f"cannot be used: {device.obstacle}" if device.obstacle else processes or DASH,
    )
