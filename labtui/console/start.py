"""Opening the app in this process."""

from labtui.console.app import LabtuiApp, Settings
from labtui.plan import Lab


def run_app(lab: Lab, *, theme: str, ascii_only: bool, mouse: bool) -> int:
    """Run the app until it ends; its exit code."""
    app = LabtuiApp(lab, Settings(theme=theme, ascii_only=ascii_only, wake_queue=True))
    app.run(mouse=mouse)
    return app.return_code or 0
