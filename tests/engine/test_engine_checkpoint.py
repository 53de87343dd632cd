"""Checkpoints: complete or absent; damaged, foreign and hostile ones are rejected and the previous one is used."""

import os
import pickle
import random
import shutil
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch

from labtui.engine.checkpoint import Checkpoints, Checksum, Checksums, NotSaved
from labtui.errors import LabError
from labtui.store.files import write_json
from labtui.store.paths import RunPaths, checksum_path
from tests.support.faults import hits, injected

RUN = "Cifar/Dropout/s0"


def state(number: float) -> dict[str, Any]:
    return {"network": {"w": torch.full((50, 20), number)}, "optimizer": {"steps": [torch.tensor(number)]}, "epoch": 1}


def number_of(content: dict[str, Any]) -> float:
    return float(content["network"]["w"][0, 0])


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


def saved(paths: RunPaths, *numbers: int) -> Checkpoints:
    checkpoints = Checkpoints(paths, RUN)
    for number in numbers:
        checkpoints.save(state(number), number)
    return checkpoints


def load(paths: RunPaths, run_id: str = RUN) -> tuple[float | None, int | None, list[str]]:
    """The number in the state that was used, its step, and the log."""
    used: list[float] = []
    log: list[str] = []
    step = Checkpoints(paths, run_id).load(lambda content: used.append(number_of(content)), log.append)
    return (used[-1] if used else None), step, log


def test_the_last_two_states_are_kept_and_the_newest_is_used(paths: RunPaths) -> None:
    saved(paths, 1, 2, 3)
    assert load(paths) == (3, 3, [])
    paths.checkpoint.unlink()
    assert load(paths)[:2] == (2, 2)


def test_no_checkpoint_at_all_differs_from_checkpoints_that_are_all_damaged(paths: RunPaths) -> None:
    assert load(paths) == (None, None, [])
    saved(paths, 1, 2)
    for path in (paths.checkpoint, paths.previous_checkpoint):
        path.write_bytes(b"")
    with pytest.raises(
        LabError, match=r"No checkpoint of this run can be used.*checkpoint.pt.*checkpoint.prev.pt"
    ) as info:
        load(paths)
    assert "deleted" in info.value.advice
    assert paths.checkpoint.exists()
    assert paths.previous_checkpoint.exists()


def damage(good: bytes, other: bytes) -> list[bytes]:
    """200 truncations, 400 flipped bits, another run's file, an empty one."""
    rng = random.Random(0)
    cuts = [good[:length] for length in rng.sample(range(1, len(good)), 200)]
    flips = []
    for bit in rng.sample(range(len(good) * 8), 400):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        flips.append(bytes(flipped))
    return [*cuts, *flips, other, b""]


def test_every_damaged_checkpoint_is_rejected_with_a_log_line_and_the_previous_one_is_used(
    paths: RunPaths, tmp_path: Path
) -> None:
    saved(paths, 1, 2)
    other = RunPaths(tmp_path / "other")
    other.folder.mkdir()
    saved(other, 7)
    good = paths.checkpoint.read_bytes()
    cases = damage(good, other.checkpoint.read_bytes())
    assert len(cases) == 602
    for content in cases:
        paths.checkpoint.write_bytes(content)
        number, step, log = load(paths)
        assert (number, step) == (1, 1)
        assert len(log) == 2
        assert "damaged" in log[0]
        assert "checkpoint.prev.pt" in log[1]
    paths.checkpoint.write_bytes(good)
    assert load(paths) == (2, 2, [])


def test_another_runs_checkpoint_is_rejected_even_with_its_checksum(paths: RunPaths, tmp_path: Path) -> None:
    saved(paths, 1, 2)
    for number in range(20):
        other = RunPaths(tmp_path / f"other{number}")
        other.folder.mkdir()
        checkpoints = Checkpoints(other, f"Cifar/Other/s{number}")
        checkpoints.save(state(number), number)
        shutil.copy(other.checkpoint, paths.checkpoint)
        shutil.copy(checksum_path(other.checkpoint), checksum_path(paths.checkpoint))
        used, _, log = load(paths)
        assert used == 1
        assert "another run" in log[0]


def test_a_checkpoint_without_its_checksum_or_behind_a_link_is_rejected(paths: RunPaths, tmp_path: Path) -> None:
    saved(paths, 1, 2)
    checksum_path(paths.checkpoint).unlink()
    assert load(paths)[0] == 1
    saved(paths, 3, 4)
    real = tmp_path / "elsewhere"
    paths.checkpoint.rename(real)
    paths.checkpoint.symlink_to(real)
    number, _, log = load(paths)
    assert number == 3
    assert "symbolic link" in log[0]


def test_a_rejected_checkpoint_never_replaces_a_valid_one(paths: RunPaths) -> None:
    saved(paths, 1, 2)
    paths.checkpoint.write_bytes(b"damaged")
    checkpoints = Checkpoints(paths, RUN)
    assert checkpoints.load(lambda _: None, lambda _: None) == 1
    for hit in hits(lambda: checkpoints.save(state(3), 3), kinds=("kill",)):
        assert load(paths)[0] in (1, 3), hit


@pytest.mark.parametrize("before", [(), (1, 2)])
def test_a_save_interrupted_at_any_file_operation_leaves_the_old_or_the_new_state(
    paths: RunPaths, before: tuple[int, ...]
) -> None:
    def prepare() -> None:
        for path in paths.folder.iterdir():
            path.unlink()
        nonlocal checkpoints
        checkpoints = saved(paths, *before)

    checkpoints = Checkpoints(paths, RUN)
    errors = 0
    for hit in hits(lambda: checkpoints.save(state(9), 9), prepare=prepare):
        used, _, _ = load(paths)
        assert used in {before[-1] if before else None, 9}, hit
        if hit.operation == "not reached":
            assert used == 9
        elif hit.kind != "kill":
            assert isinstance(hit.error, NotSaved)
            assert ("disk full" in hit.error.message) == (hit.kind == "ENOSPC")
            assert not list(paths.folder.glob(".*.tmp"))
            errors += 1
    assert errors > 20


@pytest.mark.parametrize("kind", ["ENOSPC", "EIO"])
def test_after_a_failed_save_the_next_one_makes_two_valid_states_again(
    paths: RunPaths, kind: Literal["ENOSPC", "EIO"]
) -> None:
    reached = True
    for point in range(1, 100):
        checkpoints = saved(paths, 1, 2)
        with injected(kind, point) as trap, suppress(NotSaved):
            checkpoints.save(state(3), 3)
        checkpoints.save(state(4), 4)
        assert load(paths)[0] == 4
        paths.checkpoint.unlink()
        assert load(paths)[0] in (2, 3)
        reached = trap.operation != "not reached"
        if not reached:
            break
    assert not reached


def test_a_full_disk_is_reported_with_the_missing_space(paths: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = saved(paths, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=400_000))
    [*_, hit] = [
        hit for hit in hits(lambda: checkpoints.save({"w": torch.zeros(10**6)}, 2), kinds=("ENOSPC",)) if hit.error
    ]
    assert str(hit.error).startswith(
        "disk full: a checkpoint needs 3.8 MiB, 391 KiB free, 3.4 MiB missing. The last checkpoint is unchanged."
    )


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def hostile(marker: Path) -> dict[str, Any]:
    """Ten contents that would run code, each as torch.save writes it."""
    shell = f"touch {marker}"
    touch = f"open({str(marker)!r}, 'w')"
    bombs = [
        Bomb(os.system, shell),
        Bomb(eval, touch),
        Bomb(exec, touch),
        Bomb(getattr, 1, "real"),
        Bomb(__import__, "antigravity"),
        Bomb(Path.touch, marker),
    ]
    good = {"schema": 1, "run_id": RUN, "step": 1}
    return {
        "a shell command": bombs[0],
        "eval": bombs[1],
        "exec": bombs[2],
        "an attribute": bombs[3],
        "an import": bombs[4],
        "a method": bombs[5],
        "nested deep": {**good, "state": {"network": {"a": [{"b": (1, bombs[0])}]}}},
        "in the optimizer": {**good, "state": {**state(1), "optimizer": {"steps": bombs[1]}}},
        "in the generators": {**good, "state": {**state(1), "generators": {"cpu": bombs[2]}}},
        "as the step": {**good, "step": bombs[0], "state": state(1)},
    }


@pytest.mark.parametrize("kind", hostile(Path("x")).keys())
def test_a_hostile_checkpoint_runs_no_code_and_is_rejected(paths: RunPaths, tmp_path: Path, kind: str) -> None:
    saved(paths, 1, 2)
    marker = tmp_path / "marker"
    torch.save(hostile(marker)[kind], paths.checkpoint)
    vouch_for(paths.checkpoint)
    used, _, log = load(paths)
    assert used == 1
    assert "cannot be loaded" in log[0]
    assert "\n" not in log[0]
    assert not marker.exists()


def test_a_bare_pickle_is_rejected(paths: RunPaths, tmp_path: Path) -> None:
    saved(paths, 1, 2)
    marker = tmp_path / "marker"
    paths.checkpoint.write_bytes(pickle.dumps(Bomb(os.system, f"touch {marker}")))
    vouch_for(paths.checkpoint)
    assert load(paths)[0] == 1
    assert not marker.exists()


def test_an_undamaged_file_that_is_no_labtui_checkpoint_is_rejected(paths: RunPaths) -> None:
    saved(paths, 1, 2)
    for content in (
        [1, 2],
        {"schema": 99, "run_id": RUN},
        {"schema": 1, "run_id": RUN},
        {"schema": 1, "run_id": RUN, "state": 3},
    ):
        torch.save(content, paths.checkpoint)
        vouch_for(paths.checkpoint)
        assert load(paths)[0] == 1
    with zipfile.ZipFile(paths.checkpoint, "w") as packed:
        packed.writestr("data.pkl", b"nonsense")
    vouch_for(paths.checkpoint)
    assert load(paths)[0] == 1


def vouch_for(path: Path) -> None:
    """Give a file the checksum that a stranger would give it."""
    content = path.read_bytes()
    write_json(
        checksum_path(path), Checksums(accepted=(Checksum(size=len(content), crc32=zlib.crc32(content), step=2),))
    )
