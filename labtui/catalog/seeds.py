"""Seeds from a count, a list, or text such as `3`, `0,4,7` and `0-4`."""

import re
from collections.abc import Iterable
from typing import Any

from labtui.catalog.words import shown
from labtui.errors import UsageError
from labtui.text.clean import clean_line

MOST_SEEDS = 1_000
LARGEST_SEED = 2**32 - 1

_ALLOWED = "a count such as 3 (for 0, 1 and 2), a list such as 0,4,7, or a range such as 0-4"
_PART = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?\Z", re.ASCII)


def parse_seeds(text: str) -> tuple[int, ...]:
    """`3` means 0, 1, 2; `0,4,7` and `0-4` list them, and can be mixed; `7,` is seed 7 alone. Raises UsageError."""
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        return _counted(stripped)
    seeds: list[int] = []
    for part in stripped.removesuffix(",").split(","):
        match = _PART.match(part.replace(" ", ""))
        if match is None:
            raise UsageError(f"{shown(text)} is not a list of seeds. Allowed: {_ALLOWED}.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"{shown(part.strip())} is in the wrong order: write {last}-{first}.")
        if last - first >= MOST_SEEDS:
            raise UsageError(
                f"{shown(part.strip())} is {last - first + 1:,} seeds: at most {MOST_SEEDS:,} are allowed."
            )
        seeds.extend(range(first, last + 1))
    return _sound(seeds)


def read_seeds(value: int | str | Iterable[int]) -> tuple[int, ...]:
    """The seeds of a catalog's `seeds` key: a count, a list or text. Raises UsageError."""
    if isinstance(value, str):
        return parse_seeds(value)
    if isinstance(value, int):
        return _counted(value)
    return _sound(value)


def _counted(count: int | str) -> tuple[int, ...]:
    number = int(count) if len(str(count)) <= 9 else 10**9
    if not 1 <= number <= MOST_SEEDS:
        hint = " Seed 0 alone is 0-0, or [0] in the catalog." if number == 0 else ""
        raise UsageError(
            f"{clean_line(str(count), 40)} seeds are not allowed. Allowed: a count from 1 to {MOST_SEEDS:,}.{hint}"
        )
    return tuple(range(number))


def _sound(seeds: Iterable[Any]) -> tuple[int, ...]:
    found = tuple(seeds)
    if not found:
        raise UsageError(f"there are no seeds. Allowed: {_ALLOWED}.")
    if len(found) > MOST_SEEDS:
        raise UsageError(f"{len(found):,} seeds are not allowed: at most {MOST_SEEDS:,}.")
    for seed in found:
        if not 0 <= seed <= LARGEST_SEED:
            raise UsageError(f"{shown(seed)} is not a seed: a whole number from 0 to {LARGEST_SEED:,}.")
    if len(set(found)) < len(found):
        twice = next(seed for seed in found if found.count(seed) > 1)
        raise UsageError(f"seed {twice} is listed twice: each seed makes one run.")
    return found
