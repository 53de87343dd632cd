"""Pictures of screens as text, for comparing: the characters, and the styles of each line as runs of cells."""

import difflib
import os

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from labtui.console.app import LabtuiApp
from tests.support.console.app import screen_strips
from tests.support.processes import ROOT

PICTURES = ROOT / "tests" / "assets" / "console-pictures"
RENEW = "LABTUI_RENEW_PICTURES"
"""Set in the environment, pictures are written anew in place of being compared."""


def text_of(app: LabtuiApp) -> str:
    """The characters of the screen, without the blanks at the ends of lines."""
    return "\n".join(strip.text.rstrip() for strip in screen_strips(app)) + "\n"


def styles_of(app: LabtuiApp) -> str:
    """The styles of each line: `cells:colour/background` per run, with letters for what is set besides colours.

    What most cells of the picture have goes without saying, and so do lines that have nothing else.
    """
    lines = [_runs(strip) for strip in screen_strips(app)]
    cells: dict[str, int] = {}
    for size, code in (run for line in lines for run in line):
        cells[code] = cells.get(code, 0) + size
    usual = max(cells, key=lambda code: cells[code])
    described = [" ".join(str(size) if code == usual else f"{size}:{code}" for size, code in line) for line in lines]
    return f"usual {usual}\n" + "\n".join(line if ":" in line else "" for line in described) + "\n"


def _runs(strip: Strip) -> list[tuple[int, str]]:
    runs: list[tuple[int, str]] = []
    for text, style, _ in strip:
        code, size = _code(style or Style()), cell_len(text)
        if runs and runs[-1][1] == code:
            runs[-1] = (runs[-1][0] + size, code)
        elif size:
            runs.append((size, code))
    return runs


def _code(style: Style) -> str:
    marks = [("b", style.bold), ("d", style.dim), ("i", style.italic), ("u", style.underline), ("r", style.reverse)]
    front, back = (colour.name if colour else "-" for colour in (style.color, style.bgcolor))
    letters = "".join(letter for letter, is_set in marks if is_set)
    return f"{front}/{back}{'+' if letters else ''}{letters}"


def compare(name: str, shown: str) -> None:
    """Hold a picture against the stored one; the difference is the message."""
    path = PICTURES / name
    if os.environ.get(RENEW):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    stored = path.read_text(encoding="utf-8") if path.exists() else ""
    difference = list(
        difflib.unified_diff(stored.splitlines(), shown.splitlines(), "stored", "shown", lineterm="", n=0)
    )
    hint = f"if this change is meant: {RENEW}=1 pytest tests/console/test_console_snapshots.py"
    assert not difference, "\n".join([f"{name} has changed", *difference[:60], hint])
