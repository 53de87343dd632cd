"""docs/console.md, written from the command table: `python -m labtui.console.docs_page > docs/console.md`."""

import sys
from collections.abc import Iterable, Iterator

from labtui.console.commands import EVERYWHERE, Command, commands
from labtui.console.help import MOVES, keys_of

SCREENS = {
    "main": "Experiments and runs, live charts of what is marked or under the cursor, its log, the machine.",
    "charts": "Charts on the whole screen: one metric of several runs, with a crosshair that reads all of them.",
    "run": "One run: overview, curves, test images, spec, log.",
    "compare": "The comparison: the rows of `labtui compare`.",
    "launch": "The launch dialog: what to run, with a preview of the plan before anything starts.",
}

HEAD = """\
# The console

Written by `python -m labtui.console.docs_page`; a test checks that it matches the keys of the console.

`labtui` opens the console on the runs folder beside the catalog, `labtui --runs DIR` on any other; a folder that
another tool wrote is only read. The console shows what the run folders contain and keeps nothing else: close it, open
it on another machine, and everything is there. Quitting stops no run. The console says what is still running when you
quit, and the next one says what happened in the meantime.

A letter before a row (`A` … `Z`) is a mark: marked rows have the same letter and colour in the list, the charts and
the comparison. A `!` after a difference means that something other than the declared factor may have caused it; `M`
opens the comparison with a matched baseline. A figure in the accent colour belongs to a run that is still active.

Below 100 columns, panes are stacked and less important ones are hidden; a key shows each of them. `--ascii` (or
`LABTUI_ASCII=1`) draws with ASCII characters only, `NO_COLOR` without colours, and `--no-mouse` does not capture the
mouse. While the console uses the mouse, select text with Shift and drag. Filter, sort order, marks, theme and
axes are remembered per runs folder, in `$XDG_STATE_HOME/labtui`, never in the runs folder itself.

To change keys, write one line per command into `$XDG_CONFIG_HOME/labtui/keys.toml`, with the ids below and Textual's
key names:

```toml
stop = "X"
"zoom.in" = "plus,i"
```
"""


def main() -> None:
    """Write the page to stdout."""
    sys.stdout.write(page())


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for screen, about in SCREENS.items():
        own = (command for command in commands(screen) if EVERYWHERE not in command.where)
        parts += [f"## {screen.capitalize()}\n\n{about}\n", _table(own)]
    everywhere = (command for command in commands("main") if EVERYWHERE in command.where)
    moves = "\n".join(f"| `{_quoted(keys)}` | {text} |" for keys, _, text in MOVES)
    parts += ["## Everywhere\n", _table(everywhere), f"| moving | |\n| --- | --- |\n{moves}\n"]
    return "\n".join(parts)


def _table(found: Iterable[Command]) -> str:
    return "\n".join(["| keys | | id |", "| --- | --- | --- |", *_rows(found)]) + "\n"


def _rows(found: Iterable[Command]) -> Iterator[str]:
    for command in found:
        keys = " ".join(f"`{_quoted(key)}`" for key in keys_of(command, {}).split())
        yield f"| {keys} | {command.help} | `{command.id}` |"


def _quoted(key: str) -> str:
    """A bar would end the cell."""
    return key.replace("|", "\\|")


if __name__ == "__main__":
    main()
