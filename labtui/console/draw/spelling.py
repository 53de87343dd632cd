"""Words that others wrote, in the characters that the terminal can show."""

_SIGNS = str.maketrans(
    {"−": "-", "×": "x", "–": "-", "Δ": "d", "±": "+-", "→": "->", "²": "2", "…": "...", "·": ".", "“": '"', "”": '"'}
)


def in_ascii(text: str) -> str:
    """The text with its signs spelled in ASCII; what has no spelling becomes a question mark."""
    return text if text.isascii() else text.translate(_SIGNS).encode("ascii", "replace").decode()
