"""The limits of this process's control group and its parents, of version 1 and 2: CPU quota and memory.

A container, a systemd unit and a Slurm job limit their processes this way; the machine's own figures do not show it.
See cgroups(7) and the kernel's admin-guide/cgroup-v1 and cgroup-v2.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_PROC = Path("/proc/self")
_UNLIMITED = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of a page."""


class MemoryLimit(NamedTuple):
    """The tightest memory limit, in bytes."""

    total: int
    free: int
    """What is left; the page cache, which the kernel can drop, counts as free."""


def cpu_quota() -> float | None:
    """The smallest number of CPUs that a group of this process may use on average; None without a limit."""
    quotas = [_quota_v2(folder) for folder in _folders("")] + [_quota_v1(folder) for folder in _folders("cpu")]
    return min((quota for quota in quotas if quota), default=None)


def memory_limit() -> MemoryLimit | None:
    """The limit that leaves the least memory; None without one."""
    limits = [
        _memory(folder, "memory.max", "memory.current", "inactive_file") for folder in _folders("")
    ] + [
        _memory(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        for folder in _folders("memory")
    ]  # fmt: skip
    return min((limit for limit in limits if limit), key=lambda limit: limit.free, default=None)


def _folders(controller: str) -> Iterator[Path]:
    """The folder of this process's group for a controller of version 1 (or "", of version 2), then of its parents."""
    own = next((path for names, path in _groups() if controller in names), None)
    mount = next((mount for mount in _mounts() if controller in mount[2]), None)
    if own is None or mount is None:
        return
    root, point, _ = mount
    try:
        below = PurePosixPath(own).relative_to(root)
    except ValueError:  # the group lies outside of what is mounted, as in a container that shares the host's names
        below = PurePosixPath()
    if ".." in below.parts:
        below = PurePosixPath()
    folder = point / below
    yield folder
    while folder != point:
        folder = folder.parent
        yield folder


def _groups() -> Iterator[tuple[list[str], str]]:
    """Controllers and path of each hierarchy that this process is in; version 2 has the controller ""."""
    for line in _lines(_PROC / "cgroup"):
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        yield names.split(","), path


def _mounts() -> Iterator[tuple[str, Path, list[str]]]:
    """Of each mounted hierarchy: which part of it is mounted, where, and its controllers ("" for version 2)."""
    for line in _lines(_PROC / "mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        root, point = fields[3], Path(_unescaped(fields[4]))
        if kind[0] == "cgroup2":
            yield root, point, [""]
        elif kind[0] == "cgroup":
            yield root, point, kind[2].split(",")


def _quota_v2(folder: Path) -> float | None:
    values = _text(folder / "cpu.max").split()
    return _ratio(values[0], values[1]) if len(values) == 2 else None


def _quota_v1(folder: Path) -> float | None:
    return _ratio(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    limited = quota.isdecimal() and period.isdecimal() and int(quota) and int(period)  # "max" and -1 are no limits
    return int(quota) / int(period) if limited else None


def _memory(folder: Path, limit: str, usage: str, cache: str) -> MemoryLimit | None:
    total, used = _text(folder / limit), _text(folder / usage)
    if not (total.isdecimal() and used.isdecimal()) or int(total) >= _UNLIMITED:
        return None
    cached = next(
        (int(value) for name, _, value in (line.partition(" ") for line in _lines(folder / "memory.stat"))
         if name == cache and value.isdecimal()),
        0,
    )  # fmt: skip
    return MemoryLimit(int(total), max(0, int(total) - int(used) + cached))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _unescaped(path: str) -> str:
    """A path of mountinfo, where blanks and backslashes are octal."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(octal, character)
    return path
