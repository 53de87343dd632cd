"""Tags in the console: the key, the column, the filter."""

from pathlib import Path

from textual.widgets import Input

from labtui.console.experiments.entries import EntryBuilder
from labtui.console.experiments.entry import ListOptions
from labtui.console.experiments.rows import COLUMNS, with_tags
from labtui.text.spans import Span
from labtui.text.tables import TableRow
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text
from tests.support.console.builders import FakeCatalog, msgspec_replace, run, snapshot
from tests.support.samples import make_result, make_spec, write_run


def test_the_filter_finds_runs_by_their_tags_and_without_them() -> None:
    tagged, plain = msgspec_replace(run("dropout"), tags=("paper", "final")), run("network")
    builder = EntryBuilder(FakeCatalog("network", "dropout"))

    def found(text: str) -> list[str]:
        return [entry.title for entry in builder.entries(snapshot(tagged, plain), ListOptions(filter=text))]

    assert found("tag:paper") == ["Dropout"]
    assert found("-tag:paper") == ["Network"]
    assert found("tag:paper tag:final") == ["Dropout"]


def test_there_is_a_column_of_tags_only_where_a_run_has_one() -> None:
    assert with_tags(COLUMNS, [TableRow("a", {})]) == COLUMNS
    rows = [TableRow("a", {"tags": (Span("paper final"),)})]
    shown = with_tags(COLUMNS, rows)
    assert [column.key for column in shown][1:4] == ["name", "tags", "state"]
    assert shown[2].width == len("paper final")


async def test_the_tag_key_asks_for_words_and_shows_them_beside_the_run(tmp_path: Path) -> None:
    lab = lab_at(tmp_path)
    folder = lab.store.root / "Digits" / "Dropout" / "s0-1"
    write_run(folder, spec=make_spec(), result=make_result(), attempt=1)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=(160, 48)) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("#")
        app.screen.query_one(Input).value = "+paper draft"
        await pilot.press("enter")
        await app.settled(pilot, lambda shot: shot.runs[0].tags == ("paper", "draft"))
        assert "paper draft" in screen_text(app)
        await pilot.press("#")
        app.screen.query_one(Input).value = "-draft"
        await pilot.press("enter")
        await app.settled(pilot, lambda shot: shot.runs[0].tags == ("paper",))
