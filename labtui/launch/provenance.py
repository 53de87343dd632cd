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

UNKNOWN = "unknown"
"""The name of a commit that git did not give, and what follows a commit's name if git could not compare the files."""

# git must not run a program that the repository configures, nor fetch anything; see also `_without_filters`.
_SAFE_OPTIONS = (
    "--no-pager", "--no-optional-locks",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never",
)  # fmt: skip
# Files that usually contain secrets are not copied into a run's record, even if they are tracked by git.
_WITHOUT_SECRETS = (":(exclude,glob)**/.env*", ":(exclude,glob)**/*.pem", ":(exclude,glob)**/*.key")


class Commit(NamedTuple):
    """A folder's state in git.

    The name ends with `-dirty` if files differ from the commit, with `-unknown` if they could not be compared; it is
    None outside of a repository.
    """

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
    """The commit of a folder, whether its files differ from it, and the diff of the tracked ones, truncated if long.

    Untracked files are not read; an untracked catalog makes the folder dirty. No program that the repository names is
    run: no filter, hook, pager, file system monitor, external diff. Files that are stored through a filter (Git LFS)
    can therefore not be compared once their time has changed.
    """
    if folder is None or not folder.is_dir() or not _is_in_repository(folder):
        return Commit(None, "")
    head = _git(folder, 200, "rev-parse", "--verify", "HEAD")
    if not head:
        return Commit(UNKNOWN, "")
    name = head.decode().strip()
    settings = _without_filters(folder)
    if settings is None:
        return Commit(f"{name}-{UNKNOWN}", "")
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
    changed = _git(folder, MAX_DIFF_BYTES, *settings, "diff", *options, "--name-only", "-z", "HEAD", "--", ".")
    untracked = _git(
        folder, MAX_DIFF_BYTES, *settings, "ls-files", "-z", "--others", "--exclude-standard", "--", ":(glob)*.toml"
    )
    if changed is None or untracked is None:
        return Commit(f"{name}-{UNKNOWN}", "")
    if not changed and not untracked:
        return Commit(name, "")
    diff = _git(folder, MAX_DIFF_BYTES, *settings, "diff", *options, "HEAD", "--", ".", *_WITHOUT_SECRETS)
    if diff is None:
        return Commit(f"{name}-{UNKNOWN}", "")
    text = diff[:MAX_DIFF_BYTES].decode("utf-8", "replace")
    if len(diff) > MAX_DIFF_BYTES:
        text += f"\n[truncated after {MAX_DIFF_BYTES:,} bytes]\n"
    if untracked or not settings or not _are_filtered(folder, changed):
        return Commit(f"{name}-dirty", text)
    return Commit(f"{name}-{UNKNOWN}", "")


def _is_in_repository(folder: Path) -> bool:
    """Whether the folder is in a repository, git's consent aside: it refuses to read one of another user."""
    folder = folder.absolute()
    return any(os.path.lexists(parent / ".git") for parent in (folder, *folder.parents))


def _without_filters(folder: Path) -> tuple[str, ...] | None:
    """The options that disable every filter that is configured; None if git does not say which there are."""
    # `git config` exits with 1 if there is none, so all keys are listed.
    keys = _git(folder, MAX_DIFF_BYTES, "config", "-z", "--name-only", "--list")
    if keys is None or len(keys) > MAX_DIFF_BYTES:
        return None
    names = {
        key.removeprefix("filter.").rpartition(".")[0]
        for key in keys.decode("utf-8", "surrogateescape").split("\0")
        if key.startswith("filter.")
    }
    if any("=" in name for name in names):  # git would take a part of the name for the value
        return None
    return tuple(
        option
        for name in sorted(names)
        for setting in ("clean=", "smudge=", "process=", "required=false")
        for option in ("-c", f"filter.{name}.{setting}")
    )


def _are_filtered(folder: Path, changed: bytes) -> bool:
    """Whether all the changed files, separated by NUL and relative to the repository's root, have a filter."""
    root = _git(folder, 1 << 16, "rev-parse", "--show-toplevel")
    if not root:
        return False
    # Files are named on the command line, so a long list is not asked about.
    names = [name for name in changed.decode("utf-8", "surrogateescape").split("\0") if name][:200]
    top = Path(os.fsdecode(root.rstrip(b"\n")))
    answer = _git(top, 1 << 20, "check-attr", "-z", "filter", "--", *names)
    if answer is None:
        return False
    values = answer.decode("utf-8", "surrogateescape").split("\0")[2::3]
    return len(values) == len(names) and all(value not in ("unspecified", "unset") for value in values)


def _git(folder: Path, max_bytes: int, *arguments: str) -> bytes | None:
    """The first `max_bytes` bytes of git's output, and some more if there is more.

    None if git fails, is not installed or takes too long.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        git = subprocess.Popen(
            ["git", *_SAFE_OPTIONS, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"},
        )
    except OSError:
        return None
    with git:
        assert git.stdout is not None
        output, complete = _read(git.stdout.fileno(), max_bytes)
        if not complete:
            git.kill()
    if len(output) > max_bytes:
        return output
    return output if complete and git.returncode == 0 else None


def _read(descriptor: int, max_bytes: int) -> tuple[bytes, bool]:
    """Read to the end, beyond `max_bytes` bytes or for GIT_TIMEOUT seconds; also return whether it was to the end."""
    output, deadline = b"", time.monotonic() + GIT_TIMEOUT
    while len(output) <= max_bytes and select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return output, True
        output += chunk
    return output, False
