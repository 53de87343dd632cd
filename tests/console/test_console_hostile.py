"""K14: 40 hostile strings in six places; the cursor goes over all of them, and nothing but text is on the screen."""

from pathlib import Path

import pytest

from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text
from tests.support.hostile import FORBIDDEN, HOSTILE, plant


@pytest.mark.timeout(300)
async def test_nothing_hostile_in_six_places_is_on_the_screen_and_the_console_lives_on(tmp_path: Path) -> None:
    plant(tmp_path, HOSTILE)
    lab = lab_at(tmp_path, (tmp_path / "experiments.toml").read_text("utf-8"))
    app = ConsoleUnderTest(lab, tmp_path / "state")
    seen: set[str] = set()
    async with app.run_test(size=(160, 48)) as pilot:
        await app.settled(pilot, lambda snapshot: len(snapshot.runs) == len(HOSTILE))
        await pilot.press("g")
        for _ in range(len(lab.catalog.variants) + len(HOSTILE) + 2):
            run = app.screen.selection.run
            if run is not None:
                await app.until(pilot, lambda: " end" in screen_text(app))
                seen.add(run.id)
            found = FORBIDDEN.search(screen_text(app).replace("\n", ""))
            assert not found, screen_text(app)
            await pilot.press("j")
        assert app.is_running
    assert len(seen) == len(HOSTILE)
