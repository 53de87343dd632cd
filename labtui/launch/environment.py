"""Which variables of an environment go into a queue entry: an entry is a file, and secrets are not written down."""

import re
from collections.abc import Mapping

_PREFIX = "LABTUI_"

_ALLOWED = frozenset(
    {
        "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "TMPDIR",
        "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
    }
)  # fmt: skip
"""What decides which programs, libraries, devices and data a run finds. Anything else comes from the queue runner."""

_SECRET = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH", re.IGNORECASE)


def is_chosen(name: str) -> bool:
    """Whether a variable of this name is recorded."""
    return name in _ALLOWED or (name.startswith(_PREFIX) and not _SECRET.search(name))


def chosen(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to record. Values that are not Unicode cannot be, and are left out."""
    return {name: value for name, value in environment.items() if is_chosen(name) and _is_text(value)}


def restored(recorded: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with all that is recorded as the entry has it, also where it lacks something."""
    others = {name: value for name, value in own.items() if not is_chosen(name)}
    return others | {name: value for name, value in recorded.items() if is_chosen(name)}


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
