"""The comparison of a lab's runs: the catalog's variants as they run here, and the table of the runs on disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from labtui import datasets
from labtui.api.lab import Lab
from labtui.api.resolve import on_dataset
from labtui.errors import UsageError
from labtui.spec import Variant
from labtui.store.run import Run
from labtui.store.tags import TEST_ACCURACY

if TYPE_CHECKING:
    from labtui.compare.assertion import Outcome
    from labtui.compare.cells import Cell
    from labtui.compare.report.writing import Form
    from labtui.compare.rows import Table


def variants(lab: Lab) -> tuple[Variant, ...]:
    """Every variant of the catalog as it would run: on the data set that it names, and on the one that may stand in.

    A stand-in has no published figures and no conclusions: those are about other images.
    """
    found: list[Variant] = []
    for variant in lab.catalog.variants:
        found.append(
            msgspec.structs.replace(variant, spec=on_dataset(variant.spec, datasets.get(variant.spec.data.name)))
        )
        offline = lab.catalog.experiment(variant.spec.experiment).offline_dataset
        if offline and offline != variant.spec.data.name:
            spec = on_dataset(variant.spec, datasets.get(offline), stand_in_for=variant.spec.data.name)
            found.append(msgspec.structs.replace(variant, spec=spec, reference=None, conclusion=""))
    return tuple(found)


def table(lab: Lab, names: Sequence[str] = (), *, metric: str = TEST_ACCURACY, baseline: str | None = None) -> "Table":
    """The runs of the named experiments, members or titles, judged; no name means every cell with a finished run.

    Raises UsageError for a name that neither the catalog nor any run has, with the nearest ones.
    """
    return _judged(lab, _cells(lab, names, baseline), names, metric=metric, baseline=baseline)


def table_of(lab: Lab, ran: Iterable[Run]) -> "Table":
    """The table of just these runs: their cells, with all earlier seeds, beside their baselines."""
    own = {run.id: run.name for run in ran}
    names = tuple(dict.fromkeys(own.values()))
    found = tuple(cell for cell in _cells(lab) if cell.name not in names or not own.keys().isdisjoint(_ids(cell)))
    return _judged(lab, found, names)


def check(lab: Lab, assertions: Sequence[str], *, metric: str = TEST_ACCURACY) -> "tuple[Outcome, ...]":
    """Whether comparisons such as `dropout > network` hold. Raises UsageError for a text that is none."""
    from labtui.compare import assertion

    return assertion.check_all(assertions, _cells(lab), variants(lab), metric=metric)


def write_report(
    lab: Lab,
    folder: Path,
    names: Sequence[str] = (),
    *,
    forms: Sequence["Form"] = ("html", "md"),
    title: str = "",
    metric: str = TEST_ACCURACY,
    baseline: str | None = None,
) -> tuple[Path, ...]:
    """Write the report of the named experiments into a folder and give the paths of what was written.

    Raises UsageError where nothing has finished, EnvironmentFault where the folder cannot be written.
    """
    found = _cells(lab, names, baseline)
    told = _judged(lab, found, names, metric=metric, baseline=baseline)
    if not any(row.values for row in told.rows):
        raise UsageError("No run has finished: there is nothing to report.", advice="`labtui ps` lists the runs.")
    from labtui.compare.report.writing import write  # matplotlib: only where there is something to draw

    return write(folder, told, found, forms=forms, title=title)


def _cells(lab: Lab, names: Sequence[str] = (), baseline: str | None = None) -> "tuple[Cell, ...]":
    from labtui.compare.cells import cells

    runs = lab.store.scan()
    for name in (*names, *([baseline] if baseline else [])):
        _require_known(lab, runs, name)
    return cells(runs)


def _ids(cell: "Cell") -> set[str]:
    return {run.id for run in (*cell.runs, *cell.superseded, *cell.unfinished)}


def _require_known(lab: Lab, runs: Iterable[Run], name: str) -> None:
    """Names of the catalog and of runs that it does not know any more, and titles. Raises UsageError."""
    specs = [*(variant.spec for variant in lab.catalog.variants), *(run.spec for run in runs if run.spec is not None)]
    if not any(name in (spec.name, spec.experiment, spec.title, spec.display_title) for spec in specs):
        lab.catalog.select([name])


def _judged(
    lab: Lab,
    found: "Sequence[Cell]",
    names: Sequence[str],
    *,
    metric: str = TEST_ACCURACY,
    baseline: str | None = None,
) -> "Table":
    from labtui.compare.table import table as judged  # numpy and scipy: only where something is judged

    classes = {name: info.classes for name, info in datasets.registry().items()}
    return judged(found, variants(lab), metric=metric, baseline=baseline, names=names, classes=classes)
