"""Reading the images of a data set whose files are right."""

from pathlib import Path

from labtui.datasets.fetch_errors import what_to_do
from labtui.datasets.info import Images
from labtui.datasets.registry import source_of
from labtui.datasets.verification import check, describe
from labtui.errors import EnvironmentFault


def load(name: str, root: Path) -> Images:
    """All images and labels, in the order of the files, which are checked against their MD5 first.

    Raises EnvironmentFault where files are missing or damaged, UsageError for an unknown name.
    """
    source = source_of(name)
    folder = source.folder(root)
    if flaws := check(source, root):
        absent = all(flaw.what == "missing" for flaw in flaws) and not folder.exists()
        state = f"in {root}" if absent else f"whole in {folder}: {describe(flaws)}"
        raise EnvironmentFault(
            f"{source.info.title} is not {state}. Nothing was changed.", advice=what_to_do(source, root)
        )
    try:
        return source.read(folder)
    except OSError as fault:
        raise EnvironmentFault(f"{folder} cannot be read: {fault}.") from fault
