"""Writes docs/command-line.md from the commands: `python -m labtui.cli.docs_page > docs/command-line.md`."""

import sys
from collections.abc import Iterator

import click

from labtui.cli.main import group

WIDTH = 100

HEAD = """\
# The command line

Written by `python -m labtui.cli.docs_page`; a test holds it equal to what `--help` says.

stdout is the answer, stderr is the talk. Without a terminal there are no escape codes and no carriage returns, and
nothing is asked. `NO_COLOR` is respected. Flags that say where to look or how to answer (`--runs`, `--catalog`,
`--data`, `--json`, `--quiet`, `--dry-run`) may stand before the command or after it.

| exit code | meaning |
| --- | --- |
| 0 | all well |
| 1 | a run failed or diverged |
| 2 | usage, or a problem in the catalog |
| 3 | the environment: data, device, disk, a broken torchvision; mend it and try again |
| 4 | a comparison that `compare --assert` demanded does not hold |
| 130 | interrupted by Ctrl-C |
| 143 | ended by SIGTERM |

| variable | stands for |
| --- | --- |
| `LABTUI_CATALOG` | `--catalog` |
| `LABTUI_RUNS` | `--runs` |
| `LABTUI_DATA` | `--data` |
"""


def main() -> None:
    """Write the page to stdout."""
    sys.stdout.write(page())


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections(group, None, "labtui")]) + "\n"


def _sections(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **settings)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {context.command_path}\n\n```\n{text}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _sections(found, context, inner)


if __name__ == "__main__":
    main()
