"""What a report leaves out before others read it: machines, people, folders, and words that every title repeats."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from labtui.compare.cells import Cell
from labtui.compare.model import ComparisonTable
from labtui.compare.report.data_and_recipe import all_runs
from labtui.compare.report.document import Document

Value = TypeVar("Value")

_PATH = re.compile(r"(?<![\w/.])(?:~|/[\w.@+-]+)(?:/[\w.@+-]+)+/?|(?<!\w)[A-Za-z]:\\\S+")
"""An absolute path of two parts or more, or one below a home folder."""

_PARTS_WITHOUT_WORDS = ("kind", "left", "name", "draw")
"""Fields of a document's parts that are not text to read."""


# --- Overrides that all rows share --------------------------------------------------------------------------------


def shared_overrides(table: ComparisonTable) -> str:
    """The overrides in every title: `epochs=5` of `Dropout [epochs=5]`; empty if a title has others."""
    endings = {row.title[row.title.rfind(" [") :] if row.title.endswith("]") else "" for row in table.rows}
    return endings.pop()[2:-1] if len(endings) == 1 and all(row.overridden for row in table.rows) else ""


def without_overrides(table: ComparisonTable, overrides: str) -> ComparisonTable:
    """The table with these overrides in no title, and in no text that mentions one."""
    if not overrides:
        return table
    return _converted(table, lambda text: text.replace(f" [{overrides}]", ""))


def _converted(table: ComparisonTable, change: Callable[[str], str]) -> ComparisonTable:
    return msgspec.convert(_in_values(msgspec.to_builtins(table), change), ComparisonTable)


def _in_values(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _in_values(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_values(item, change) for item in value]
    return value


# --- Machines and folders -----------------------------------------------------------------------------------------

_ABOUT_RUNS = ("unfinished", "failed-seeds")
"""Findings with the reasons of runs in them, which name machines."""


def without_machines(table: ComparisonTable, cells: Sequence[Cell]) -> ComparisonTable:
    """The table with no name of a machine in what it says about runs."""
    hosts = {run.launch.host for cell in cells for run in all_runs(cell) if run.launch and run.launch.host}
    if not hosts:
        return table
    names = re.compile("|".join(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])" for host in sorted(hosts, key=len)))
    rows = tuple(
        msgspec.structs.replace(
            row,
            findings=tuple(
                msgspec.structs.replace(finding, text=names.sub("its machine", finding.text))
                if finding.code in _ABOUT_RUNS
                else finding
                for finding in row.findings
            ),
        )
        for row in table.rows
    )
    return msgspec.structs.replace(table, rows=rows)


def without_paths(document: Document, cells: Sequence[Cell]) -> Document:
    """The document with no absolute path in it: of those below the runs folder the rest remains."""
    roots = [re.compile(rf"(?<![\w./-]){re.escape(root)}(?:/|(?![\w.-]))") for root in _roots(cells)]

    def change(text: str) -> str:
        for root in roots:
            text = root.sub("", text)
        return _PATH.sub(lambda found: f"…/{found[0].rstrip('/').rpartition('/')[2]}", text)

    return _in_parts(document, change)


def _roots(cells: Sequence[Cell]) -> list[str]:
    """The folders of runs and data, and the home folder; the longest first, so that they leave relative paths."""
    roots = {str(Path.home())}
    for cell in cells:
        for run in all_runs(cell):
            folder = str(run.folder)
            if folder.endswith(f"/{run.id}"):
                runs = folder.removesuffix(f"/{run.id}")
                roots |= {runs, str(Path(runs).parent)}
            if run.launch:
                roots.add(run.launch.data_root)
    return sorted((root for root in roots if len(root) > 1), key=len, reverse=True)


def _in_parts(part: Value, change: Callable[[str], str]) -> Value:
    found: Any = part
    if isinstance(part, str):
        found = change(part)
    elif isinstance(part, tuple):
        found = tuple(_in_parts(item, change) for item in part)
    elif is_dataclass(part) and not isinstance(part, type):
        parts = {field.name: getattr(part, field.name) for field in fields(part)}
        words = {name: _in_parts(value, change) for name, value in parts.items() if name not in _PARTS_WITHOUT_WORDS}
        found = replace(part, **words)
    return found  # type: ignore[no-any-return]  # the same type as the part
