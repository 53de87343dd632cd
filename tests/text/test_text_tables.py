"""Tables that are laid out to a width."""

from labtui.text.spans import Span, plain
from labtui.text.tables import Column, align, lay_out

COLUMNS = (
    Column("name", key="name", width=4, grows=True, full=12),
    Column("seeds", key="n", width=5),
    Column("quiet", key="quiet", width=5, rank=1, optional=True),
)


def test_an_optional_column_is_left_out_before_a_name_is_cut() -> None:
    for width, keys in ((24, ["name", "n", "quiet"]), (23, ["name", "n"]), (12, ["name", "n"])):
        assert [column.key for column, _ in lay_out(COLUMNS, width)] == keys


def test_the_column_that_grows_takes_what_is_left() -> None:
    assert [width for _, width in lay_out(COLUMNS, 40)] == [28, 5, 5]


def test_a_table_on_a_terminal_never_wraps_because_of_a_long_name():
    columns = (Column("RUN", middle=True), Column("STATE"), Column("REASON"))
    rows = [[Span(f"logs/{'long' * 20}/version_{seed}"), Span("quiet"), Span("")] for seed in range(2)]
    for width in (60, 80):
        shown = [plain(line) for line in align(columns, rows, width=width)]
        assert max(map(len, shown)) <= width
        assert [line.split()[0][-10:] for line in shown[1:]] == ["/version_0", "/version_1"]
    assert all(len(plain(line)) > 80 for line in align(columns, rows)[1:]), "without a terminal nothing is cut"
