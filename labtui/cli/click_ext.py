"""What labtui adds to click: commands imported when called, examples in the help, shared flags on either side.

`labtui --json ps` and `labtui ps --json` mean the same: the group notes the flags given before the command's name, and
the command takes them as defaults. A flag that the command does not have, and that would change what it does, is
refused: `labtui --dry-run rm RUN` must not remove anything.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

GIVEN = "labtui.given"
"""The key in click's context of the flags before the command's name."""

HELP = {"help_option_names": ["-h", "--help"]}

IGNORABLE = frozenset({"headless", "catalog", "runs", "data"})
"""Flags that say where to look; a command that does not look there may ignore them."""


class LabCommand(click.Command):
    """A command with examples, whose flags may also stand before its name."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **{"context_settings": HELP, **settings})
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the flags before the command's name as defaults, then parse. Refuses an option that is given twice."""
        _inherit_flags(ctx, self)
        if not ctx.resilient_parsing:
            _refuse_repetition(ctx, self, args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, without rewrapping them."""
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)


class LabGroup(click.Group):
    """A group whose commands are imported when they are called, and listed by section.

    `lazy` maps a command's name to `module:attribute`; `sections` says in which order the help lists them.
    """

    command_class = LabCommand

    def __init__(
        self,
        *arguments: Any,
        lazy: Mapping[str, str] | None = None,
        sections: Mapping[str, Sequence[str]] | None = None,
        examples: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **{"context_settings": HELP, **settings})
        self.lazy = dict(lazy or {})
        self.sections = dict(sections or {})
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command's name. Refuses one that is given twice."""
        if not ctx.resilient_parsing:
            _refuse_repetition(ctx, self, args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        ordered = [name for names in self.sections.values() for name in names]
        return ordered or [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if it was not."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises click.UsageError with the commands of a similar name."""
        name = args[0] if args else ""
        if not ctx.resilient_parsing and name and self.get_command(ctx, name) is None:
            raise click.UsageError(f"There is no command {name!r}.{self._suggestion(ctx, name)}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands section by section."""
        if not self.sections:
            super().format_commands(ctx, formatter)
        for section, names in self.sections.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(section):
                formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in commands if command])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, without rewrapping them."""
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)

    def _suggestion(self, ctx: click.Context, name: str) -> str:
        import difflib

        nearest = difflib.get_close_matches(name, self.list_commands(ctx), n=3, cutoff=0.5)
        return f" Did you mean {' or '.join(nearest)}?" if nearest else " `labtui --help` lists all commands."


def _write_examples(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    lines = list(examples)
    if lines:
        with formatter.section("Examples"):
            for line in lines:
                formatter.write(f"  {line}\n")


def _refuse_repetition(ctx: click.Context, command: click.Command, args: Sequence[str]) -> None:
    """Raises click.UsageError for an option with one value that is given twice: click would take the last silently."""
    _, _, given = command.make_parser(ctx).parse_args(args=list(args))
    for parameter in given:
        single = isinstance(parameter, click.Option) and not (
            parameter.multiple or parameter.is_flag or parameter.count
        )
        if single and given.count(parameter) > 1:
            raise click.UsageError(f"{max(parameter.opts, key=len)} is given twice.", ctx=ctx)


def _inherit_flags(ctx: click.Context, command: click.Command) -> None:
    given: dict[str, Any] = ctx.meta.get(GIVEN, {})
    own = {parameter.name for parameter in command.params}
    for name in given:
        if name not in own and name not in IGNORABLE:
            raise click.UsageError(f"`{ctx.command_path}` has no --{name.replace('_', '-')}.", ctx=ctx)
    ctx.default_map = {**given, **(ctx.default_map or {})}
