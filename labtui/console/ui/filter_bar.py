"""A field on the last line that filters a pane of its screen while the user types."""

from textual import on
from textual.actions import SkipAction
from textual.widgets import Input


class FilterBar(Input):
    """Hidden until `open`; the screen handles its `Changed`. Enter hides it and keeps the filter."""

    DEFAULT_CSS = """
    FilterBar, FilterBar:focus { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    FilterBar.-open { display: block; }
    """

    def __init__(self, filtered: str | None, *, placeholder: str) -> None:
        """`filtered` selects the pane that gets the focus when the bar is closed; None leaves it to the screen."""
        super().__init__(id="filter", placeholder=placeholder)
        self._filtered = filtered

    @property
    def is_open(self) -> bool:
        """Whether it is in sight."""
        return self.has_class("-open")

    def open(self) -> None:
        """Show the bar and focus it before the next key is handled. In a text field, the key of this action is text."""
        if isinstance(self.screen.focused, Input):
            raise SkipAction
        self.add_class("-open")
        self.screen.set_focus(self)

    def clear_and_close(self) -> bool:
        """Clear the filter and hide the bar. Returns whether there was anything to clear or hide."""
        if not self.is_open and not self.value:
            return False
        self.value = ""
        self.close()
        return True

    @on(Input.Submitted)
    def close(self) -> None:
        """Hide the bar, keep the filter, and focus what it filters."""
        self.remove_class("-open")
        if self._filtered is None:
            self.screen.set_focus(None)
        else:
            self.screen.query_one(self._filtered).focus()
