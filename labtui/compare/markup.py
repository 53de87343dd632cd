"""Text as HTML, Markdown and LaTeX take it: nothing in a title or a note is ever an instruction to them."""

import html as _html
import re

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~$])")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "\N{MINUS SIGN}": "$-$", "\N{MULTIPLICATION SIGN}": r"$\times$", "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{GREEK CAPITAL LETTER DELTA}": r"$\Delta$", "\N{EN DASH}": "--", "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}", "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
}  # fmt: skip


def html(text: str) -> str:
    """Text for an element or a quoted attribute."""
    return _html.escape(text, quote=True)


def markdown(text: str) -> str:
    """Text for a paragraph or a table cell, on one line."""
    return _MARKDOWN.sub(r"\\\1", text.replace("\n", " "))


def latex(text: str) -> str:
    """Text for a paragraph or a table cell; needs no packages."""
    return "".join(_LATEX.get(character, character) for character in text.replace("\n", " "))
