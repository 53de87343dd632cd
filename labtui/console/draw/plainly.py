"""Words that others wrote, in the characters that the terminal can show."""

from labtui.console.draw.glyphs import Glyphs
from labtui.console.draw.spans import Line, Span

_ASCII = str.maketrans(
    {"−": "-", "×": "x", "–": "-", "Δ": "d", "±": "+-", "→": "->", "²": "2", "…": "...", "·": "|", "“": '"', "”": '"'}
)


def plainly(line: Line, glyphs: Glyphs) -> Line:
    """The line; without Unicode, its signs are spelled in ASCII, and what has no spelling is a question mark."""
    if not glyphs.ascii:
        return line
    return tuple(Span(span.text.translate(_ASCII).encode("ascii", "replace").decode(), span.ink) for span in line)
