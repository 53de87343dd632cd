"""experiments.toml -> Experiments: inheritance, grids, seeds, overrides; every fault told at once, the rest usable."""

from labtui.catalog.catalog import Catalog
from labtui.catalog.fields import Field, fields
from labtui.catalog.file import builtin_path, find
from labtui.catalog.load import load
from labtui.catalog.override import override
from labtui.catalog.seeds import parse_seeds
from labtui.catalog.words import Fault

__all__ = ["Catalog", "Fault", "Field", "builtin_path", "fields", "find", "load", "override", "parse_seeds"]
