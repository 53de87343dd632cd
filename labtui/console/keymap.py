"""The user's own keys: `keys.toml` in the config folder, `id = "keys"` per line, ids as in commands.py."""

from pathlib import Path

from labtui.console.commands import COMMANDS
from labtui.store.files import DamagedFile, read_bytes


def place() -> Path:
    """Where the keys file lies."""
    import platformdirs  # deferred: not needed before the first frame

    return platformdirs.user_config_path("labtui") / "keys.toml"


def read_keymap(path: Path | None = None) -> tuple[dict[str, str], tuple[str, ...]]:
    """Keys by command id, and what is wrong with the file, for people. No file is no fault."""
    import tomli  # deferred

    path = path or place()
    try:
        table = tomli.loads(read_bytes(path, 1 << 16).decode())
    except FileNotFoundError:
        return {}, ()
    except (OSError, DamagedFile, ValueError, RecursionError) as fault:
        return {}, (f"{path} is not used: {fault}",)
    known = {command.id for command in COMMANDS}
    keys = {name: value for name, value in table.items() if name in known and isinstance(value, str)}
    faults = [f"{path}: there is no command {name!r}" for name in table if name not in known]
    faults += [f"{path}: the keys of {name} are no text" for name in table if name in known and name not in keys]
    return keys, tuple(faults)
