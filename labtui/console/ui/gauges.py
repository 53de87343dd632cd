"""Progress bars, and the load of a machine as gauges: processor, memory, each GPU and who uses it."""

from typing import TYPE_CHECKING

from labtui.console.ui.glyphs import UNICODE, Glyphs
from labtui.text.sizes import size
from labtui.text.spans import Line, Span, fit, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.launch.devices import Device


def progress(fraction: float, width: int, glyphs: Glyphs = UNICODE, style: str = "bar") -> Line:
    """A bar of `width` cells filled to `fraction` (clamped to 0..1), to half a cell."""
    fraction = min(1.0, max(0.0, fraction)) if fraction == fraction else 0.0
    full, part = divmod(round(fraction * width * 2), 2)
    text = glyphs.done * full + glyphs.half * part
    rest = glyphs.rest * (width - len(text))
    return tuple(span for span in (Span(text, style), Span(rest, "rest")) if span.text)


def both_sides(value: float, largest: float, width: int, glyphs: Glyphs = UNICODE) -> Line:
    """A bar from the middle of `width` cells: to the right in "good" for gains, to the left in "bad" for losses."""
    half = (width - 1) // 2
    share = 0.0 if not largest or value != value else max(-1.0, min(1.0, value / largest))
    size = round(abs(share) * half)
    block = glyphs.block
    left, right = (size, 0) if share < 0 else (0, size)
    return (
        Span(" " * (half - left)),
        Span(block * left, "bad"),
        Span(glyphs.vertical, "axis"),
        Span(block * right, "good"),
        Span(" " * (width - 1 - half - right)),
    )


BAR = 8


def machine_lines(
    cpu: float | None, used: int, total: int, devices: "Sequence[Device]", width: int, glyphs: Glyphs = UNICODE
) -> list[Line]:
    """A line for the processor, one for the memory, then two per GPU: load and memory, and its processes."""
    if not total:
        waiting = (Span("reading system information …".replace("…", glyphs.ellipsis), "muted"),)
        return [shorten(waiting, width, glyphs.ellipsis)]
    processor = next((device for device in devices if device.kind == "cpu"), None)
    cores = f"{processor.cores} cores" if processor and processor.cores else ""
    lines = [
        _gauge("cpu", (cpu or 0.0) / 100, f"{cpu or 0:.0f}%", cores, glyphs),
        _gauge("memory", used / total, f"{100 * used / total:.0f}%", f"{size(used)} of {size(total)}", glyphs),
    ]
    for device in devices:
        if device.kind != "cpu":
            lines += _gpu(device, glyphs)
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def brief(cpu: float | None, used: int, total: int, devices: "Sequence[Device]") -> Line:
    """The same in brief, for a status line: `cpu 71%  mem 9.2 GiB  cuda:0 93%`."""
    if not total:
        return ()
    spans = [
        Span("cpu ", "muted"),
        Span(f"{cpu or 0:.0f}%"),
        Span("  mem ", "muted"),
        Span(f"{100 * used / total:.0f}%"),
    ]
    for device in devices:
        if device.load is not None and device.kind == "cuda":
            spans += [Span(f"  {device.name} ", "muted"), Span(f"{device.load:.0f}%")]
    return (*spans, Span(" "))


def _gauge(name: str, share: float, value: str, more: str, glyphs: Glyphs) -> Line:
    style = "warn" if share >= 0.95 else "bar"
    return (
        *fit((Span(name, "muted"),), 8),
        *progress(share, BAR, glyphs, style),
        *fit((Span(value),), 5, right=True),
        Span(f"  {more}", "muted"),
    )


def _gpu(device: "Device", glyphs: Glyphs) -> list[Line]:
    lines = []
    if device.load is not None:
        lines.append(_gauge(device.name, device.load / 100, f"{device.load:.0f}%", device.title, glyphs))
    else:
        lines.append((*fit((Span(device.name, "muted"),), 8), Span(device.title, "muted")))
    if device.memory_total and device.memory_free is not None:
        used = device.memory_total - device.memory_free
        amount = f"{size(used)} of {size(device.memory_total)}"
        lines.append(_gauge("", used / device.memory_total, f"{100 * used / device.memory_total:.0f}%", amount, glyphs))
    if device.obstacle:
        lines.append((Span(f"        {device.obstacle}", "warn"),))
    for process in device.processes[:3]:
        words = f"        {process.user}  {process.name} ({process.pid})  {size(process.memory)}"
        lines.append((Span(words, "muted"),))
    return lines
