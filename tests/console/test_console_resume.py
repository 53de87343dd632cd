"""What was stopped, lost or killed goes on from the console, and a queue that stands still with it."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from labtui.api import lifecycle
from labtui.launch.queue.entries import enqueue, failed_entries, set_aside, waiting_entries
from labtui.store.state import State
from tests.support.console.app import CATALOG, ConsoleUnderTest, lab_at
from tests.support.samples import gone_process, make_launch, make_result, make_spec, write_run


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where a queue runner would have been started."""
    roots: list[Path] = []

    def ensure(root: Path) -> bool:
        roots.append(root)
        return True

    monkeypatch.setattr(lifecycle, "ensure_runner", ensure)
    return roots


def lost(root: Path) -> None:
    launch = make_launch(parent=gone_process(), engine=gone_process())
    write_run(root / "Digits" / "Dropout" / "s0", spec=make_spec(), launch=launch)


async def onto_the_run(app: ConsoleUnderTest, pilot: Pilot) -> None:
    """Move the cursor to the one run that there is."""
    await pilot.press("g")
    for _ in range(8):
        if app.screen.selection.run is not None:
            return
        await pilot.press("j")
        await pilot.pause()
    raise AssertionError("no row stands for the run")


async def test_a_key_has_a_lost_run_go_on(tmp_path: Path, woken: list[Path]) -> None:
    lab = lab_at(tmp_path, CATALOG)
    lost(lab.store.root)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=(120, 40)) as pilot:
        await app.settled(pilot, lambda seen: [run.state for run in seen.runs] == [State.LOST])
        await onto_the_run(app, pilot)
        await pilot.press("p")
        await app.until(pilot, lambda: any("is queued to resume" in text for text in app.said))
    (entry,) = waiting_entries(lab.store.root)
    assert (entry.run, entry.ticket.attempt, entry.ticket.resume) == ("Digits/Dropout/s0", 2, True)
    assert woken == [lab.store.root]
    assert lab.store.scan()[0].reason.endswith("; queued to resume")


async def test_a_key_tries_again_what_could_not_be_started(tmp_path: Path, woken: list[Path]) -> None:
    lab = lab_at(tmp_path, CATALOG)
    run = lab.store.create(make_spec())
    set_aside(enqueue(lab.store.root, run, device="cpu", threads=1, data_root=tmp_path), "no cuda:7 here")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=(120, 40)) as pilot:
        await app.settled(pilot, lambda seen: [run.state for run in seen.runs] == [State.FAILED])
        await onto_the_run(app, pilot)
        await pilot.press("p")
        await app.until(pilot, lambda: any("is queued to start" in text for text in app.said))
    assert [entry.run for entry in waiting_entries(lab.store.root)] == [run.id]
    assert failed_entries(lab.store.root) == ()


async def test_a_run_that_is_finished_is_told_so(tmp_path: Path, woken: list[Path]) -> None:
    lab = lab_at(tmp_path, CATALOG)
    write_run(lab.store.root / "Digits" / "Dropout" / "s0", launch=make_launch(), result=make_result())
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=(120, 40)) as pilot:
        await app.settled(pilot, lambda seen: seen.runs)
        await onto_the_run(app, pilot)
        await pilot.press("p")
        await app.until(pilot, lambda: any("has finished: there is nothing to resume" in text for text in app.said))
    assert waiting_entries(lab.store.root) == ()
    assert woken == []


@pytest.mark.parametrize("setting", ["", "no"])
async def test_a_console_that_opens_has_a_queue_go_on_that_stood_still(
    tmp_path: Path, woken: list[Path], monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("LABTUI_RESUME_LOST", setting)
    lab = lab_at(tmp_path, CATALOG)
    lost(lab.store.root)
    enqueue(lab.store.root, lab.store.create(make_spec()), device="cpu", threads=1, data_root=tmp_path)
    app = ConsoleUnderTest(lab, tmp_path / "state", restart_queue=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.until(pilot, lambda: app.said)
    restarted = "queue restarted: 1 run waiting"
    assert app.said == [
        restarted if setting else f"{restarted}, 1 run lost or killed, queued to resume from the last checkpoint"
    ]
    assert woken == [lab.store.root]
