"""Textual's driver of this terminal, which writes fewer bytes."""

from typing import Any

from textual.driver import Driver

from labtui.console.terminal.sgr import Thrift


def thrifty(driver: type[Driver]) -> type[Driver]:
    """The same driver, with what it writes thinned."""

    class ThriftyDriver(driver):  # type: ignore[misc, valid-type]  # which driver fits is found out at run time
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            self._thrift = Thrift()
            super().__init__(*arguments, **settings)

        def start_application_mode(self) -> None:
            """Begin, or begin again after Ctrl-Z: who knows how the terminal draws now."""
            self._thrift = Thrift()
            super().start_application_mode()

        def write(self, data: str) -> None:
            """Write it in fewer bytes."""
            super().write(self._thrift.thin(data))

    return ThriftyDriver
