"""Marks: a letter A to Z for what is laid over each other in charts and tables, kept while other marks come and go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase


@dataclass(frozen=True, slots=True)
class Marks:
    """Letters by key of an entry; a value: marking gives a new one."""

    letters: tuple[tuple[str, str], ...] = ()
    """(letter, key), in the order of the alphabet."""

    def letter(self, key: str) -> str:
        """The letter of a key; empty where it has none."""
        return next((letter for letter, marked in self.letters if marked == key), "")

    @property
    def keys(self) -> tuple[str, ...]:
        """The marked keys in the order of their letters."""
        return tuple(key for _, key in self.letters)

    def toggled(self, key: str) -> "Marks":
        """With this key marked by the first free letter, or no longer; the same where all 26 are taken."""
        if self.letter(key):
            return Marks(tuple(pair for pair in self.letters if pair[1] != key))
        taken = {letter for letter, _ in self.letters}
        free = next((letter for letter in ascii_uppercase if letter not in taken), "")
        return Marks(tuple(sorted((*self.letters, (free, key))))) if free else self

    def kept(self, keys: Iterable[str]) -> "Marks":
        """Without those whose key is no longer there."""
        there = set(keys)
        return Marks(tuple(pair for pair in self.letters if pair[1] in there))

    def as_dict(self) -> dict[str, str]:
        """Letter to key, for keeping."""
        return dict(self.letters)

    @classmethod
    def from_mapping(cls, letters: Mapping[str, str]) -> "Marks":
        """What `as_dict` gave, with anything that is no letter left out."""
        good = {letter: key for letter, key in letters.items() if len(letter) == 1 and letter in ascii_uppercase}
        return cls(tuple(sorted(good.items())))


def ink_of(letter: str) -> int:
    """The series colour of a letter: the same in list, charts and tables."""
    from labtui.console.palettes import SERIES

    return (ord(letter) - ord("A")) % SERIES if letter else 0
