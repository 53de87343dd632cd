"""The table as text, JSON, CSV, Markdown and LaTeX: the same facts, readable by each reader."""

import csv
import io
import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.compare.model import ComparisonTable
from labtui.compare.render.export import html, latex, markdown, to_csv, to_json, to_latex, to_markdown
from labtui.compare.render.text import SECTIONS, to_lines, to_text
from labtui.spec import Cnn
from labtui.store import tags
from tests.support.comparisons import (
    judged,
    report_run_data,
    report_runs,
    report_variants,
    row,
    run,
    runs_of,
    spec,
    variant,
)

NASTY = "A_b"
DROPOUT = spec("dropout", NASTY, model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))


@pytest.fixture(scope="module")
def table() -> ComparisonTable:
    runs = report_runs()
    return judged(runs, report_variants(), run_data=report_run_data(runs))


# --- Text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 96, 120, 200])
def test_no_line_is_wider_than_asked(table: ComparisonTable, width: int) -> None:
    assert max(map(len, to_text(table, width).splitlines())) <= width


def test_a_narrow_terminal_gets_eighty_characters(table: ComparisonTable) -> None:
    assert to_text(table, 20) == to_text(table, 80)


def test_every_row_and_every_finding_is_in_the_text(table: ComparisonTable) -> None:
    flat = " ".join(to_text(table, 80).split())
    for one in table.rows:
        assert f"{one.title} {one.seeds_text} " in flat
        for finding in one.all_findings:
            assert " ".join(finding.text.split()) in flat


def test_only_what_several_rows_share_stands_above_them(table: ComparisonTable) -> None:
    shared = to_text(table, 200, sections=("notes",)).partition("\nNetwork\n")[0]
    assert "data.train_fraction: 0.5 in Network" in shared
    assert "not learning" not in shared
    assert "dominates the loss" not in shared


def test_the_head_of_a_single_row_says_nothing_of_differences() -> None:
    alone = judged(runs_of(DROPOUT, [60, 61]), [variant(spec()), variant(DROPOUT)])
    head = to_text(alone, 80, sections=("verdicts",)).partition("\n\n")[0]
    assert "test/accuracy" in head
    assert "Δ" not in head


def test_the_head_says_metric_unit_selection_and_how_the_intervals_hold(table: ComparisonTable) -> None:
    head = " ".join(to_text(table, 80, sections=("verdicts",)).partition("\n\n")[0].split())
    assert head == (
        "test/accuracy in %, mean and sd over seeds: last epoch; the plain test images were read once, at the end "
        "Δ in points against Network unless a line names another baseline; 95% intervals, "
        "adjusted so that all 9 verdicts hold at once (Holm)"
    )


def test_a_confounded_difference_stands_above_the_fair_one(table: ComparisonTable) -> None:
    lines = to_text(table, 80, sections=("verdicts",)).splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("Dropout"))
    assert lines[place].split()[-1] == "confounded"
    assert lines[place + 1].split()[:3] == ["vs", "Adam", "0.001"]
    assert lines[place + 1].split()[-1] == "undecided"


def test_a_confounded_difference_never_looks_like_a_claim(table: ComparisonTable) -> None:
    styles = {
        span.style for line in to_lines(table, 80, sections=("verdicts",)) for span in line if "confounded" in span.text
    }
    assert styles == {"warn"}


def test_what_styles_say_is_said_in_words_too(table: ComparisonTable) -> None:
    words = {"good": "gain", "bad": "loss", "warn": "confounded"}
    said = {
        (span.style, words[span.style] in "".join(other.text for other in line))
        for line in to_lines(table, 80, sections=("verdicts",))
        for span in line
        if span.style in words
    }
    assert said == {(style, True) for style in words}


def test_ascii_text_has_no_other_characters(table: ComparisonTable) -> None:
    assert to_text(table, 80, ascii_only=True).isascii()


def test_sections_can_be_picked(table: ComparisonTable) -> None:
    for section in SECTIONS:
        assert to_text(table, 80, sections=(section,))
    assert "budget of one run" not in to_text(table, 80, sections=("verdicts", "notes"))


def test_nothing_to_compare_is_said() -> None:
    assert to_text(judged([], [])).startswith("nothing to compare: no run has finished yet")


def test_a_wide_terminal_gets_the_adjusted_p(table: ComparisonTable) -> None:
    assert "p (Holm)" in to_text(table, 120)
    assert "p (Holm)" not in to_text(table, 80)


def test_long_titles_are_cut_before_numbers_are() -> None:
    long = spec("long", "A title that goes on and on and on and on and on and on")
    runs = [*runs_of(spec(baseline=None), [60, 61, 62.5]), *runs_of(long, [61, 62, 63])]
    text = to_text(judged(runs, [variant(spec(baseline=None)), variant(long)]), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"A title that goes.*…\s+3\s+62\.00", text)


def test_folded_definitions_stand_under_their_row() -> None:
    older = msgspec.structs.replace(DROPOUT, model=Cnn(dropout=(0.5, 0.5)))
    text = to_text(judged([*runs_of(older, [50, 51]), *runs_of(DROPOUT, [61, 62])], [variant(DROPOUT)]), 120)
    lines = text.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith(NASTY))
    assert lines[place + 1].split()[:3] == ["older", "definition:", "model.dropout"]
    assert "50.50" in lines[place + 1]


# --- For programs ----------------------------------------------------------------------------------------------------


def test_json_holds_everything_and_no_number_that_json_has_not(table: ComparisonTable) -> None:
    content = json.loads(to_json(table), parse_constant=lambda name: pytest.fail(name))
    assert content["schema"] == 1
    assert [one["name"] for one in content["rows"]] == [one.name for one in table.rows]
    dropout = next(one for one in content["rows"] if one["name"] == "dropout")
    assert dropout["verdict"] == "undecided"
    assert dropout["against"] == "adam@0.001"
    assert dropout["confounds"] == ["data.train_fraction: 0.5 in Network, 1 here (25,000 and 50,000 training images)"]
    assert dropout["matched"]["need"]["command"].startswith("labtui run dropout --baseline adam@0.001 --until decided")


def test_json_reads_back_as_the_same_rows(table: ComparisonTable) -> None:
    read = msgspec.json.decode(to_json(table), type=ComparisonTable)
    assert read.rows[4].declared == table.rows[4].declared
    assert read.metric == table.metric


def test_csv_has_a_line_per_comparison_and_unrounded_numbers(table: ComparisonTable) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(table))))
    dropout = [line for line in lines if line["name"] == "dropout"]
    assert [(line["against"], line["matched"], line["verdict"]) for line in dropout] == [
        ("network", "no", "not judged"),
        ("adam@0.001", "yes", "undecided"),
    ]
    mean = row(table, "dropout").mean
    assert float(dropout[0]["mean"]) == pytest.approx(mean, rel=1e-9)
    assert dropout[0]["adjusted_low"] == ""
    assert {line["name"] for line in lines} == {one.name for one in table.rows}


@pytest.mark.parametrize("text", ["=1+1", "+49", "-2", "@SUM"])
def test_a_spreadsheet_takes_no_title_for_a_formula(text: str) -> None:
    dashed = spec("dashed", "-dash")
    cell = next(csv.DictReader(io.StringIO(to_csv(judged(runs_of(dashed, [60, 61]), [variant(dashed)])))))
    assert cell["title"] == "'-dash"
    assert text  # each of the four first signs is in the same list


# --- For papers ------------------------------------------------------------------------------------------------------


def test_markdown_tables_have_equal_columns_and_every_footnote_is_called(table: ComparisonTable) -> None:
    text = to_markdown(table)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {13}
    called = {int(number) for one in re.findall(r"<sup>([\d, ]+)</sup>", text) for number in one.split(", ")}
    noted = {int(number) for number in re.findall(r"^(\d+)\. \*\*", text, re.MULTILINE)}
    assert called == noted
    assert len(noted) > 10


def test_a_budget_that_a_confound_brings_along_is_no_footnote(table: ComparisonTable) -> None:
    text = to_markdown(table)
    assert "1,000,000 against 500,000 in Adam 0.001" in text
    assert "1,000,000 against 250,000 in Network" not in text


def test_latex_tables_are_balanced_and_escaped() -> None:
    runs = [*runs_of(spec(baseline=None), [60, 61, 62.5]), *runs_of(DROPOUT, [61, 62, 63])]
    text = to_latex(judged(runs, [variant(spec(baseline=None)), variant(DROPOUT)]))
    assert r"A\_b" in text
    for name in ("table", "tabular", "flushleft"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == 1
    body = text.partition("\\midrule")[2].partition("\\bottomrule")[0]
    assert {line.count(" & ") for line in body.strip().splitlines()} == {11}
    assert "%" not in re.sub(r"\\%", "", text.partition("\n")[2])


def test_latex_needs_no_package_for_any_sign_that_we_write(table: ComparisonTable) -> None:
    assert to_latex(table).isascii()


@given(st.text(max_size=40))
def test_no_text_leaves_its_markup(text: str) -> None:
    assert not re.search(r"[<>\"']", html(text))
    assert not re.search(r"(?<!\\)(\\\\)*[|*_`]", " " + markdown(text))
    assert not re.search(r"(?<!\\)[%&#_]", latex(text))
    assert set(re.findall(r"\\(.)", latex(text))) <= set("%&#_{}$tpDcdr")


def test_a_backslash_in_latex_is_a_sign_and_no_command() -> None:
    assert latex("\\input{x}") == r"\textbackslash{}input\{x\}"


@settings(max_examples=30)
@given(st.text(alphabet="ab|_*<>&%$#{}~^\\`", min_size=1, max_size=30))
def test_hostile_override_values_break_no_table(value: str) -> None:
    hostile = msgspec.structs.replace(DROPOUT, overrides={"data.name": value})
    table = judged(runs_of(hostile, [60, 61]), [])
    lines = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {13}


def test_a_runs_own_numbers_can_be_missing_altogether() -> None:
    bare = run(DROPOUT, 0, {tags.TEST_ACCURACY: 60.0})
    table = judged([bare], [variant(DROPOUT)])
    for writer in (to_text, to_json, to_csv, to_markdown, to_latex):
        assert NASTY.split("_")[0] in writer(table)
