"""The command table as Textual's bindings."""

from textual.binding import Binding, BindingType

from labtui.console.commands import COMMANDS, EVERYWHERE, Command


def bindings(screen: str) -> list[BindingType]:
    """The bindings of one screen."""
    return [_binding(command) for command in COMMANDS if screen in command.where]


def everywhere() -> list[BindingType]:
    """The bindings of the app."""
    return [_binding(command) for command in COMMANDS if EVERYWHERE in command.where]


def _binding(command: Command) -> Binding:
    return Binding(
        command.keys,
        command.action,
        command.label,
        show=False,
        priority=command.at_once,
        tooltip=command.help,
        id=command.id,
        system=False,
    )
