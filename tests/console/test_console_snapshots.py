"""Stored pictures of five screens over a recorded lab: an unwanted change of a screen shows as a difference of text."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from labtui.api import Lab
from labtui.catalog import load
from labtui.console.charts.chart import Chart
from labtui.store.store import Store
from tests.support.console.app import ConsoleUnderTest
from tests.support.console.pages import NARROW, WIDE, opened
from tests.support.console.pictures import compare, styles_of, text_of
from tests.support.console.record_lab import LAB

RUNS = 12


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The recorded lab, by relative paths, in one time zone, on a terminal of all colours."""
    shutil.copytree(LAB, tmp_path / "lab")
    monkeypatch.chdir(tmp_path / "lab")
    for name, value in {"TZ": "UTC", "COLORTERM": "truecolor", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    catalog = load(Path("experiments.toml"), datasets=("digits",))
    yield Lab(catalog=catalog, store=Store(Path("runs")), data_root=Path("data"))
    monkeypatch.undo()
    time.tzset()


async def _main(app: ConsoleUnderTest, pilot: Pilot) -> None:
    await pilot.press("g", "space", "space", "down", "k")


async def _charts(app: ConsoleUnderTest, pilot: Pilot) -> None:
    await pilot.press("g", "space", "space", "v", "m", "m", "m", "left")
    await app.until(pilot, lambda: len(app.screen.query_one(Chart).series) == 2)


async def _compare(app: ConsoleUnderTest, pilot: Pilot) -> None:
    await pilot.press("c")
    await app.until(pilot, lambda: app.screen.table)
    await pilot.press("g", "j", "l")


async def _launch(app: ConsoleUnderTest, pilot: Pilot) -> None:
    await pilot.press("g", "space", "space", "R")
    await app.until(pilot, lambda: app.screen.preview)


async def _run(app: ConsoleUnderTest, pilot: Pilot) -> None:
    await pilot.press("g", "j", "enter")
    await app.until(pilot, lambda: not app.snapshot.pending and app.snapshot.curves_of(app.screen.run_id))


SCREENS = {"main": _main, "charts": _charts, "compare": _compare, "launch": _launch, "run": _run}


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["160x48", "80x24"])
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_looks_as_stored(lab: Lab, tmp_path: Path, name: str, size: tuple[int, int]):
    place = f"{name}-{size[0]}x{size[1]}"
    app = ConsoleUnderTest(lab, tmp_path / "state", theme="dark")
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, RUNS)
        await SCREENS[name](app, pilot)
        await pilot.pause()
        compare(f"{place}.txt", text_of(app))
        compare(f"{place}.dark.styles", styles_of(app))
        app.theme = "light"
        await pilot.pause()
        compare(f"{place}.light.styles", styles_of(app))
