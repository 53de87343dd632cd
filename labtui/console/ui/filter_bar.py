"""A field on the last line that filters what the screen shows while one types."""

from abc import abstractmethod

from textual import on
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

PLACEHOLDER = "words, /regex/, -without  Enter keeps, Esc clears"


class Filtering(Screen[None]):
    """The screen yields `filter_field()`, says what is filtered, and asks `leave_filter` before it steps out."""

    @property
    @abstractmethod
    def filtered_pane(self) -> Widget:
        """What takes the focus back."""

    @abstractmethod
    def filter_by(self, words: str) -> None:
        """Show what passes."""

    def filter_field(self, placeholder: str = PLACEHOLDER) -> Input:
        """The field, hidden until it is asked for."""
        return Input(id="filter", placeholder=placeholder)

    def fill_filter(self, words: str) -> None:
        """Begin with a filter that was remembered."""
        self.query_one("#filter", Input).value = words

    @property
    def filter_words(self) -> str:
        """What stands in the field."""
        return self.query_one("#filter", Input).value

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where a field has the focus, the key that asks for a filter is text."""
        if action == "filter" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        """Ask for a filter. The field has the focus before the next key is looked at."""
        self.add_class("-filtering")
        self.set_focus(self.query_one("#filter"))

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self.filter_by(event.value)

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self.remove_class("-filtering")
        self.filtered_pane.focus()

    def leave_filter(self) -> bool:
        """Clear the filter and hide its field; whether there was one."""
        if not self.has_class("-filtering") and not self.filter_words:
            return False
        self.query_one("#filter", Input).value = ""
        self._filter_kept()
        return True
