"""In which line a key stands: the same keys as the parser finds, each in a line that holds it."""

import json
from typing import Any

import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.catalog.line_numbers import first_lines, occurrences

names = st.from_regex(r"[A-Za-z0-9_-]{1,6}|[a-z ]{0,3}[.=\[{#'\"][a-z ]{0,3}", fullmatch=True)
scalars = st.one_of(
    st.integers(-9, 9),
    st.floats(-9, 9).map(lambda number: round(number, 3)),
    st.booleans(),
    st.text("ab\"'#[]{}=,.\n\\", max_size=6),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
documents = st.dictionaries(names, st.dictionaries(names, values, max_size=4), min_size=1, max_size=4)


def key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    return name if plain else json.dumps(name)


def inline(value: Any, draw: Any) -> str:
    gap = draw(st.sampled_from(["", " ", "\n", "  # ] } , = ' \"\n\n"]))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(name)} = {inline(item, draw)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + gap + f",{gap}".join(inline(item, draw) for item in value) + gap + "]"
    if isinstance(value, str) and "'''" not in value and not value.endswith("'") and draw(st.booleans()):
        return f"'''{value}'''"
    return json.dumps(value)


def written(document: dict[str, Any], draw: Any) -> str:
    """A document in one of the layouts that TOML allows."""
    lines: list[str] = []
    for name, table in document.items():
        as_header = draw(st.booleans()) or not table or any("[" in line for line in lines)
        if as_header:
            lines.append(f"[ {key(name)} ]  # ]")
        for child, value in table.items():
            lines.append(f"{'' if as_header else key(name) + ' . '}{key(child)} = {inline(value, draw)}  # =")
        lines.append("")
    return "\n".join(lines) + "\n"


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for name, item in below for one in ((*at, name), *paths(item, (*at, name)))]


@settings(deadline=None)
@given(documents, st.data())
def test_every_key_that_the_parser_finds_has_a_line_that_holds_it(
    document: dict[str, Any], data: st.DataObject
) -> None:
    text = written(document, data.draw)
    parsed = tomli.loads(text)
    found = first_lines(text)
    rows = text.split("\n")
    assert set(found) == set(paths(parsed))
    for at, line in found.items():
        if isinstance(at[-1], str):
            assert key(at[-1]) in rows[line - 1]


@settings(deadline=None)
@given(st.text("ab=[]{}'\"#.,\n\\ 1", max_size=60))
def test_no_text_takes_for_ever(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for _, line in occurrences(text))


def test_headers_of_lists_lead_on_into_their_last_table() -> None:
    text = "[a]\n[[a.b]]\nc = 1\n[[a.b]]\n[a.b.d]\ne = 2\n"
    assert first_lines(text) == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 2,
        ("a", "b", 0, "c"): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "d"): 5,
        ("a", "b", 1, "d", "e"): 6,
    }
