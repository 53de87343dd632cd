"""The least that a Textual app can be: what a first paint costs before anything is shown."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """A line of text."""

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("ready")


if __name__ == "__main__":
    Bare().run()
