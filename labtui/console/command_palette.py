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
        node = action_node(screen, command)
        if node is not None:
            yield SystemCommand(f"{command.label}  ({command.key})", command.help, _call(node, command))


def name_of(screen: "Screen[object]") -> str:
    """The name of a screen in the command table: `main` for MainScreen."""
    return type(screen).__name__.removesuffix("Screen").casefold()


def action_node(screen: "Screen[object]", command: Command) -> "DOMNode | None":
    """The node that has the action: the focused widget, the screen, one of its widgets, or the app."""
    target, _, action = command.action.partition("(")[0].rpartition(".")
    name = f"action_{action}"
    here = () if target == "app" else (*filter(None, (screen.focused,)), screen, *screen.query("*"))
    return next((node for node in (*here, screen.app) if hasattr(node, name)), None)


def _call(node: "DOMNode", command: Command) -> Callable[[], object]:
    return lambda: node.app.call_next(node.app.run_action, command.action, node)
