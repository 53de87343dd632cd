"""The load of this machine, and who is on its devices."""

from labtui.console.data.snapshot import Machine

SHOWN = 10_000_000
"""Bytes in which used memory is counted: less is not shown, and would be painted anew at every look."""


def read_machine() -> Machine:
    """CPU load since the last call, memory, devices. Some 20 ms: ask seldom, and never on the event loop."""
    import psutil  # deferred, both: 20 ms that the first frame does not wait for

    from labtui.launch.devices import survey

    memory = psutil.virtual_memory()
    found = survey()
    return Machine(
        cpu=round(psutil.cpu_percent(interval=None)),
        memory_used=(memory.total - memory.available) // SHOWN * SHOWN,
        memory_total=memory.total,
        devices=found.devices,
        notices=found.notices,
    )
