"""The report on disk."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from labtui.compare.cells import Cell
from labtui.compare.report.content import compose
from labtui.compare.report.html import to_html
from labtui.compare.report.markdown import to_markdown
from labtui.compare.rows import Table
from labtui.compare.run_data import Evidence
from labtui.errors import EnvironmentFault
from labtui.store.files import write_bytes

Form = Literal["html", "md"]


def write(
    folder: Path,
    table: Table,
    cells: Sequence[Cell],
    *,
    forms: Collection[Form] = ("html", "md"),
    evidence: Evidence | None = None,
    title: str = "",
    made: float | None = None,
) -> tuple[Path, ...]:
    """Write `report.html` and `report.md` (with `figures/`) into a folder, replacing what an earlier report left.

    Returns the paths of the reports. EnvironmentFault where the folder cannot be written.
    """
    document = compose(table, cells, evidence=evidence, title=title, made=made)
    files: dict[str, bytes] = {}
    if "html" in forms:
        files["report.html"] = to_html(document).encode()
    if "md" in forms:
        written = to_markdown(document)
        files |= {**written.figures, "report.md": written.text.encode()}
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, content, durable=False)
    except OSError as fault:
        raise EnvironmentFault(f"The report cannot be written to {folder}: {fault.strerror or fault}.") from fault
    return tuple(folder / name for name in files if name.startswith("report."))
