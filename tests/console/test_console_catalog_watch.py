"""A console tells when the catalog is no longer what it lists."""

from pathlib import Path

import pytest

from labtui.console.data.poller import CatalogWatch
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "experiments.toml"
    path.write_text("[defaults]\n", "utf-8")
    return path


def test_nothing_is_said_of_a_catalog_that_stays_as_it_was(catalog: Path) -> None:
    watch = CatalogWatch(catalog)
    catalog.read_bytes()
    assert watch.notices() == ()


def test_a_changed_a_replaced_and_a_removed_catalog_are_reported(catalog: Path) -> None:
    watch = CatalogWatch(catalog)
    catalog.write_text("[defaults]\ngroup = 'Other'\n", "utf-8")
    assert "experiments.toml has changed" in watch.notices()[0]
    same_size = catalog.with_name("new.toml")
    same_size.write_text("[defaults]\n", "utf-8")
    same_size.replace(catalog)
    assert "experiments.toml has changed" in watch.notices()[0]
    catalog.unlink()
    assert "experiments.toml no longer exists" in watch.notices()[0]


def test_a_catalog_that_appears_is_reported(catalog: Path) -> None:
    catalog.unlink()
    watch = CatalogWatch(catalog)
    assert watch.notices() == ()
    catalog.write_text("", "utf-8")
    assert "has changed" in watch.notices()[0]


def test_an_edit_of_the_code_beside_the_catalog_is_reported(catalog: Path) -> None:
    (catalog.parent / "lab").mkdir()
    (catalog.parent / "lab" / "models.py").write_text("a = 1\n", "utf-8")
    watch = CatalogWatch(catalog)
    assert watch.notices() == ()
    (catalog.parent / "lab" / "models.py").write_text("a = 12\n", "utf-8")
    assert watch.notices() == ("lab/ has changed: reopen the console to use it; runs and queue continue.",)


async def test_an_open_console_reports_that_its_catalog_changed_and_continues(tmp_path: Path) -> None:
    lab = lab_at(tmp_path)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=(160, 48)) as pilot:
        await app.until(pilot, lambda: app.snapshot.when)
        lab.catalog.path.write_text("no TOML [[[", "utf-8")
        await app.until(pilot, lambda: "has changed: reopen the console" in screen_text(app))
        await pilot.press("j", "space")
        assert "Dropout" in screen_text(app)
