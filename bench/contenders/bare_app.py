"""A minimal Textual app: the lower bound for the time to the first paint."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class BareApp(App[None]):
    """A line of text."""

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static("ready")


if __name__ == "__main__":
    BareApp().run()
