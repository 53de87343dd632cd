"""`labtui compare` and `labtui report`: the results, and whether they support a claim."""

import json as standard_json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.metric_options import MetricOptions, metric_options
from labtui.cli.options import FOLDER, complete_experiments, existing_runs_options, group_options, json_option
from labtui.cli.streams import put, put_json, say
from labtui.errors import UsageError
from labtui.store.run import Run
from labtui.store.tags import DEFAULT_METRIC
from labtui.text.spans import Span
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.api.metrics import MetricRequest
    from labtui.compare.foreign import GroupRules
    from labtui.compare.model import ComparisonTable, EqualBudget
    from labtui.compare.render.text import Section
    from labtui.compare.report.write import Form
    from labtui.spec import Metric
    from labtui.text.spans import Line

RESULT_SECTIONS: "tuple[Section, ...]" = ("verdicts", "losses", "published", "budget")
"""The sections that `labtui run` ends with; `labtui compare` adds the findings about each row."""


@click.command(
    cls=LabCommand,
    examples=(
        "labtui compare                                   every experiment with a finished run",
        "labtui compare dropout norm_aug --md > table.md",
        "labtui compare dropout --baseline adam@0.001",
        "labtui compare --equal-budget images             every run read after equally many images",
        'labtui compare --assert "dropout > adam@0.001"   exits with 4 if it does not hold',
        "labtui compare --runs lightning_logs --metric val_acc --baseline lr=0.001",
        "labtui compare --runs logs --metric loss --group '{name}-seed{seed}'",
    ),
)
@click.argument("names", nargs=-1, shell_complete=complete_experiments, metavar="[NAME]...")
@metric_options
@click.option("--baseline", metavar="NAME", help="Compare with this experiment instead of the declared baselines.")
@group_options
@click.option(
    "--equal-budget",
    metavar="UNIT[=VALUE]",
    help="Read every run at an equal number of epochs, steps, images or seconds: at VALUE, else at the largest that "
    "all of them reached.",
)
@click.option(
    "--assert",
    "assertions",
    multiple=True,
    metavar='"A > B"',
    help="Require a comparison to hold; exits with 4 if it does not.",
)
@click.option(
    "--peek",
    is_flag=True,
    help="Show verdicts before all queued seeds have finished. This counts as a look: later intervals are wider.",
)
@click.option("--csv", "form", flag_value="csv", help="Write CSV, one line per row.")
@click.option("--md", "form", flag_value="md", help="Write Markdown, with footnotes.")
@click.option("--tex", "form", flag_value="tex", help="Write LaTeX.")
@json_option
@existing_runs_options
def compare(
    lab: "Lab",
    *,
    names: tuple[str, ...],
    metric: MetricOptions,
    baseline: str | None,
    equal_budget: str | None,
    assertions: tuple[str, ...],
    rules: "GroupRules | None",
    peek: bool,
    form: str | None,
    json: bool,
) -> None:
    """Compare experiments with their baselines, or the runs of other tools in a folder of theirs.

    Shows means, intervals, verdicts and confounds. A row is the runs of one recipe on one kind of device; per seed, the
    newest finished run counts. NAME is an experiment, a member or a title; its baseline is included.

    Verdicts are corrected for every row compared so far, shown or not. Each verdict on new seeds is recorded as a look:
    from the second look at a comparison on, its interval is valid for any number of looks, which needs six seeds. The
    seeds of one `labtui run --seeds` count as a single look: before the last has ended, only means and plain
    differences are shown.

    In a folder that only other tools wrote, runs with the same hyperparameters, but for the seed, make a row; NAME and
    --baseline are rows (lr=0.1) or runs. Nothing is written there: docs/other-tools.md.
    """
    from labtui.api.comparison import asserted_names, check_assertions, compare_experiments

    if json and form:
        raise UsageError(f"Use either --json or --{form}, not both.")
    if assertions and equal_budget:
        raise UsageError("--assert judges runs as they ended, not at an equal budget.", advice="Use one of them.")
    at = _equal_budget(equal_budget)
    found = _metric(lab, metric, (*names, baseline, *asserted_names(assertions)), names, at)

    def table() -> "ComparisonTable":
        return compare_experiments(lab, names, metric=found, baseline=baseline, peek=peek, equal_budget=at, rules=rules)

    if assertions:
        outcomes = check_assertions(lab, assertions, metric=found, peek=peek, rules=rules)
        for outcome in outcomes:
            word = Span("holds", "good") if outcome.holds else Span("does not hold", "bad")
            say(f"{outcome.assertion}: ", word, f": {outcome.why}")
        if names or json or form:
            _put_table(table(), "json" if json else form)
        _require_all(outcomes)
        return
    _put_table(table(), "json" if json else form)


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
    "-o", "--output", type=FOLDER, default=Path("report"), show_default=True, metavar="DIR", help="The output folder."
)
@click.option("--html", "forms", flag_value="html", multiple=True, help="Write only the HTML file (with --md: both).")
@click.option("--md", "forms", flag_value="md", multiple=True, help="Write only Markdown with its figures.")
@click.option("--title", default="", metavar="TEXT", help="Title of the report.")
@metric_options
@click.option("--baseline", metavar="NAME", help="Compare with this experiment instead of the declared baselines.")
@group_options
@click.option(
    "--equal-budget",
    metavar="UNIT[=VALUE]",
    help="Read every run at an equal number of epochs, steps, images or seconds: at VALUE, else at the largest that "
    "all of them reached.",
)
@existing_runs_options
def report(
    lab: "Lab",
    *,
    names: tuple[str, ...],
    output: Path,
    forms: tuple["Form", ...],
    title: str,
    metric: MetricOptions,
    baseline: str | None,
    equal_budget: str | None,
    rules: "GroupRules | None",
) -> None:
    """Write a lab report of the runs, as HTML and Markdown.

    The HTML file is self-contained; the Markdown has its figures beside it. Replaces the files of an earlier report in
    the folder, and no others.
    """
    from labtui.api.comparison import write_report

    at = _equal_budget(equal_budget)
    found = _metric(lab, metric, (*names, baseline), names, at)
    wanted = forms or ("html", "md")
    for path in write_report(
        lab, output, names, forms=wanted, title=title, metric=found, baseline=baseline, equal_budget=at, rules=rules
    ):
        put(str(path))


def _equal_budget(text: str | None) -> "EqualBudget | None":
    from labtui.compare.equal_budget import parse_equal_budget

    return parse_equal_budget(text) if text else None


def _metric(
    lab: "Lab", options: MetricOptions, entries: Iterable[str | None], names: Sequence[str], at: "EqualBudget | None"
) -> "Metric | MetricRequest":
    """The metric that was asked for; at an equal budget, where nothing was, one that was recorded after every epoch."""
    if at is None:
        return options.request(entries)
    found = options.resolve(lab, entries)
    if at is None or options.tag is not None or found.tag != DEFAULT_METRIC:
        return found
    from labtui.api.comparison import per_epoch_metric

    return MetricOptions(per_epoch_metric(lab, names), options.terms).resolve(lab, entries)


def put_result(lab: "Lab", runs: Sequence[Run], *, json: bool, quiet: bool) -> None:
    """Write the table that a command ends with: these finished runs beside their baselines."""
    from labtui.api.comparison import compare_runs

    if not runs:
        say("No run has finished: there is nothing to compare.")
        return
    table = compare_runs(lab, runs)
    if json:
        from labtui.compare.render.export import to_json

        put_json({"event": "table", **standard_json.loads(to_json(table))})
        return
    _put_table(table, None, RESULT_SECTIONS)
    findings = sum(len(row.all_findings) for row in table.rows)
    if findings and not quiet:
        names = " ".join(dict.fromkeys(run.name for run in runs))
        say(f"{plural(findings, 'finding')} about these rows; to see them: labtui compare {names}")


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
        put(*line)


def _require_all(outcomes: Sequence[Any]) -> None:
    from labtui.compare.assertions import require_all

    require_all(outcomes)


def _width() -> int:
    return shutil.get_terminal_size().columns


def _is_narrow_encoding() -> bool:
    return not (sys.stdout.encoding or "").lower().startswith("utf")
