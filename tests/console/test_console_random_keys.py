"""Random keys, sizes and clicks on ten data sets: the console never ends by itself and every pane can be drawn.

`pytest -m long tests/console/test_console_random_keys.py` presses keys for an hour; `LABTUI_KEYS_SECONDS` sets another
time. A failure names its seed: `LABTUI_KEYS_SEED` begins with that one.
"""

import math
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from textual.events import Click

from labtui.api import Lab
from labtui.api.placement import place_runs
from labtui.api.until import PlanRequest, make_plan, store_plan
from labtui.console import actions
from labtui.console.app import LabtuiApp
from labtui.console.commands import COMMANDS
from labtui.console.comparison import export
from labtui.console.experiments.list import ExperimentList
from labtui.console.launch import until
from labtui.store.encode_scalar import scalar_event, version_event
from tests.support.console.app import CATALOG, ConsoleUnderTest, lab_at
from tests.support.console.pages import begun, compared_lab, done
from tests.support.hostile import HOSTILE, plant

SECONDS, LONG_SECONDS = 30.0, 3_600.0
FIRST_SEED = int(os.environ.get("LABTUI_KEYS_SEED", "1"))
PRESSES = 120
"""Keys of one session of the console."""

NEVER = {"ctrl+z", "q", "ctrl+q", "ctrl+c"}
"""These leave the console."""

KEYS = sorted({key for command in COMMANDS for key in command.keys.split(",")} - NEVER)
CHART_KEYS = ["L", "S", "X", "O", "v", "plus", "minus", "up", "down", "left", "right", "m", "0", "z", "a"]
TYPED = [*"0123456789.-eE+,nax", "backspace", "space", "enter", "escape", "tab", "down", "up"]
SIZES = [(160, 48), (80, 24), (100, 40), (40, 12), (20, 6), (9, 4), (1, 1)]

Point = tuple[float, int, str, float]
"""Wall time, step, tag, value."""


def foreign(folder: Path, points: list[Point], name: str = "version_0") -> Lab:
    """A folder of another tool with these points."""
    lab = lab_at(folder, "")
    where = lab.store.root / "lightning_logs" / name
    where.mkdir(parents=True)
    records = b"".join(scalar_event(*point) for point in points)
    (where / "events.out.tfevents.1.other").write_bytes(version_event(1_000.0) + records)
    return lab


def zeros(folder: Path) -> Lab:
    steps = range(60)
    points = [(1e9 + n, n, "lr", 0.1 * min(1.0, n / 20)) for n in steps]
    points += [(1e9 + n, n, "acc", 10 + n * 80 / 59) for n in steps]
    return foreign(folder, points + [(1e9 + n, n, "reward", math.sin(n)) for n in steps])


def hundred_days(folder: Path) -> Lab:
    return foreign(folder, [(1.78e9 + n * 86_400.0, n, "loss", 2 / (n + 1)) for n in range(100)])


def nanoseconds(folder: Path) -> Lab:
    return foreign(folder, [(1.78e18 + n * 1e9, n, "loss", 2 / (n + 1)) for n in range(50)])


def odd_numbers(folder: Path) -> Lab:
    odd = [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e38, -1e38, 1e-45, 3.0]
    times = [math.nan, math.inf, -math.inf, -1e9, 0.0, 1.78e9, 1e300, 1.78e18, 5e-324]
    points = [(times[n % 9], n, "values", odd[n * 5 % 9]) for n in range(80)]
    return foreign(folder, points + [(times[n * 2 % 9], n, "times", float(n)) for n in range(80)])


def huge_steps(folder: Path) -> Lab:
    steps = [-(2**63), -5, 0, 1, 2**31, 2**53, 2**62, 2**63 - 1]
    return foreign(folder, [(1e9 + n, step, "loss", n - 4.0) for n, step in enumerate(steps)])


def many_tags(folder: Path) -> Lab:
    return foreign(folder, [(1e9 + n, n, f"layer{tag}/weight", n * tag) for tag in range(601) for n in range(3)])


def hostile(folder: Path) -> Lab:
    plant(folder, HOSTILE[:12])
    return lab_at(folder, (folder / "experiments.toml").read_text("utf-8"))


def running(folder: Path) -> Lab:
    """Runs that are queued, under way and over, and a plan that waits."""
    lab = lab_at(folder, CATALOG)
    done(lab, "network")
    begun(lab, "dropout").begin(alive=False).advance(7)
    begun(lab, "adam@0.01")
    plan, _ = make_plan(lab, PlanRequest(names=("dropout",)), place_runs("cpu", runs=2, jobs=1), fetch=False)
    store_plan(lab, msgspec.structs.replace(plan, threads=1))
    return lab


def empty(folder: Path) -> Lab:
    return lab_at(folder, "")


DATA_SETS: tuple[Callable[[Path], Lab], ...] = (
    *(empty, compared_lab, zeros, hundred_days, nanoseconds),
    *(odd_numbers, huge_steps, many_tags, hostile, running),
)


@pytest.fixture
def harmless(monkeypatch, tmp_path):
    """Keys start, stop and write nothing outside of the test's folder."""
    for name in ("queue_defaults", "queue_request", "queue_resume", "stop_run", "remove_from_queue"):
        monkeypatch.setattr(actions, name, lambda *_, **__: "done")
    monkeypatch.setattr(until, "start_until", lambda *_: "done")
    monkeypatch.setattr(export, "write_new", lambda path, *_: f"wrote {path}")
    monkeypatch.setattr(LabtuiApp, "action_suspend_process", lambda _: None)
    monkeypatch.chdir(tmp_path)


async def press_keys(lab: Lab, state: Path, seed: int, deadline: float) -> None:
    """One session of the console: random keys, mostly of the charts, text where text is asked for, sizes and clicks."""
    dice = random.Random(seed)
    app = ConsoleUnderTest(lab, state, ascii_only=dice.random() < 0.2)
    pressed: list[str] = []
    try:
        async with app.run_test(size=dice.choice(SIZES[:3])) as pilot:
            await app.settled(pilot, lambda shot: not shot.pending)
            if app.screen.query(ExperimentList):
                await pilot.press("g", *["j"] * dice.randrange(6))
            for _ in range(PRESSES):
                if time.monotonic() > deadline or not app.is_running:
                    break
                roll = dice.random()
                if roll < 0.04:
                    size = dice.choice(SIZES)
                    pressed.append(f"{size[0]}x{size[1]}")
                    await pilot.resize_terminal(*size)
                elif roll < 0.07:
                    x, y = dice.randrange(app.size.width), dice.randrange(app.size.height)
                    pressed.append(f"click {x},{y}")
                    app.post_message(Click(None, x, y, 0, 0, 1, False, False, False, x, y))
                    await pilot.pause()
                else:
                    pressed.append(dice.choice(CHART_KEYS if roll < 0.5 else KEYS if roll < 0.85 else TYPED))
                    await pilot.press(pressed[-1])
                assert not app.failures.seen, app.failures.seen
    except BaseException as error:
        error.add_note(f"LABTUI_KEYS_SEED={seed}, {lab.store.root}: {' '.join(pressed)}")
        raise


async def press_for(seconds: float, folder: Path) -> None:
    """Session after session, over all data sets in turn, until the time is over."""
    began, labs, seed = time.monotonic(), {}, FIRST_SEED
    while time.monotonic() - began < seconds:
        make = DATA_SETS[seed % len(DATA_SETS)]
        if make not in labs:
            (folder / make.__name__).mkdir()
            labs[make] = make(folder / make.__name__)
        share = began + seconds if seconds > 5 * SECONDS else time.monotonic() + seconds / len(DATA_SETS)
        await press_keys(labs[make], folder / f"state{seed % 3}", seed, share)
        seed += 1
    print(f"seeds {FIRST_SEED} to {seed - 1}")  # noqa: T201 - to begin where it ended


@pytest.mark.timeout(300)
async def test_random_keys_on_ten_data_sets_never_end_the_console(tmp_path, harmless):
    await press_for(float(os.environ.get("LABTUI_KEYS_SECONDS", SECONDS)), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(0)
async def test_random_keys_for_an_hour_never_end_the_console(tmp_path, harmless):
    await press_for(float(os.environ.get("LABTUI_KEYS_SECONDS", LONG_SECONDS)), tmp_path)
