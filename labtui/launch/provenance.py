"""With what a run was made: versions of what decides its bits, and the state of the catalog's folder in git."""

import os
import select
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

DIFF_CAP = 256 << 10
"""Bytes of a diff that are kept."""

PATIENCE = 3.0
"""Seconds for each question to git: a start does not wait long for a slow disk."""

DISTRIBUTIONS = ("torch", "torchvision", "numpy", "msgspec", "scikit-learn")
"""What a result can depend on, beside labtui and Python."""

# A program of the repository's choice, run because somebody looked: not here.
_HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.pager=cat", "--no-optional-locks")
# Files that by custom hold secrets stay out of a run's record even where somebody keeps them under git.
_NOT_SECRETS = (":(exclude,glob)**/.env*", ":(exclude,glob)**/*.pem", ":(exclude,glob)**/*.key")


class Commit(NamedTuple):
    """A folder's state in git; no name where it is in none."""

    name: str | None
    diff: str


def versions() -> dict[str, str]:
    """Versions by distribution, from the metadata: importing torch to ask it would cost two seconds."""
    import platform
    from importlib import metadata  # deferred: not needed before the attempt is claimed

    import labtui

    found = {"python": platform.python_version(), "labtui": getattr(labtui, "__version__", "")}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {name: version for name, version in found.items() if version}


def commit_of(folder: Path | None) -> Commit:
    """The commit of a folder, `-dirty` with changes, and the diff of its tracked files, cut at DIFF_CAP bytes.

    Untracked files are never read.
    """
    if folder is None or not folder.is_dir():
        return Commit(None, "")
    name = _git(folder, 200, "rev-parse", "--verify", "HEAD").strip()
    if not name:
        return Commit(None, "")
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short")
    diff = _git(folder, DIFF_CAP, "diff", *options, "HEAD", "--", ".", *_NOT_SECRETS)
    return Commit(f"{name}-dirty" if diff else name, diff)


def _git(folder: Path, cap: int, *arguments: str) -> str:
    """The first `cap` bytes that git says, or "" where it fails, is not installed or takes too long."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        git = subprocess.Popen(
            ["git", *_HARMLESS, *arguments],
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
        said, whole = _read(git.stdout.fileno(), cap)
        if not whole:
            git.kill()
    if len(said) > cap:
        return said[:cap].decode("utf-8", "replace") + f"\n[cut after {cap:,} bytes]\n"
    return said.decode("utf-8", "replace") if whole and git.returncode == 0 else ""


def _read(descriptor: int, cap: int) -> tuple[bytes, bool]:
    """What arrives until the end, beyond `cap` bytes or for PATIENCE seconds; and whether it was the end."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while len(said) <= cap and select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return said, True
        said += chunk
    return said, False
