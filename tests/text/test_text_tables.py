"""Tables that are laid out to a width."""

from labtui.text.tables import Column, lay_out

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
