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
    "launch": "The launch dialog: what is to run, and the plan before anything starts.",
}

HEAD = """\
# The console

Written by `python -m labtui.console.docs_page`; a test holds it equal to the keys that the console has.

`labtui` opens it on the runs folder beside the catalog, `labtui --runs DIR` on any other; a folder that another tool
wrote is only read. It shows what the run folders say and holds nothing else: quit it, open it elsewhere, it is all
there. Quitting stops nothing; what goes on is said, and the next console tells what happened meanwhile.

A letter before a row (`A` … `Z`) is a mark: marked rows have the same letter and colour in the list, the charts and the
comparison. A `!` behind a difference says that it may come from something else than the declared factor; `M` leads to
a baseline that it can fairly be compared with. A figure in the colour of the accent is of a run under way.

Under 100 columns panes lie over each other, and lose what can be had by a key. `--ascii` (or `LABTUI_ASCII=1`) draws
with ASCII alone, `NO_COLOR` without colours, `--no-mouse` leaves the mouse to the terminal; with the mouse taken,
Shift and drag select text. Filter, order, marks, theme and axes are remembered per runs folder, in
`$XDG_STATE_HOME/labtui`, never in the runs folder.

`$XDG_CONFIG_HOME/labtui/keys.toml` changes keys, one line per command, by the ids below and in Textual's names of
keys:

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
