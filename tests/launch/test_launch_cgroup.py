"""The limits of a control group, as containers, systemd and Slurm set them."""

from pathlib import Path

import pytest

from labtui.launch import cgroup, environment
from labtui.launch.cgroup import MemoryLimit, cpu_quota, memory_limit

V2 = "0::{path}\n"
V1 = "5:cpu,cpuacct:{path}\n4:memory:{path}\n1:name=systemd:/elsewhere\n"


class Machine:
    """A machine's /proc/self and control groups."""

    def __init__(self, root: Path, groups: str, mounts: list[tuple[str, str, str]]) -> None:
        self.root = root
        (root / "proc").mkdir()
        (root / "proc" / "cgroup").write_text(groups)
        lines = [
            f"{number} 1 0:2{number} {part} {root}/{point} rw - {kind}\n"
            for number, (part, point, kind) in enumerate(mounts)
        ]
        (root / "proc" / "mountinfo").write_text("".join(lines))

    def write(self, folder: str, **files: str) -> None:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.root / folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def make(groups: str, mounts: list[tuple[str, str, str]]) -> Machine:
        monkeypatch.setattr(cgroup, "_PROC", tmp_path / "proc")
        return Machine(tmp_path, groups, mounts)

    return make


def test_the_tightest_limit_of_a_nested_group_of_version_2_counts(build) -> None:
    machine = build(V2.format(path="/slurm/job/step"), [("/", "cg", "cgroup2 cgroup2 rw")])
    machine.write("cg/slurm", cpu__max="max 100000", memory__max="max", memory__current="9")
    machine.write("cg/slurm/job", cpu__max="150000 100000", memory__max="1572864000", memory__current="1048576000")
    machine.write("cg/slurm/job", memory__stat="anon 1\ninactive_file 48576000\n")
    machine.write("cg/slurm/job/step", cpu__max="max 100000", memory__max="max", memory__current="9")
    assert cpu_quota() == 1.5
    assert memory_limit() == MemoryLimit(1572864000, 572864000)


def test_version_1_has_a_hierarchy_per_controller(build) -> None:
    machine = build(
        V1.format(path="/docker/abc"),
        [("/", "cg/cpu", "cgroup cgroup rw,cpu,cpuacct"), ("/", "cg/memory", "cgroup cgroup rw,memory")],
    )
    machine.write("cg/cpu/docker/abc", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    machine.write("cg/cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    machine.write("cg/memory/docker/abc", memory__limit_in_bytes="1572864000", memory__usage_in_bytes="72864000")
    machine.write("cg/memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="1")
    assert cpu_quota() == 0.5
    assert memory_limit() == MemoryLimit(1572864000, 1500000000)


@pytest.mark.parametrize("path", ["/docker/abc", "/", "/../../other"])
def test_a_container_that_sees_its_own_group_as_the_root_has_its_limits(build, path: str) -> None:
    machine = build(V2.format(path=path), [("/docker/abc", "cg", "cgroup2 cgroup2 rw")])
    machine.write("cg", cpu__max="200000 100000", memory__max="1000", memory__current="1200")
    assert cpu_quota() == 2.0
    assert memory_limit() == MemoryLimit(1000, 0)


@pytest.mark.parametrize("text", ["", "max", "max 100000", "x y", "100 0", "0 100000", "-1 100000"])
def test_what_is_no_limit_limits_nothing(build, text: str) -> None:
    machine = build(V2.format(path="/"), [("/", "cg", "cgroup2 cgroup2 rw")])
    machine.write("cg", cpu__max=text, memory__max=text)
    assert cpu_quota() is None
    assert memory_limit() is None


def test_a_machine_without_control_groups_has_no_limits(build) -> None:
    build("", [])
    assert cpu_quota() is None
    assert memory_limit() is None


@pytest.mark.parametrize(("quota", "cores"), [(0.5, 1), (1.5, 2), (None, 8), (64.0, 8)])
def test_a_quota_limits_the_cores_that_runs_share(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, cores: int
) -> None:
    monkeypatch.setattr(environment, "cpu_quota", lambda: quota)
    monkeypatch.setattr(environment.os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert environment.usable_cores() == cores
