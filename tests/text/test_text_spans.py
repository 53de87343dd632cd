"""Lines measured in terminal cells, and tables made of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labtui.text.spans import (
    Span,
    cut,
    cut_middle,
    fit,
    labelled,
    line_width,
    lines_width,
    plain,
    plain_lines,
    separated,
    shorten,
    spread,
    text_width,
    wrap,
)
from labtui.text.tables import Column, TableRow, align, changed_cells, column_at, header_line, lay_out, row_line

MIXED = st.text(st.sampled_from("ab é…−Δ漢字👍\u0301"), max_size=40)


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"]), max_size=30))
def test_the_width_is_the_one_that_textual_measures(text: str) -> None:
    assert text_width(text) == cell_len(text)


def test_lines_are_cut_and_padded_to_cells_not_characters() -> None:
    assert cut("学习率实验", 7) == "学习率…"
    assert cut("abc", 0) == ""
    assert line_width(fit((Span("学习率"),), 9)) == 9
    assert line_width(fit((Span("学习率实验"),), 7)) == 7
    assert plain(fit((Span("abc"),), 6, right=True)) == "   abc"
    assert plain(shorten((Span("abcdef", "x"), Span("ghi")), 8)) == "abcdefg…"
    assert plain(spread((Span("left"),), (Span("right"),), 14)) == "left     right"
    assert line_width(spread((Span("a long left part"),), (Span("right"),), 12)) == 12


@given(st.text(max_size=30), st.integers(0, 20))
def test_any_text_fits_its_width(text: str, width: int) -> None:
    assert line_width(fit((Span(text),), width)) <= width
    assert line_width(shorten((Span(text), Span(text)), width)) <= width
    assert text_width(cut(text, width)) <= width


@given(MIXED, st.integers(2, 20))
def test_wrapped_text_fits_its_width_and_loses_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(text_width(one) <= width for one in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_text_is_broken_between_words() -> None:
    assert wrap("one two  three-four", 8) == ["one two", "three-fo", "ur"]
    assert wrap(" a  b\tc\nd", 8) == ["a  b c d"]
    assert wrap("", 8) == []
    assert plain_lines(labelled("note", "one two three four five six", 24, indent=0, column=4)) == (
        "note one two three four\n     five six\n"
    )


def shown(*arguments, **settings) -> list[str]:
    return [plain(line) for line in align(*arguments, **settings)]


def spans(*texts: str) -> list[Span]:
    return [Span(text) for text in texts]


def test_columns_line_up_and_numbers_stand_to_the_right() -> None:
    columns = [Column("NAME"), Column("RUNS", right=True), Column("WHY")]
    lines = shown(columns, [spans("adam", "3", "x"), spans("sgd@0.001", "12", "")])
    assert lines == ["NAME       RUNS  WHY", "adam          3  x", "sgd@0.001    12"]


def test_wide_characters_do_not_push_the_next_column() -> None:
    lines = shown([Column("A"), Column("B")], [spans("漢字", "x"), spans("abcd", "y")])
    assert {text_width(line.split("x")[0].split("y")[0]) for line in lines[1:]} == {6}


def test_only_the_last_column_is_cut_to_the_width() -> None:
    lines = shown([Column("A"), Column("WHY")], [spans("a" * 10, "b" * 50)], width=30)
    assert lines[1] == "a" * 10 + "  " + "b" * 17 + "…"


def test_columns_without_text_can_be_left_out() -> None:
    columns = [Column(title, right=True) for title in "abc"]
    lines = align(columns, [spans("1", "", "22")], gap=1, drop_empty=True)
    assert plain_lines(lines) == "a  c\n1 22\n"
    assert lines_width(lines) == 4


COLUMNS = (
    Column("experiment", key="name", width=6, grows=True),
    Column("n", True, key="n", width=2, rank=2),
    Column("mean", True, key="mean", width=5, rank=1, sortable=True),
)


def test_a_layout_drops_the_highest_rank_first_and_grows_to_the_width() -> None:
    assert [(column.key, width) for column, width in lay_out(COLUMNS, 20)] == [("name", 11), ("n", 2), ("mean", 5)]
    assert [(column.key, width) for column, width in lay_out(COLUMNS, 12)] == [("name", 6), ("mean", 5)]
    assert [column.key for column, _ in lay_out(COLUMNS, 3)] == ["name"]


def test_a_laid_out_row_shows_its_cells_under_the_titles() -> None:
    layout = lay_out(COLUMNS, 20)
    row = TableRow("1", {"name": (Span("adam"),), "n": (Span("3"),), "mean": (Span("61.04", "good"),)}, style="muted")
    assert plain(header_line(layout, sorted_by="n")) == "experiment  n↓  mean"
    assert plain(row_line(layout, row)) == "adam         3 61.04"
    assert [style for text, style in row_line(layout, row) if text.strip()] == ["muted", "muted", "good"]
    heading = TableRow("2", {"name": (Span("a heading over all columns"),)}, heading=True)
    assert plain(row_line(layout, heading)) == "a heading over all… "


def test_what_changed_in_a_row_is_known_to_the_cell() -> None:
    layout = lay_out(COLUMNS, 20)
    old = TableRow("1", {"n": (Span("3"),), "mean": (Span("1"),)})
    assert changed_cells(layout, old, TableRow("1", {"n": (Span("4"),), "mean": (Span("1"),)})) == (12, 14)
    assert changed_cells(layout, old, old) == (0, 0)
    assert changed_cells(layout, old, TableRow("2", old.cells)) is None
    assert [column.key if (column := column_at(layout, x)) else None for x in (0, 11, 12, 19, 40)] == [
        "name",
        "name",
        "n",
        "mean",
        None,
    ]


@pytest.mark.parametrize(
    ("text", "shown", "cells"),
    [
        ("\N{WOMAN}\u200d\N{MICROSCOPE} run", "\N{WOMAN}\N{MICROSCOPE} run", 8),
        ("\N{THUMBS UP SIGN}\U0001f3fd", "\N{THUMBS UP SIGN}", 2),
        ("\N{HEAVY BLACK HEART}\ufe0f", "\N{HEAVY BLACK HEART}", 1),
        ("\U0001f1e9\U0001f1ea run", "DE run", 6),
        ("plain", "plain", 5),
        ("\u6f22\u5b57", "\u6f22\u5b57", 4),
    ],
)
def test_an_emoji_of_several_characters_is_taken_apart_so_that_all_terminals_count_the_same_cells(text, shown, cells):
    assert (separated(text), text_width(text)) == (shown, cells)
    for width in range(1, cells):
        assert text_width(cut(text, width)) <= width
        assert text_width(cut_middle(text, width)) <= width


@given(st.text(max_size=30), st.integers(0, 40))
def test_any_text_cut_in_the_middle_fits_and_keeps_both_of_its_ends(text: str, width: int):
    short = cut_middle(text, width)
    assert text_width(short) <= width
    if text_width(text) <= width:
        assert short == text


def test_names_that_begin_alike_stay_apart_when_their_middle_is_cut():
    names = [f"lightning_logs/a-long-name-of-an-experiment/version_{number}" for number in range(3)]
    short = [cut_middle(name, 24) for name in names]
    assert short == [f"lightning_l…nt/version_{number}" for number in range(3)]
    line = (Span("● "), Span(names[0]), Span(" x"))
    assert plain(fit(line, 28, middle=True)) == "● lightning_l…nt/version_0 x"
    assert line_width(fit(line, 5, middle=True)) == 5
