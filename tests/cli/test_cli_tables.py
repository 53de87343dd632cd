"""Plain tables on stdout."""

from hypothesis import given
from hypothesis import strategies as st

from labtui.cli.columns import cut, table_lines, text_width
from labtui.cli.streams import Painted


def shown(lines: list[list[object]]) -> list[str]:
    return ["".join(piece.text if isinstance(piece, Painted) else str(piece) for piece in line) for line in lines]


def test_columns_line_up_and_numbers_stand_to_the_right() -> None:
    lines = shown(table_lines(("NAME", "RUNS", "WHY"), [("adam", "3", "x"), ("sgd@0.001", "12", "")], right=("RUNS",)))
    assert lines == ["NAME       RUNS  WHY", "adam          3  x", "sgd@0.001    12"]


def test_wide_characters_do_not_push_the_next_column() -> None:
    lines = shown(table_lines(("A", "B"), [("漢字", "x"), ("abcd", "y")]))
    assert {text_width(line.split("x")[0].split("y")[0]) for line in lines[1:]} == {6}


def test_only_the_last_column_is_cut_to_the_width() -> None:
    lines = shown(table_lines(("A", "WHY"), [("a" * 10, "b" * 50)], width=30))
    assert lines[1] == "a" * 10 + "  " + "b" * 17 + "…"


def test_a_hostile_cell_stays_one_line_without_control_characters() -> None:
    (_, line) = shown(table_lines(("A", "B"), [("a\x1b]52;c;x\x07", "two\nlines")]))
    assert "\x1b" not in line
    assert "\n" not in line


def test_a_coloured_cell_takes_the_room_of_its_text() -> None:
    lines = shown(table_lines(("STATE", "B"), [(Painted("failed", "red"), "x"), ("ok", "y")]))
    assert lines[1:] == ["failed  x", "ok      y"]


@given(st.text(max_size=40), st.integers(min_value=1, max_value=30))
def test_cut_text_never_takes_more_than_its_width(text: str, width: int) -> None:
    assert text_width(cut(text, width)) <= width
