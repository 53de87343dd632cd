"""experiments.toml -> Experiments: inheritance, grids, seeds, overrides; every fault told at once, the rest usable."""

from labtui.catalog.catalog import Catalog
from labtui.catalog.faults import Fault
from labtui.catalog.keys import Field, fields
from labtui.catalog.load import load
from labtui.catalog.override import override
from labtui.catalog.seeds import parse_seeds
from labtui.catalog.source import builtin_path, find

__all__ = ["Catalog", "Fault", "Field", "builtin_path", "fields", "find", "load", "override", "parse_seeds"]
