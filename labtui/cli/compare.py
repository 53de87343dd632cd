"""`labtui compare` and `labtui report`: what the runs show, and whether they show it."""

import json as standard_json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.format import plural
from labtui.cli.options import FOLDER, complete_experiments, json_option, lab_options
from labtui.cli.streams import Painted, Piece, put, put_json, say
from labtui.errors import UsageError
from labtui.store.run import Run
from labtui.store.tags import TEST_ACCURACY

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.compare.model import ComparisonTable
    from labtui.compare.render.text import Section
    from labtui.compare.report.write import Form
    from labtui.text.spans import Line

COLORS: Mapping[str, str] = {"title": "bold", "muted": "dim", "good": "green", "bad": "red", "warn": "yellow"}
"""From what a span is to how it looks; nothing is said by it alone."""


RESULT_SECTIONS: "tuple[Section, ...]" = ("verdicts", "losses", "published", "budget")
"""What a run ends with; `labtui compare` adds what was found about each row."""


@click.command(
    cls=LabCommand,
    examples=(
        "labtui compare                                   every experiment with a finished run",
        "labtui compare dropout norm_aug --md > table.md",
        "labtui compare dropout --baseline adam@0.001",
        'labtui compare --assert "dropout > adam@0.001"   exit code 4 if that does not hold',
    ),
)
@click.argument("names", nargs=-1, shell_complete=complete_experiments, metavar="[NAME]...")
@click.option("--metric", default=TEST_ACCURACY, show_default=True, metavar="TAG", help="The metric that is judged.")
@click.option("--baseline", metavar="NAME", help="Compare with this experiment instead of the declared ones.")
@click.option(
    "--assert", "assertions", multiple=True, metavar='"A > B"', help="Demand a comparison; ends with 4 if not."
)
@click.option("--csv", "form", flag_value="csv", help="A line per row, for spreadsheets.")
@click.option("--md", "form", flag_value="md", help="Markdown, with footnotes.")
@click.option("--tex", "form", flag_value="tex", help="LaTeX, for a paper.")
@json_option
@lab_options
def compare(
    lab: "Lab",
    *,
    names: tuple[str, ...],
    metric: str,
    baseline: str | None,
    assertions: tuple[str, ...],
    form: str | None,
    json: bool,
) -> None:
    """Compare experiments with their baselines: seeds, intervals, verdicts, and what else differs.

    Rows are cells: runs of one recipe on one kind of device; per seed the newest finished run counts. NAME is an
    experiment, a member or a title; its baseline comes along.
    """
    from labtui.api.comparison import check_assertions, compare_experiments

    if json and form:
        raise UsageError(f"--json and --{form} are two forms of one answer: choose one.")
    if assertions:
        outcomes = check_assertions(lab, assertions, metric=metric)
        for outcome in outcomes:
            word = Painted("holds", "green") if outcome.holds else Painted("does not hold", "red")
            say(f"{outcome.assertion}: ", word, f": {outcome.why}")
        if names or json or form:
            _put_table(compare_experiments(lab, names, metric=metric, baseline=baseline), "json" if json else form)
        _demand(outcomes)
        return
    _put_table(compare_experiments(lab, names, metric=metric, baseline=baseline), "json" if json else form)


@click.command(
    cls=LabCommand,
    examples=(
        "labtui report",
        "labtui report dropout norm_aug -o dropout-report --title 'Does dropout help?'",
        "labtui report --html",
    ),
)
@click.argument("names", nargs=-1, shell_complete=complete_experiments, metavar="[NAME]...")
@click.option(
    "-o", "--output", type=FOLDER, default=Path("report"), show_default=True, metavar="DIR", help="Where it is written."
)
@click.option("--html", "forms", flag_value="html", multiple=True, help="Only the HTML file (with --md: both).")
@click.option("--md", "forms", flag_value="md", multiple=True, help="Only Markdown with its figures.")
@click.option("--title", default="", metavar="TEXT", help="Of the report.")
@click.option("--metric", default=TEST_ACCURACY, show_default=True, metavar="TAG", help="The metric that is judged.")
@click.option("--baseline", metavar="NAME", help="Compare with this experiment instead of the declared ones.")
@lab_options
def report(
    lab: "Lab",
    *,
    names: tuple[str, ...],
    output: Path,
    forms: tuple["Form", ...],
    title: str,
    metric: str,
    baseline: str | None,
) -> None:
    """Write the lab report from the runs: one HTML file that needs nothing else, and Markdown with figures.

    What an earlier report left in the folder is replaced; nothing else in it is touched.
    """
    from labtui.api.comparison import write_report

    wanted = forms or ("html", "md")
    for path in write_report(lab, output, names, forms=wanted, title=title, metric=metric, baseline=baseline):
        put(str(path))


def put_result(lab: "Lab", runs: Sequence[Run], *, json: bool, quiet: bool) -> None:
    """The table that a command ends with: just these finished runs beside their baselines."""
    from labtui.api.comparison import compare_runs

    if not runs:
        say("No run has finished: there is nothing to compare yet.")
        return
    told = compare_runs(lab, runs)
    if json:
        from labtui.compare.render.export import to_json

        put_json({"event": "table", **standard_json.loads(to_json(told))})
        return
    _put_table(told, None, RESULT_SECTIONS)
    findings = sum(len(row.all_findings) for row in told.rows)
    if findings and not quiet:
        names = " ".join(dict.fromkeys(run.name for run in runs))
        say(f"{plural(findings, 'finding')} about these rows: labtui compare {names}")


def _put_table(table: "ComparisonTable", form: str | None, sections: "Sequence[Section] | None" = None) -> None:
    from labtui.compare.render import export, text

    writers: Mapping[str, Callable[[ComparisonTable], str]] = {
        "json": export.to_json,
        "csv": export.to_csv,
        "md": export.to_markdown,
        "tex": export.to_latex,
    }
    if form is not None:
        put(writers[form](table).rstrip("\n"))
    elif _is_narrow_encoding():
        put(text.to_text(table, _width(), sections=sections or text.SECTIONS, ascii_only=True).rstrip("\n"))
    else:
        put_lines(text.to_lines(table, _width(), sections=sections or text.SECTIONS))


def put_lines(lines: "Iterable[Line]") -> None:
    """Write styled lines to stdout."""
    for line in lines:
        pieces: list[Piece] = [Painted(span.text, COLORS[span.style]) if span.style else span.text for span in line]
        put(*pieces)


def _demand(outcomes: Sequence[Any]) -> None:
    from labtui.compare.assertions import require_all

    require_all(outcomes)


def _width() -> int:
    return shutil.get_terminal_size().columns


def _is_narrow_encoding() -> bool:
    return not (sys.stdout.encoding or "").lower().startswith("utf")
