"""`--until decided` in the console: the launch dialog's terms, what is refused, and how a plan's progress is shown."""

import dataclasses

import msgspec
import pytest
from textual import events

from labtui.api import Lab
from labtui.api.placement import place_runs
from labtui.api.until import PlanRequest, make_plan, plan_path, store_plan
from labtui.compare.plans import Plan
from labtui.console.data.plans import PlanWatch
from labtui.console.experiments.screen import MainScreen
from labtui.console.launch import until
from labtui.console.launch.form import Form
from labtui.console.launch.request import LaunchRequest, UntilDecided
from labtui.console.launch.screen import LaunchScreen
from labtui.console.notifications import plan_changes
from labtui.console.ui.text_panel import TextBlock, TextPanel
from labtui.store.files import read_json
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text
from tests.support.console.pages import NARROW, WIDE, done, opened

CATALOG = """
[defaults]
protocol = "report"
group = "Digits"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 2

[experiment.network]
title = "Network"

[experiment.dropout]
title = "Dropout"
baseline = "network"
factor = ["model.dropout"]
smallest_effect = 0.5
model.dropout = [0.3, 0.2]

[experiment.slow]
title = "Slow"
baseline = "network"
factor = ["optimizer.lr"]
optimizer.lr = 0.0003
model.dropout = [0.3, 0.2]
"""


@pytest.fixture
def lab(tmp_path):
    return lab_at(tmp_path, CATALOG)


@pytest.fixture
def started(monkeypatch):
    """The plans that would have been started in the background."""
    found: list[tuple[str, str, int]] = []

    def start(_: Lab, plan: Plan, device: str, jobs: int) -> None:
        found.append((plan.id, device, jobs))

    monkeypatch.setattr(until, "start_in_background", start)
    return found


def page(app: ConsoleUnderTest) -> LaunchScreen:
    assert isinstance(app.screen, LaunchScreen)
    return app.screen


def keys(app: ConsoleUnderTest) -> list[str]:
    return [field.key for field in app.screen.query_one(Form).fields]


def plan_text(app: ConsoleUnderTest) -> str:
    return " ".join("".join(span.text for span in line) for line in app.screen.query_one("#plan", TextPanel).lines)


async def dialog(app: ConsoleUnderTest, pilot, *moves: str) -> None:
    """Open the dialog and switch `until decided` on; the cursor is then on it."""
    await pilot.press("g", *moves, "R", "down", "down", "down", "space")
    await planned(app, pilot)


async def planned(app: ConsoleUnderTest, pilot) -> None:
    await app.until(pilot, lambda: page(app).preview and page(app).preview.request == page(app).request)


def stored(lab: Lab, **terms: object) -> Plan:
    """A plan of Dropout against Network, whose seeds are trained where the stub engine trains."""
    request = PlanRequest(**{"names": ("dropout",), **terms})
    plan, _ = make_plan(lab, request, place_runs("cpu", runs=2, jobs=1), fetch=False)
    return store_plan(lab, msgspec.structs.replace(plan, threads=1))


def train(lab: Lab, plan: Plan, seeds: range, gain: float) -> None:
    """Finished runs of these seeds of the plan: Dropout reaches so many points more than Network."""
    for seed in seeds:
        for name, accuracy in (("network", 80 + seed % 3), ("dropout", 80 + gain + seed % 2)):
            side = next(side for side in plan.sides if side.name == name)
            own = {key: getattr(side.spec, key) for key in ("training", "data", "model", "optimizer")}
            done(lab, name, seed, accuracy=accuracy, **own)


async def test_the_terms_of_a_plan_are_shown_only_where_until_decided_is_switched_on(lab, tmp_path, started):
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "j", "R")
        assert keys(app)[:5] == ["seeds", "device", "at once", "until decided", "training.epochs"]
        await pilot.press("down", "down", "down", "space")
        assert keys(app)[:8] == [
            *("device", "at once", "until decided", "max seeds", "alpha", "smallest effect", "baseline"),
            "training.epochs",
        ]
        assert {field.key: field.text for field in page(app).query_one(Form).fields}["baseline"] == "network"
        await planned(app, pilot)
        assert page(app).request == LaunchRequest(("dropout",), until=UntilDecided(20, 0.05))
        await pilot.press("space")
        await planned(app, pilot)
        assert page(app).request == LaunchRequest(("dropout",))


async def test_the_preview_says_what_is_run_at_most_and_enter_writes_and_starts_that_plan(lab, tmp_path, started):
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await dialog(app, pilot, "j")
        assert "at most 40 training runs  20 seeds of each of Network, Dropout" in plan_text(app)
        assert "Dropout against Network" in plan_text(app)
        await pilot.press("down", "8")
        await planned(app, pilot)
        assert "at most 16 training runs" in plan_text(app)
        assert not (lab.store.root / ".labtui" / "plans").exists(), "nothing is written before Enter"
        await pilot.press("enter")
        assert isinstance(app.screen, MainScreen)
        await app.until(pilot, lambda: any("at most 16 training runs" in text for text in app.said))
        ((name, device, jobs),) = started
        assert (device, jobs) == ("auto", 1)
        plan = read_json(plan_path(lab, name), Plan)
        assert (plan.cap, plan.alpha, plan.comparisons[0].smallest_effect) == (8, 0.05, 0.5)
        assert len(plan.boundaries.claim) == len(plan.boundaries.looks), "its boundaries are calibrated"


async def test_a_key_right_behind_the_switch_acts_on_the_fields_that_it_brings(lab, tmp_path, started):
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "j", "R")
        for key in ("down", "down", "down", "space", "down", "8"):
            app.post_message(events.Key(key, key if len(key) == 1 else " " if key == "space" else None))
        await app.until(pilot, lambda: page(app).request.until)
        await planned(app, pilot)
        assert page(app).request == LaunchRequest(("dropout",), until=UntilDecided(8, 0.05))


@pytest.mark.parametrize(
    ("moves", "reason"),
    [
        (("j", "j"), "differ beyond the declared factor"),
        ((), "declares no baseline"),
    ],
)
async def test_what_no_number_of_seeds_can_decide_is_refused_before_enter(lab, tmp_path, started, moves, reason):
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=NARROW) as pilot:
        await opened(app, pilot, 0)
        await dialog(app, pilot, *moves)
        assert reason in plan_text(app)
        await pilot.press("enter")
        assert isinstance(app.screen, LaunchScreen)
        assert started == []


async def test_other_terms_for_a_stored_plan_are_refused_before_enter(lab, tmp_path, started):
    stored(lab)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "j", "R")
        assert keys(app)[3] == "max seeds", "a row with an unfinished plan opens with the terms of that plan"
        await planned(app, pilot)
        assert "This plan is waiting" in plan_text(app)
        await pilot.press("down", "down", "down", "9")
        await planned(app, pilot)
        assert "different settings (max seeds)" in plan_text(app)
        await pilot.press("enter")
        assert started == []
        await pilot.press("ctrl+u")
        await planned(app, pilot)
        await pilot.press("enter")
        await app.until(pilot, lambda: started)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_invalid_terms_are_said_at_their_field_and_nothing_starts(lab, tmp_path, started, size):
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, 0)
        await dialog(app, pilot, "j")
        for typed in (("2",), ("down", "nan"), ("down", *"-1")):
            await pilot.press("down") if typed[0] != "down" else None
            await pilot.press(*[key for text in typed for key in ([text] if text == "down" else text)])
            assert page(app).query_one(Form).current.error
            await pilot.press("enter")
            assert isinstance(app.screen, LaunchScreen)
            await pilot.press("ctrl+u")
        assert started == []


async def test_a_plan_shows_its_looks_in_list_and_details_however_often_the_console_is_opened(lab, tmp_path):
    plan = stored(lab)
    train(lab, plan, range(2), gain=9.0)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 4)
        await pilot.press("g", "j")
        assert "waits 0/20" in screen_text(app)
        assert "first look after 3 seeds of each" in screen_text(app)
        train(lab, plan, range(2, 3), gain=2.0)
        await app.settled(pilot, lambda shot: len(shot.runs) == 6 and shot.plans[0].state.comparisons[0].looks)
        assert "waits 3/20" in screen_text(app)
        assert "not yet decided" in details_text(app)
        train(lab, plan, range(3, 10), gain=9.0)
        await app.settled(pilot, lambda shot: shot.plans[0].state.has_ended and shot.plans[0].trained == 20)
        decided = app.snapshot.plans[0].state.comparisons[0].looks[-1].seeds
        assert f"gain {decided}/20" in screen_text(app)
        assert f"decided at {decided} of 20 seeds" in details_text(app)
        assert "Used 20 of at most 40 training runs, saved 20." in details_text(app)
    again = ConsoleUnderTest(lab, tmp_path / "state")
    async with again.run_test(size=NARROW) as pilot:
        await opened(again, pilot, 20)
        assert f"gain {decided}/20" in screen_text(again)


def details_text(app: ConsoleUnderTest) -> str:
    panel = app.screen.query_one("#details", TextBlock)
    return " ".join("".join(span.text for span in panel_line) for panel_line in panel.lines)


async def test_a_decided_plan_is_said_once_and_a_plan_that_stops_moving_rings(lab, tmp_path):
    plan = stored(lab)
    watch = PlanWatch(lab.store.root)
    train(lab, plan, range(2), gain=9.0)
    (before,) = watch.read(lab.store.scan())
    train(lab, plan, range(2, 10), gain=9.0)
    (after,) = watch.read(lab.store.scan())
    ((text, alarm),) = plan_changes([before], [after])
    assert "Dropout against Network" in text
    assert "decided at" in text
    assert "Used 20 of at most 40 training runs, saved 20." in text
    assert not alarm
    assert plan_changes([after], [after]) == []
    driven = dataclasses.replace(before, is_driven=True)
    stopped = dataclasses.replace(before, note="Dropout, seed 1 is stopped.")
    assert plan_changes([driven], [stopped]) == [("Dropout: the plan is waiting. Dropout, seed 1 is stopped.", True)]
