"""The console under test: its own state folder, frequent polls, and waiting for messages rather than for time."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.strip import Strip

from labtui.api import Lab
from labtui.catalog import load
from labtui.console.app import LabtuiApp, Settings
from labtui.console.data.plans import PlanWatch
from labtui.console.data.poller import CatalogWatch, Poller, PollInterval
from labtui.console.data.snapshot import Machine, Snapshot
from labtui.console.messages import (
    ActionFailed,
    Compared,
    Notification,
    PlanMade,
    PollFailed,
    PredictionsRead,
    RunsUpdated,
)
from labtui.store.store import Store
from tests.support.processes import ROOT

PATIENCE = 20.0
QUICK = PollInterval(backlog=0.001, live=0.1, idle=0.1, runs=0.0, machine=60.0, budget=5.0, first_budget=5.0)

CATALOG = """
[defaults]
protocol = "report"
group = "Digits"
baseline = "network"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 2

[experiment.network]
title = "Network"

[experiment.dropout]
title = "Dropout"
factor = ["model.dropout"]
model.dropout = [0.3, 0.2]

[experiment.adam]
title = "Adam"
factor = ["optimizer.lr"]
grid."optimizer.lr" = [0.01, 0.001]
"""


class ConsoleUnderTest(LabtuiApp):
    """Remembers its notifications, and lets a test wait for them."""

    def __init__(self, lab: Lab, state: Path, **settings: object) -> None:
        poller = Poller(
            lab.store,
            machine=lambda: Machine(12.0, 4 << 30, 16 << 30),
            notices=CatalogWatch(lab.catalog.path).notices,
            plans=PlanWatch(lab.store.root).read,
            interval=QUICK,
        )
        super().__init__(lab, Settings(state_folder=state, **settings), poller=poller)
        self.said: list[str] = []
        self._message_came = asyncio.Event()

    def on_runs_updated(self, _: RunsUpdated) -> None:
        self._message_came.set()

    def on_notification(self, message: Notification) -> None:
        self.said.append(message.text)
        self._message_came.set()

    def on_action_failed(self, message: ActionFailed) -> None:
        self.said.append(f"failed: {message.text} {message.advice}".strip())
        self._message_came.set()

    def on_poll_failed(self, message: PollFailed) -> None:
        self.said.append(f"failed: {message.text}")
        self._message_came.set()

    def on_compared(self, _: Compared) -> None:
        self._message_came.set()

    def on_plan_made(self, _: PlanMade) -> None:
        self._message_came.set()

    def on_predictions_read(self, _: PredictionsRead) -> None:
        self._message_came.set()

    async def until(self, pilot: Pilot, true: Callable[[], object]) -> None:
        """Wait for message after message until a condition holds; a screen's own messages do not pass here."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._message_came.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._message_came.wait(), 0.05)
                await pilot.pause()

    async def settled(self, pilot: Pilot, wanted: Callable[[Snapshot], object]) -> None:
        """Wait until a condition holds for the snapshot, and until that snapshot is shown."""
        await self.until(pilot, lambda: self.snapshot.when and wanted(self.snapshot))
        await pilot.pause()


def screen_strips(app: LabtuiApp) -> list[Strip]:
    """The lines of the screen with their styles. Textual has no public function for that; this is the one place."""
    return app.screen._compositor.render_strips()


def screen_text(app: LabtuiApp) -> str:
    """What is on the screen, line by line."""
    return "\n".join(strip.text for strip in screen_strips(app))


def assert_fits(app: LabtuiApp, *, ascii_only: bool) -> None:
    """The screen is as wide and high as the terminal, what has the focus is in sight from 80x24 on, and ASCII
    stays ASCII."""
    screen = app.screen
    assert [strip.cell_length for strip in screen_strips(app)] == [app.size.width] * app.size.height
    assert screen.virtual_size.width <= app.size.width, "it never scrolls sideways"
    if app.focused is not None and app.size.width >= 80 and app.size.height >= 24:
        assert app.focused.region.overlaps(screen.region), (app.focused, app.size)
    if ascii_only:
        assert beyond_ascii(screen_text(app)) == []


def beyond_ascii(shown: str) -> list[str]:
    """The lines of a screen that are not of ASCII alone."""
    return [line.strip() for line in shown.splitlines() if not line.isascii()]


def lab_at(folder: Path, catalog: str | None = CATALOG) -> Lab:
    """A lab with its own runs folder and catalog; None takes the repository's."""
    if catalog is None:
        path = ROOT / "experiments.toml"
    else:
        path = folder / "experiments.toml"
        path.write_text(catalog)
    names = ("cifar10", "digits", "fashion-mnist")
    return Lab(catalog=load(path, datasets=names), store=Store(folder / "runs"), data_root=folder / "data")
