"""What is written in fewer bytes draws the same picture."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from labtui.console.terminal.driver import PLAIN, SgrWriter, parse_sgr

SGR = re.compile(r"\x1b\[([0-9;]*)m")
MOVE = "\x1b[3;7H"

COLOURS = st.sampled_from(["", "#56b4e9", "#d5dbe3", "#171d25", "red", "bright_blue", "color(178)"])
STYLES = st.builds(
    lambda front, back, *marks: Style(
        color=front or None, bgcolor=back or None, bold=marks[0], underline=marks[1], reverse=marks[2]
    ),
    COLOURS, COLOURS, *[st.sampled_from([None, True])] * 3,
)  # fmt: skip
PIECES = st.lists(st.tuples(STYLES, st.sampled_from(["│", "  ", "abc", " x ", "日本", MOVE])), max_size=12)


def frame(pieces) -> str:
    """As Textual writes it: every piece with its whole style, and a reset behind it."""
    return "".join(text if text == MOVE else style.render(text) for style, text in pieces)


def drawn(written: str) -> list[tuple[str, frozenset[str], str, str]]:
    """Each character with its attributes and colours, as a terminal takes them."""
    cells = []
    attributes, front, back = set(), "", ""
    position = 0
    for match in [*SGR.finditer(written), None]:
        text = written[position : match.start() if match else len(written)]
        for character in text.replace(MOVE, "\N{LEFTWARDS ARROW}"):
            seen = front if not character.isspace() or attributes & {"4", "7"} else ""
            cells.append((character, frozenset(attributes if not character.isspace() else attributes & {"4", "7"}),
                          seen, back))  # fmt: skip
        if match is None:
            break
        position = match.end()
        words = match[1].split(";")
        while words:
            word = words.pop(0)
            if word in ("", "0"):
                attributes, front, back = set(), "", ""
            elif word in ("38", "48"):
                size = 4 if words[0] == "2" else 2
                colour, words = ";".join([word, *words[:size]]), words[size:]
                front, back = (colour, back) if word == "38" else (front, colour)
            elif word in ("39", "49"):
                front, back = ("", back) if word == "39" else (front, "")
            elif int(word) < 10:
                attributes.add(word)
            elif word[:-1] in ("3", "9"):
                front = word
            else:
                back = word
    return cells


@given(st.lists(PIECES, min_size=1, max_size=4))
def test_every_character_is_drawn_the_same_over_many_frames(frames):
    writer = SgrWriter()
    written = [frame(pieces) for pieces in frames]
    shortened = [writer.shorten(output) for output in written]
    assert drawn("".join(shortened)) == drawn("".join(written))
    assert len("".join(shortened)) <= len("".join(written)) + 4


def test_a_border_on_the_same_ground_costs_its_colour_alone():
    writer, line = SgrWriter(), Style(color="#2b3440", bgcolor="#0f1318")
    text = Style(color="#d5dbe3", bgcolor="#0f1318")
    first = writer.shorten(line.render("│") + text.render(" run ") + text.render("    ") + line.render("│"))
    assert first == "\x1b[38;2;43;52;64;48;2;15;19;24m│\x1b[38;2;213;219;227m run     \x1b[38;2;43;52;64m│"


def test_what_switches_modes_is_written_plain():
    writer = SgrWriter()
    writer.shorten(Style(color="red").render("x"))
    assert writer.shorten("\x1b[?1049l") == "\x1b[m\x1b[?1049l"


def test_unknown_codes_are_not_changed():
    writer = SgrWriter()
    assert writer.shorten("\x1b[58;2;1;2;3mwavy\x1b[0m\x1b[1mx") == "\x1b[58;2;1;2;3mwavy\x1b[0;1mx"


@pytest.mark.parametrize(("parameters", "state"), [
    ("", PLAIN), ("0", PLAIN), ("1;38;5;178;48;2;1;2;3", (frozenset("1"), "38;5;178", "48;2;1;2;3")),
    ("97;100", (frozenset(), "97", "100")), ("38;2;1;2", None), ("22", None), ("38", None),
])  # fmt: skip
def test_styles_are_parsed_as_rich_writes_them(parameters, state):
    assert parse_sgr(parameters) == state
