"""A catalog from a file. A problem in one entry costs that entry; every other entry stays usable."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from labtui.catalog import file, syntax
from labtui.catalog.build import EntryBuilder
from labtui.catalog.catalog import Catalog
from labtui.catalog.extends import Tables, written_at
from labtui.catalog.own_code import partial_recipe_problems
from labtui.catalog.problems import Problems
from labtui.catalog.schema_types import DEFAULTS_KEYS, ENTRY_KEYS, Recipe, SharedTerms
from labtui.catalog.semantic_checks import baseline_problems, title_problems
from labtui.catalog.type_checks import convert, partial_problems, unknown_keys
from labtui.catalog.words import shown_path, value_and_kind
from labtui.errors import UsageError
from labtui.lab_code import LabCode, read_lab
from labtui.spec import Experiment, MetricTerms

MOST_ENTRIES = 1_000
MOST_PROBLEMS = 200
"""Problems that are listed. Checking ends there, so that a file made to cost time costs little."""
MOST_RUNS = 5_000

_METRIC = 'A metric is a table, with a header such as [metric."val/loss"].'
_START = "An entry begins with a header such as [experiment.my_dropout]."


def load(path: Path, *, builtin: bool = False, datasets: Collection[str]) -> Catalog:
    """The catalog of a file; `datasets` are the names that `data.name` may have.

    Whatever is wrong with its content is in `problems`. Raises UsageError only where there is no file that can be read.
    """
    decoded = file.decode(file.read(path))
    parsed = syntax.parse(decoded.text)
    problems = Problems(path, parsed.text)
    if decoded.problem:
        problems.add((), f"the file {decoded.problem}", line=decoded.line)
    if decoded.problem and (parsed.errors or not parsed.tables):
        return Catalog(path, builtin, (), problems.sorted())
    code = LabCode(registered=frozenset(datasets)) if builtin else read_lab(path.parent, datasets)
    experiments = _experiments(parsed, problems, (*datasets, *code.of("datasets")), code)
    metrics = _metrics(parsed.tables.get("metric", {}), problems)
    return Catalog(path, builtin, experiments, problems.sorted(), metrics, code)


def load_metrics(path: Path) -> Mapping[str, MetricTerms]:
    """The metrics that a user's own file declares, in tables such as `[metric."val/loss"]`; none without the file.

    Raises UsageError with every problem of the file.
    """
    if not path.exists():
        return {}
    decoded = file.decode(file.read(path))
    parsed = syntax.parse(decoded.text)
    problems = Problems(path, parsed.text)
    if decoded.problem:
        problems.add((), f"the file {decoded.problem}", line=decoded.line)
    for error in parsed.errors:
        problems.add((), error.message, line=error.line, column=error.column)
    for problem in unknown_keys(parsed.tables, ("metric",)):
        problems.add(problem.at, problem.message)
    metrics = _metrics(parsed.tables.get("metric", {}), problems)
    if len(problems):
        lines = "\n".join(map(str, problems.sorted()))
        raise UsageError(
            f"The metrics in {shown_path(path)} cannot be used.\n{lines}", advice="Fix this and try again."
        )
    return metrics


def _metrics(table: Any, problems: Problems) -> Mapping[str, MetricTerms]:
    """What the tables below `metric` say, by tag; those without problems."""
    if not isinstance(table, dict):
        problems.add(("metric",), f"{value_and_kind(table)}. {_METRIC}")
        return {}
    metrics: dict[str, MetricTerms] = {}
    for tag, terms in table.items():
        if len(problems) >= MOST_PROBLEMS:
            break
        if not isinstance(terms, dict):
            problems.add(("metric", tag), f"{value_and_kind(terms)}. {_METRIC}")
            continue
        found, wrong = convert(terms, MetricTerms)
        for problem in wrong:
            problems.add(("metric", tag, *problem.at), problem.message)
        if found is not None:
            metrics[tag] = found
    return metrics


def _experiments(
    parsed: syntax.Parsed, problems: Problems, datasets: Collection[str], code: LabCode
) -> tuple[Experiment, ...]:
    for error in parsed.errors:
        at = ("experiment", error.entry) if error.entry else ()
        problems.add(at, error.message, error.entry, line=error.line, column=error.column)
    if parsed.unreadable:
        return ()
    lost = {error.entry: error.line for error in parsed.errors if error.entry is not None}
    entries = _entries(parsed, problems)
    tables = Tables(_defaults(parsed.tables.get("defaults", {}), problems, code), entries, lost)
    experiments: list[Experiment] = []
    runs = 0
    for number, name in enumerate(entries):
        if len(problems) >= MOST_PROBLEMS or number >= MOST_ENTRIES or runs >= MOST_RUNS:
            _give_up(list(entries)[number:], problems)
            break
        if experiment := _experiment(name, tables, problems, datasets, code):
            experiments.append(experiment)
            runs += len(experiment.variants)
    return _comparable(experiments, tables, problems)


def _entries(parsed: syntax.Parsed, problems: Problems) -> Mapping[str, Any]:
    """The tables below `experiment`. Other keys at the top of the file are problems."""
    for problem in unknown_keys(parsed.tables, ("defaults", "experiment", "metric")):
        problems.add(problem.at, f"{problem.message} {_START}")
    entries = parsed.tables.get("experiment", {})
    if not isinstance(entries, dict):
        problems.add(("experiment",), f"{value_and_kind(entries)}. {_START}")
        return {}
    if not entries and not len(problems):
        problems.add((), f"the file contains no experiment. {_START}")
    return entries


def _defaults(table: Any, problems: Problems, code: LabCode) -> Mapping[str, Any]:
    """What all entries inherit, checked as far as a part can be."""
    if not isinstance(table, dict):
        problems.add(("defaults",), f"{value_and_kind(table)}. It must be a table, with the header [defaults].")
        return {}
    own = [key for key in table if key in ENTRY_KEYS and key not in DEFAULTS_KEYS]
    for key in own:
        problems.add(("defaults", key), "this key belongs in an entry, not in [defaults]: each experiment has its own.")
    found = unknown_keys({key: value for key, value in table.items() if key not in own}, DEFAULTS_KEYS)
    terms, recipe = ({key: table[key] for key in of.__struct_fields__ if key in table} for of in (SharedTerms, Recipe))
    found += [*partial_problems(terms, SharedTerms), *partial_recipe_problems(recipe, code)]
    for problem in found:
        problems.add(("defaults", *problem.at), problem.message)
    return {key: value for key, value in table.items() if key in DEFAULTS_KEYS}


def _experiment(
    name: str, tables: Tables, problems: Problems, datasets: Collection[str], code: LabCode
) -> Experiment | None:
    table = tables.entries[name]
    if not isinstance(table, dict):
        message = f"{value_and_kind(table)}. An entry is a table, with a header such as [experiment.my_dropout]."
        problems.add(("experiment", name), message, name)
        return None
    builder = EntryBuilder(name, table, *tables.inheritance(name), datasets, code)
    experiment = builder.build(problems.line(builder.at) or 0)
    for problem in builder.problems:
        problems.add(problem.at, problem.message, name)
    return experiment


def _comparable(experiments: list[Experiment], tables: Tables, problems: Problems) -> tuple[Experiment, ...]:
    """The experiments without those whose baseline does not exist or whose folder is taken."""
    lines = {experiment.name: experiment.line for experiment in experiments}
    rejected: set[str] = set()
    for experiment, problem in baseline_problems(experiments, [*tables.entries, *tables.lost]):
        layers, _ = tables.inheritance(experiment.name)
        problems.add(written_at(layers, problem.at), problem.message, experiment.name)
        rejected.add(experiment.name)
    for experiment, problem in title_problems(experiments, lines):
        problems.add(("experiment", experiment.name, *problem.at), problem.message, experiment.name)
        rejected.add(experiment.name)
    return tuple(experiment for experiment in experiments if experiment.name not in rejected)


def _give_up(names: Sequence[str], problems: Problems) -> None:
    these = f"this entry and the {len(names) - 1:,} entries after it were" if len(names) > 1 else "this entry was"
    message = (
        f"{these} not checked: a catalog has at most {MOST_ENTRIES:,} entries that make at most {MOST_RUNS:,} runs, "
        f"and at most {MOST_PROBLEMS} problems are listed. Fix those above, or split the file."
    )
    for name in names:
        problems.add(("experiment", names[0]), message, name)
