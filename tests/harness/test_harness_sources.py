"""Metrics from lines of output, JSON lines and CSV, read while the files grow."""

import json
from pathlib import Path

import pytest

from labtui.harness.sources import (
    CsvParser,
    GrowingText,
    NewestMatch,
    TextSource,
    Values,
    json_parser,
    log_parser,
    newest,
)
from labtui.program import line_pattern


def test_only_whole_lines_are_read_and_a_progress_bar_is_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    text = GrowingText(path)
    assert text.lines() == []
    path.write_bytes(b"one\r\n10%\r20%\rtw")
    assert text.lines() == ["one", "10%", "20%"]
    with path.open("ab") as stream:
        stream.write(b"o\nthree")
    assert text.lines() == ["two"]
    assert text.last_line() == ["three"]


def test_a_log_that_was_cut_at_its_beginning_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("".join(f"step {step}: loss {step}\n" for step in range(2000)))
    text = GrowingText(path)
    assert len(text.lines()) == 2000
    tail = "".join(f"step {step}: loss {step}\n" for step in range(1000, 2003))
    with path.open("r+") as stream:  # as the supervisor does: the same file, its beginning removed
        stream.truncate(0)
        stream.write("[labtui: bytes were removed here]\n" + tail)
    assert text.lines() == [f"step {step}: loss {step}" for step in (2000, 2001, 2002)]


def test_output_that_was_removed_before_it_was_read_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("step 1: loss 1\n")
    text = GrowingText(path)
    assert text.lines()
    assert text.gaps == 0
    with path.open("r+") as stream:
        stream.truncate(0)
        stream.write("step 900: loss 1\n")
    assert text.lines() == ["step 900: loss 1"]
    assert text.gaps == 1


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n1,3\n")
    source = TextSource(GrowingText(path), CsvParser())
    assert list(source.poll()) == [Values(1, None, {"loss": 3.0})]
    other = tmp_path / "new"
    other.write_text("step,loss,acc\n1,3,\n2,2,0.5\n")
    other.replace(path)
    assert [values.values for values in source.poll()] == [{"loss": 3.0}, {"loss": 2.0, "acc": 0.5}]


def test_a_csv_that_is_written_anew_with_another_column_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,train_loss\n1,3\n2,2\n")
    source = TextSource(GrowingText(path), CsvParser())
    assert len(list(source.poll())) == 2
    path.write_text("step,train_loss,val_loss\n1,3,\n2,2,\n2,,2.5\n")  # the same file, as Lightning's logger does
    assert list(source.poll())[-1] == Values(2, None, {"val_loss": 2.5})


@pytest.mark.parametrize(
    ("record", "values"),
    [
        ({"step": 3, "train": {"loss": 1.5, "name": "x"}, "ok": True}, Values(3, None, {"train/loss": 1.5})),
        ({"epoch": 2, "loss": 1}, Values(2, 2.0, {"loss": 1.0})),
        ({"epoch": 0.5, "global_step": 40, "loss": 1}, Values(40, 0.5, {"loss": 1.0})),
        ({"loss": 1}, Values(None, None, {"loss": 1.0})),
    ],
)
def test_numbers_of_a_json_object_are_tags_and_its_step_says_where(record: object, values: Values) -> None:
    assert json_parser(json.dumps(record)) == values


@pytest.mark.parametrize("line", ["", "[1]", "no json", "{" * 5000, '"x"'])
def test_a_line_that_is_no_json_object_is_passed_over(line: str) -> None:
    assert json_parser(line) is None


def test_empty_cells_of_a_csv_are_left_out() -> None:
    parse = CsvParser()
    assert parse("epoch,train_loss,step,val_loss") is None
    assert parse("0,,10,0.25") == Values(10, 0.0, {"val_loss": 0.25})


def test_the_first_pattern_that_matches_counts() -> None:
    parse = log_parser([line_pattern("iter {iter}: loss {loss}"), line_pattern("loss {loss}")])
    assert parse("iter 4: loss 2") == Values(4, None, {"loss": 2.0})
    assert parse("final loss 1") == Values(None, None, {"loss": 1.0})
    assert parse("nothing") is None


def test_the_newest_match_is_followed_when_another_file_appears(tmp_path: Path) -> None:
    import os

    source = NewestMatch(tmp_path, "**/m.jsonl", lambda path: TextSource(GrowingText(path), json_parser))
    assert list(source.poll()) == []
    for number, name in enumerate(("version_0", "version_1")):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "m.jsonl"
        file.write_text(json.dumps({"step": number, "loss": 1}) + "\n")
        os.utime(file, (number + 1, number + 1))
        assert [values.step for values in source.poll()] == [number]
    assert newest(tmp_path, "none*") is None
