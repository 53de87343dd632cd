"""What a result depends on besides its spec: library versions, and the git state of the catalog's folder."""

import os
import select
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

MAX_DIFF_BYTES = 256 << 10
"""A longer diff is truncated."""

GIT_TIMEOUT = 3.0
"""Seconds for each git command: a start does not wait long for a slow disk."""

DISTRIBUTIONS = ("torch", "torchvision", "numpy", "msgspec", "scikit-learn")
"""What a result can depend on besides labtui and Python."""

# git must not run a program that the repository configures.
_SAFE_OPTIONS = ("-c", "core.fsmonitor=false", "-c", "core.pager=cat", "--no-optional-locks")
# Files that usually contain secrets are not copied into a run's record, even if they are tracked by git.
_WITHOUT_SECRETS = (":(exclude,glob)**/.env*", ":(exclude,glob)**/*.pem", ":(exclude,glob)**/*.key")


class Commit(NamedTuple):
    """A folder's state in git; the name is None outside of a repository."""

    name: str | None
    diff: str


def versions() -> dict[str, str]:
    """Versions by distribution, from the metadata, because importing torch would take two seconds."""
    import platform
    from importlib import metadata  # deferred: not needed before the attempt is claimed

    import labtui

    installed = {"python": platform.python_version(), "labtui": getattr(labtui, "__version__", "")}
    for name in DISTRIBUTIONS:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {name: version for name, version in installed.items() if version}


def commit_of(folder: Path | None) -> Commit:
    """The commit of a folder (with `-dirty` if it has changes) and the diff of its tracked files, truncated if long.

    Untracked files are never read.
    """
    if folder is None or not folder.is_dir():
        return Commit(None, "")
    name = _git(folder, 200, "rev-parse", "--verify", "HEAD").strip()
    if not name:
        return Commit(None, "")
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short")
    diff = _git(folder, MAX_DIFF_BYTES, "diff", *options, "HEAD", "--", ".", *_WITHOUT_SECRETS)
    return Commit(f"{name}-dirty" if diff else name, diff)


def _git(folder: Path, max_bytes: int, *arguments: str) -> str:
    """The first `max_bytes` bytes of git's output, or "" if it fails, is not installed or takes too long."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        git = subprocess.Popen(
            ["git", *_SAFE_OPTIONS, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        )
    except OSError:
        return ""
    with git:
        assert git.stdout is not None
        output, complete = _read(git.stdout.fileno(), max_bytes)
        if not complete:
            git.kill()
    if len(output) > max_bytes:
        return output[:max_bytes].decode("utf-8", "replace") + f"\n[truncated after {max_bytes:,} bytes]\n"
    return output.decode("utf-8", "replace") if complete and git.returncode == 0 else ""


def _read(descriptor: int, max_bytes: int) -> tuple[bytes, bool]:
    """Read to the end, beyond `max_bytes` bytes or for GIT_TIMEOUT seconds; also return whether it was to the end."""
    output, deadline = b"", time.monotonic() + GIT_TIMEOUT
    while len(output) <= max_bytes and select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return output, True
        output += chunk
    return output, False
