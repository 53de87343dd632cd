"""The filter of a list: words, regular expressions and states, all of which must match."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from labtui.store.state import State


@dataclass(frozen=True, slots=True)
class Fields:
    """What a filter looks at."""

    text: str
    states: frozenset[str] = frozenset()


Test = Callable[[Fields], bool]


def parse(text: str) -> Test:
    """`adam -sgd /0\\.0+1/ state:running`: words are found anywhere, `-` excludes, slashes hold a regular expression.

    The name of a state alone means the state. A regular expression that does not compile is searched for as it stands.
    """
    tests = [_term(term) for term in text.split()]
    return lambda fields: all(test(fields) for test in tests)


def _term(term: str) -> Test:
    if len(term) > 1 and term[0] in "-!":
        inner = _term(term[1:])
        return lambda fields: not inner(fields)
    name = term.casefold().removeprefix("state:")
    if name in set(State) or term.casefold().startswith("state:"):
        return lambda fields: any(state.startswith(name) for state in fields.states)
    if len(term) > 2 and term[0] == term[-1] == "/":
        return _expression(term[1:-1])
    return lambda fields: term.casefold() in fields.text.casefold()


def _expression(source: str) -> Test:
    try:
        pattern = re.compile(source, re.IGNORECASE)
    except re.error:
        return lambda fields: source.casefold() in fields.text.casefold()
    return lambda fields: pattern.search(fields.text) is not None
