"""From a file to a Catalog: every fault is collected, and what is sound is kept."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from labtui.catalog import file, syntax
from labtui.catalog.build import Draft, drafted
from labtui.catalog.catalog import Catalog
from labtui.catalog.chain import Tables
from labtui.catalog.extends import written_at
from labtui.catalog.problems import Findings
from labtui.catalog.schema_types import DEFAULTS_KEYS, ENTRY_KEYS, RECIPE, SHARED_TERMS
from labtui.catalog.together import baseline_problems, title_problems
from labtui.catalog.type_checks import Checker
from labtui.catalog.words import told_kind
from labtui.spec import Experiment

MOST_ENTRIES = 1_000
MOST_FAULTS = 200
"""Faults that are told; beyond them the file is looked at no further, so that a stranger's file takes no time."""
MOST_RUNS = 5_000

_START = "An entry begins with a header such as [experiment.my_dropout]."


def load(path: Path, *, builtin: bool = False, datasets: Collection[str]) -> Catalog:
    """The catalog of a file; `datasets` are the names that `data.name` may have.

    Whatever is wrong with its content is in `faults`. Raises UsageError only where there is no file that can be read.
    """
    content = file.read(path)
    decoded = file.decode(content)
    parsed = syntax.parse(decoded.text)
    findings = Findings(path, parsed.text)
    if decoded.fault:
        findings.add((), f"the file {decoded.fault}", line=decoded.line)
    if decoded.fault and (parsed.faults or not parsed.tables):
        return Catalog(path, builtin, (), findings.faults())
    experiments = _experiments(parsed, findings, datasets)
    return Catalog(path, builtin, experiments, findings.faults())


def _experiments(parsed: syntax.Parsed, findings: Findings, datasets: Collection[str]) -> tuple[Experiment, ...]:
    for fault in parsed.faults:
        findings.add_syntax(fault)
    if parsed.hopeless:
        return ()
    lost = {fault.entry: fault.line for fault in parsed.faults if fault.entry is not None}
    entries = _entries(parsed, findings)
    tables = Tables(_defaults(parsed.tables.get("defaults", {}), findings), entries, lost)
    found: list[Experiment] = []
    for number, name in enumerate(entries):
        if (
            len(findings) >= MOST_FAULTS
            or number >= MOST_ENTRIES
            or sum(len(one.variants) for one in found) >= MOST_RUNS
        ):
            _give_up(list(entries)[number:], findings)
            break
        experiment = _experiment(name, tables, findings, datasets)
        if experiment is not None:
            found.append(experiment)
    return _comparable(found, tables, findings)


def _entries(parsed: syntax.Parsed, findings: Findings) -> Mapping[str, Any]:
    """The tables below `experiment`; other keys at the top of the file are faults."""
    checker = Checker()
    checker.unknown_keys(parsed.tables, ("defaults", "experiment"), ())
    for problem in checker.problems:
        findings.add(problem.at, f"{problem.message} {_START}")
    entries = parsed.tables.get("experiment", {})
    if not isinstance(entries, dict):
        findings.add(("experiment",), f"{told_kind(entries)}. {_START}")
        return {}
    if not entries and not len(findings):
        findings.add((), f"the file holds no experiment. {_START}")
    return entries


def _defaults(table: Any, findings: Findings) -> Mapping[str, Any]:
    """What all entries inherit, checked as far as a part can be."""
    if not isinstance(table, dict):
        findings.add(("defaults",), f"{told_kind(table)}. It must be a table, with the header [defaults].")
        return {}
    own = [key for key in table if key in ENTRY_KEYS and key not in DEFAULTS_KEYS]
    for key in own:
        findings.add(("defaults", key), "this key stands in an entry, not in [defaults]: each experiment has its own.")
    checker = Checker(complete=False)
    checker.unknown_keys({key: value for key, value in table.items() if key not in own}, DEFAULTS_KEYS, ())
    for kind in (SHARED_TERMS, RECIPE):
        names = [field.name for field in kind.fields]
        checker.fields(kind, {key: value for key, value in table.items() if key in names}, ())
    for problem in checker.problems:
        findings.add(("defaults", *problem.at), problem.message)
    return {key: value for key, value in table.items() if key in DEFAULTS_KEYS}


def _experiment(name: str, tables: Tables, findings: Findings, datasets: Collection[str]) -> Experiment | None:
    raw = tables.entries[name]
    if not isinstance(raw, dict):
        message = f"{told_kind(raw)}. An entry is a table, with a header such as [experiment.my_dropout]."
        findings.add(("experiment", name), message, name)
        return None
    draft = Draft(name, raw, *tables.inheritance(name))
    experiment = drafted(draft, datasets=datasets, line=findings.line(draft.at) or 0)
    for problem in draft.problems:
        findings.add(problem.at, problem.message, name)
    return experiment


def _comparable(found: list[Experiment], tables: Tables, findings: Findings) -> tuple[Experiment, ...]:
    """The experiments whose baseline and folders are in order."""
    lines = {experiment.name: experiment.line for experiment in found}
    wrong: set[str] = set()
    for experiment, problem in (
        *baseline_problems(found, [*tables.entries, *tables.lost]),
        *title_problems(found, lines),
    ):
        layers, _ = tables.inheritance(experiment.name)
        at = (
            written_at(layers, problem.at)
            if problem.at == ("baseline",)
            else ("experiment", experiment.name, *problem.at)
        )
        findings.add(at, problem.message, experiment.name)
        wrong.add(experiment.name)
    return tuple(experiment for experiment in found if experiment.name not in wrong)


def _give_up(names: Sequence[str], findings: Findings) -> None:
    others = f" and the {len(names) - 1:,} entries after it" if len(names) > 1 else ""
    message = (
        f"this entry{others} were not looked at: a catalog has at most {MOST_ENTRIES:,} entries that make at most "
        f"{MOST_RUNS:,} runs, and at most {MOST_FAULTS} faults are told. Mend those above, or split the file."
    )
    for name in names:
        findings.add(("experiment", names[0]), message, name)
