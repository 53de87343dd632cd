"""Imported first by the engine: replace the modules of a labtui that was upgraded while this process was running.

A fork server of labtui 0.1.0 that outlives an upgrade has its old modules in memory and runs the engine's present entry
point in a fork. It is recognized by modules whose files no longer exist. (Later fork servers exit after an upgrade.)
"""

import importlib
import sys
from pathlib import Path

_PARENTS = ("labtui", "labtui.engine")
"""These cannot be unloaded while a module below them is being imported."""

_loaded = {name: module for name, module in sys.modules.items() if name == "labtui" or name.startswith("labtui.")}
_files = [Path(module.__file__) for module in _loaded.values() if module.__file__ is not None]

if not all(file.exists() for file in _files):
    for _name in _loaded.keys() - {__name__, *_PARENTS}:
        del sys.modules[_name]
    for _name in _PARENTS:
        importlib.reload(_loaded[_name])
