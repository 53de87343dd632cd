"""The filter language of lists, tables and logs: words, regular expressions and states, all of which must match."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from labtui.store.state import State


@dataclass(frozen=True, slots=True)
class Searched:
    """What a filter searches."""

    text: str
    states: frozenset[str] | None = None
    """None if it has no states, as a line of a log: then the names of states are words."""


_TERMS = re.compile(r"[-!]?/.+?/(?=\s|$)|\S+")

Matcher = Callable[[Searched], bool]


def parse_filter(text: str) -> Matcher:
    """The test of a filter such as `adam -sgd /0\\.0+1/ state:running`.

    Words match anywhere, `-` excludes, slashes enclose a regular expression (it may contain blanks), and the name of a
    state alone means the state. A regular expression that does not compile is searched for literally.
    """
    tests = [_term(term) for term in _TERMS.findall(text)]
    return lambda searched: all(test(searched) for test in tests)


def _term(term: str) -> Matcher:
    if len(term) > 1 and term[0] in "-!":
        inner = _term(term[1:])
        return lambda searched: not inner(searched)
    name = term.casefold().removeprefix("state:")
    if name in set(State) or term.casefold().startswith("state:"):
        return lambda searched: (
            term.casefold() in searched.text.casefold()
            if searched.states is None
            else any(state.startswith(name) for state in searched.states)
        )
    if len(term) > 2 and term[0] == term[-1] == "/":
        return _expression(term[1:-1])
    return lambda searched: term.casefold() in searched.text.casefold()


def _expression(source: str) -> Matcher:
    try:
        pattern = re.compile(source, re.IGNORECASE)
    except re.error:
        return lambda searched: source.casefold() in searched.text.casefold()
    return lambda searched: pattern.search(searched.text) is not None
