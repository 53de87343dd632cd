"""A small lab for tests: a catalog on digits, so that nothing is fetched, and runs beside it."""

from pathlib import Path

from labtui.api import Lab, open_lab

CATALOG = """
[defaults]
group = "Cifar"
protocol = "report"
data.name = "cifar10"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 2
offline_dataset = "digits"

[experiment.network]
title = "Network"

[experiment.dropout]
title = "Dropout"
factor = ["model.dropout"]
baseline = "network"
model.dropout = [0.3, 0.2]

[experiment.normalization]
title = "Normalization"
factor = ["data.normalize"]
baseline = "network"
data.normalize = "dataset"
seeds = 2

[experiment.adam]
title = "Adam"
factor = ["optimizer.lr"]
baseline = "network"
grid."optimizer.lr" = [0.01, 0.001]
"""

NOWHERE = Path("/dev/null/data")
"""A data folder that can neither be read nor made: fetching fails at once, without any network."""


def make_lab(folder: Path, catalog: str = CATALOG, data: Path = NOWHERE) -> Lab:
    """A lab in a folder of its own."""
    (folder / "experiments.toml").write_text(catalog, "utf-8")
    return open_lab(environ={"LABTUI_DATA": str(data)}, cwd=folder)
