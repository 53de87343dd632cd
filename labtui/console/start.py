"""Opening the app in this process."""

import os

from labtui.api import Lab
from labtui.console.app import LabtuiApp, Settings

SIZE = ("COLUMNS", "LINES")
"""Where a shell that exports its size says what that was; the terminal itself knows what it is."""


def run_app(lab: Lab, *, theme: str, ascii_only: bool, mouse: bool) -> int:
    """Run the app until it ends; its exit code."""
    for name in SIZE:
        os.environ.pop(name, None)
    app = LabtuiApp(lab, Settings(theme=theme, ascii_only=ascii_only, wake_queue=True))
    app.run(mouse=mouse)
    return app.return_code or 0
