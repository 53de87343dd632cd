"""Lines and tables on stdout: cleaned, and cut to a terminal's width only."""

import io

import pytest

from labtui.cli.streams import put, put_table
from labtui.text.spans import Span
from labtui.text.tables import Column

COLUMNS = (Column("A"), Column("WHY"))


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal_stdout(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdout a terminal; called in the test, since pytest replaces stdout between fixtures and tests."""
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


def test_a_table_off_a_terminal_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    put_table(COLUMNS, [("a", "b" * 200)])
    assert capsys.readouterr().out.splitlines()[1] == "a  " + "b" * 200


def test_a_table_on_a_terminal_is_cut_to_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_stdout(monkeypatch)
    put_table(COLUMNS, [("a" * 10, "b" * 50)])
    assert terminal.getvalue().splitlines()[1] == "a" * 10 + "  " + "b" * 17 + "…"


def test_a_hostile_cell_stays_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    put_table(COLUMNS, [("a\x1b]52;c;x\x07", "two\nlines")])
    out = capsys.readouterr().out
    assert ("\x1b" in out, len(out.splitlines())) == (False, 2)


def test_a_coloured_cell_takes_the_width_of_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_stdout(monkeypatch)
    put_table(COLUMNS, [(Span("failed", "bad"), "x"), ("ok", "y")])
    assert terminal.getvalue().splitlines()[1:] == ["\x1b[31mfailed\x1b[0m  x", "ok      y"]


def test_there_are_no_colours_off_a_terminal_or_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_stdout(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    put(Span("failed", "bad"), " and more")
    assert terminal.getvalue() == "failed and more\n"
