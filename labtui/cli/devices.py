"""`labtui devices`: what a run can be trained on here."""

from dataclasses import asdict

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.columns import put_table
from labtui.cli.format import NOTHING, size
from labtui.cli.options import json_option
from labtui.cli.streams import Piece, put_json, say
from labtui.launch.devices import Device

HEADER = ("NAME", "TITLE", "FREE", "MEMORY", "LOAD", "IN USE BY")


@click.command(cls=LabCommand, examples=("labtui devices", "labtui devices --json"))
@json_option
def devices(*, json: bool) -> None:
    """List the devices, with memory, load and who is on them. `--device NAME` takes one of these."""
    from labtui.launch.devices import survey

    found = survey()
    if json:
        for device in found.devices:
            put_json(asdict(device))
    else:
        put_table(HEADER, [_row(device) for device in found.devices], right=("FREE", "MEMORY", "LOAD"))
    for notice in found.notices:
        say(notice)


def _row(device: Device) -> tuple[Piece, ...]:
    users = "; ".join(f"{one.name} (pid {one.pid}, {one.user}, {size(one.memory)})" for one in device.processes)
    cores = f" ({device.cores} cores)" if device.cores is not None else ""
    return (
        device.name,
        device.title + cores,
        size(device.memory_free),
        size(device.memory_total),
        NOTHING if device.load is None else f"{device.load:.0f} %",
        f"cannot be used: {device.obstacle}" if device.obstacle else users or NOTHING,
    )
