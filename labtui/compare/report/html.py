"""The report as one HTML file: figures inside, nothing fetched, fit for a screen and for paper."""

import base64
import re

from labtui.compare.render.export import html
from labtui.compare.report.document import (
    Block,
    Bullets,
    Commands,
    Document,
    Footnotes,
    Heading,
    Paragraph,
    Picture,
    Piece,
    SideBySide,
    TableBlock,
    TableLine,
    Words,
)
from labtui.compare.report.figure_style import ink, render

_TAGS = {"strong": "strong", "code": "code", "soft": "small"}

STYLE = """
:root { color-scheme: light dark;
  --ink: #1a1a1a; --soft: #555; --paper: #fff; --panel: #f5f5f5; --rule: #ccc; --line: #e2e2e2; --link: #0b57a4;
  --gain: #00548b; --loss: #a33d00; --ours: #0072b2; }
body { font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.35rem; margin: 2.4rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1.1rem; margin: 1.9rem 0 .4rem; }
h4 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: var(--link); }
p, ul { margin: .5rem 0; }
li { margin: .25rem 0; }
small { color: var(--soft); font-size: .875rem; }
table { border-collapse: collapse; font-size: .875rem; margin: .8rem 0; font-variant-numeric: tabular-nums; }
caption { caption-side: top; text-align: left; color: var(--soft); padding-bottom: .35rem; }
th, td { padding: .18rem .55rem; text-align: right; vertical-align: baseline; }
th.left, td.left { text-align: left; }
thead th { border-top: 2px solid var(--ink); border-bottom: 1px solid var(--ink); font-weight: 600; }
tbody tr:last-child td { border-bottom: 2px solid var(--ink); }
tbody tr.first td { border-top: 1px solid var(--line); }
tr.confounded td.mark { color: var(--soft); font-style: italic; }
tr.gain td.mark { color: var(--gain); font-weight: 700; }
tr.loss td.mark { color: var(--loss); font-weight: 700; }
.scroll { overflow-x: auto; }
.notes { font-size: .82rem; padding-left: 1.8rem; }
figure { margin: 1rem 0; }
figure img { width: 100%; max-width: 56rem; height: auto; }
figcaption { font-size: .875rem; color: var(--soft); }
.beside { display: grid; grid-template-columns: 1fr 1fr; gap: .9rem; margin: .8rem 0; }
.beside > div { border-left: 4px solid var(--rule); padding: .2rem .8rem; background: var(--panel); }
.beside > div + div { border-color: var(--ours); }
.beside b { display: block; font-size: .875rem; color: var(--soft); }
code, pre { font: .86em/1.45 ui-monospace, "SFMono-Regular", Consolas, "Liberation Mono", monospace; }
pre { background: var(--panel); padding: .7rem .9rem; overflow-x: auto; white-space: pre-wrap; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --soft: #a8a8a8; --paper: #15171a; --panel: #1f2226; --rule: #4a4d52; --line: #2e3034;
    --link: #7ab8f5; --gain: #5fb4ea; --loss: #f08a4b; --ours: #4aa8e0; }
}
@media (max-width: 40rem) { .beside { grid-template-columns: 1fr; } }
@media print {
  :root { color-scheme: light; }
  body { font-size: 10pt; margin: 0; max-width: none; padding: 0; }
  h2, h3, h4 { break-after: avoid; }
  figure, table, .beside { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
}
"""


_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""


def to_html(document: Document) -> str:
    """The whole file; the same document gives the same bytes."""
    with ink():
        body = "\n".join(_block(block) for block in document.blocks)
    head = f"{_HEAD}<title>{html(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
    return f"{head}<body>\n{body}\n</body>\n</html>\n"


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f'<h{level} id="{_anchor(text)}">{html(text)}</h{level}>'
        case Paragraph(words):
            return f"<p>{_words(words)}</p>"
        case Bullets(items):
            return "<ul>\n" + "\n".join(f"<li>{_words(item)}</li>" for item in items) + "\n</ul>"
        case TableBlock():
            return _grid(block)
        case Footnotes(notes):
            return (
                f'<ol class="notes">\n{"".join(_note(note.number, note.words) for note in notes)}</ol>' if notes else ""
            )
        case Picture():
            return _picture(block)
        case SideBySide(left_title, left, right_title, right):
            return f'<div class="beside">{_side(left_title, left)}{_side(right_title, right)}</div>'
        case Commands(lines):
            return f"<pre>{html(chr(10).join(lines))}</pre>"


def _side(title: str, words: Words) -> str:
    return f"<div><b>{html(title)}</b>{_words(words)}</div>"


def _words(words: Words) -> str:
    return "".join(_piece(piece) for piece in words)


def _piece(piece: Piece) -> str:
    tag = _TAGS.get(piece.kind)
    return f"<{tag}>{html(piece.text)}</{tag}>" if tag else html(piece.text)


def _note(number: int, words: Words) -> str:
    return f'<li id="note-{number}" value="{number}">{_words(words)}</li>\n'


def _grid(grid: TableBlock) -> str:
    sides = ["left" if head in grid.left else "" for head in grid.head]
    head = "".join(f"<th{_class(side)}>{html(text)}</th>" for text, side in zip(grid.head, sides, strict=True))
    body = "\n".join(_line(line, sides) for line in grid.lines)
    return (
        f'<div class="scroll"><table>\n<caption>{html(grid.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _line(line: TableLine, sides: list[str]) -> str:
    kinds = " ".join(filter(None, (line.kind, "first" if line.texts[0] else "")))
    numbers = "".join(f' <sup><a href="#note-{number}">{number}</a></sup>' for number in line.notes)
    cells = [
        f"<td{_class(side, 'mark' if index >= _MARKED else '')}>{html(text)}{numbers if not index else ''}</td>"
        for index, (text, side) in enumerate(zip(line.texts, sides, strict=True))
    ]
    return f"<tr{_class(kinds)}>{''.join(cells)}</tr>"


_MARKED = 4
"""From this column on a line's kind shows: the comparison, not the level."""


def _picture(picture: Picture) -> str:
    data = base64.b64encode(render(picture.draw(), "svg")).decode()
    image = f'<img alt="{html(picture.alt)}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{html(picture.caption)}</figcaption></figure>"


def _class(*names: str) -> str:
    known = " ".join(filter(None, names))
    return f' class="{known}"' if known else ""


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
