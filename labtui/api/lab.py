"""The catalog, the runs folder and the data folder that a caller works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labtui import datasets
from labtui.catalog import Catalog, find, load
from labtui.store.store import Store
from labtui.text.paths import expanded


@dataclass(frozen=True, slots=True)
class Lab:
    """One catalog, one runs folder, one data folder."""

    catalog: Catalog
    store: Store
    data_root: Path

    @property
    def folder(self) -> Path:
        """The folder whose git commit a run records: the catalog's; for the built-in catalog, that of the runs."""
        return self.store.root.parent if self.catalog.builtin else self.catalog.path.parent


def open_lab(
    *,
    catalog: Path | None = None,
    runs: Path | None = None,
    more_runs: Sequence[Path] = (),
    data: Path | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> Lab:
    """Find catalog, runs and data by the rules of the command line. Writes nothing.

    The runs folder is `runs` (or LABTUI_RUNS), else `runs/` beside the catalog file, else `runs/` in `cwd`; the runs of
    the folders `more_runs` are shown too, and only read.
    Raises UsageError if the catalog cannot be read at all; problems with single entries are in `catalog.problems`.
    """
    path, builtin = find(catalog, cwd=cwd, environ=environ)
    return Lab(
        catalog=load(path, builtin=builtin, datasets=(*datasets.known_datasets(), *datasets.OWN_KINDS)),
        store=Store(
            cwd / _runs_root(runs, environ, cwd if builtin else path.parent),
            more=[cwd / expanded(folder) for folder in more_runs],
        ),
        data_root=datasets.find_data_root(data, cwd=cwd, environ=environ),
    )


def _runs_root(explicit: Path | None, environ: Mapping[str, str], beside: Path) -> Path:
    if explicit is not None:
        return expanded(explicit)
    if environ.get("LABTUI_RUNS"):
        return expanded(Path(environ["LABTUI_RUNS"]))
    return beside / "runs"
