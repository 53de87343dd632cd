"""experiments.toml -> Experiments: inheritance, grids, seeds, overrides. All problems are listed at once."""

from labtui.catalog.catalog import Catalog
from labtui.catalog.fields import Field
from labtui.catalog.file import builtin_path, example, find
from labtui.catalog.load import load, load_metrics
from labtui.catalog.override import fields, override
from labtui.catalog.problems import Problem
from labtui.catalog.seeds import parse_seeds

__all__ = [
    "Catalog",
    "Field",
    "Problem",
    "builtin_path",
    "example",
    "fields",
    "find",
    "load",
    "load_metrics",
    "override",
    "parse_seeds",
]
