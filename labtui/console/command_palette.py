"""The command palette, from the command table: every action of the screen by its name."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from labtui.console.commands import Command, commands

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen


def system_commands(screen: "Screen[object]") -> Iterable[SystemCommand]:
    """What the palette offers on a screen."""
    for command in commands(name_of(screen)):
        node = actor(screen, command)
        if node is not None:
            yield SystemCommand(f"{command.label}  ({command.key})", command.help, _call(node, command))


def name_of(screen: "Screen[object]") -> str:
    """How the command table calls a screen: `main` for MainScreen."""
    return type(screen).__name__.removesuffix("Screen").casefold()


def actor(screen: "Screen[object]", command: Command) -> "DOMNode | None":
    """Who has the action: the widget with the focus, the screen, one of its widgets, the app."""
    name = f"action_{command.action.partition('(')[0]}"
    nodes = [node for node in (screen.focused, screen) if node is not None]
    return next((node for node in (*nodes, *screen.query("*"), screen.app) if hasattr(node, name)), None)


def _call(node: "DOMNode", command: Command) -> Callable[[], object]:
    return lambda: node.app.call_next(node.app.run_action, command.action, node)
