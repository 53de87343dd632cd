"""`labtui tag`: the words that runs are tagged with."""

import re
from collections import Counter
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import complete_runs, existing_runs_options, json_option
from labtui.cli.streams import put, put_json, put_table, say
from labtui.errors import UsageError
from labtui.store.run_tags import change_tags, require_tag
from labtui.text.tables import Column

if TYPE_CHECKING:
    from labtui.api import Lab

COLUMNS = (Column("TAG"), Column("RUNS", right=True))

_REMOVAL = re.compile(r"-[^\W_][\w.:-]+")
"""`-word`; one letter alone is an option, as everywhere."""


class TagCommand(LabCommand):
    """Takes `-word` for a tag to remove and not for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put tags to remove behind `--`, where click takes nothing for an option."""
        before, rest = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
        removals = [argument for argument in before if _REMOVAL.fullmatch(argument)]
        others = [argument for argument in before if not _REMOVAL.fullmatch(argument)]
        return super().parse_args(ctx, [*others, "--", *removals, *rest])


@click.command(
    cls=TagCommand,
    examples=("labtui tag last +paper", "labtui tag dropout/s0 +final", "labtui tag"),
)
@click.argument("words", nargs=-1, shell_complete=complete_runs, metavar="[RUN]... [+TAG]... [-TAG]...")
@json_option
@existing_runs_options
def tag(lab: "Lab", *, words: tuple[str, ...], json: bool) -> None:
    """Add tags to runs, or remove them. Without tags, list those of RUN; without RUN, all tags.

    A tag is one word of your own. It changes nothing about a run: `labtui ps --tag` and the console filter by it.
    """
    add = [require_tag(word[1:]) for word in words if word.startswith("+")]
    remove = [require_tag(word[1:]) for word in words if word.startswith("-")]
    names = [word for word in words if word[:1] not in ("+", "-")]
    if not names:
        if add or remove:
            raise UsageError("Name the RUN to tag.", advice="`labtui ps` lists the runs.")
        _list_all(lab, json=json)
        return
    runs = list({run.id: run for run in map(lab.store.find, names)}.values())
    for run in runs:
        now = change_tags(run, add=add, remove=remove) if add or remove else run.tags
        if json:
            put_json({"id": run.id, "tags": now})
        else:
            put(f"{run.id}: {' '.join(now) or 'no tags'}")


def _list_all(lab: "Lab", *, json: bool) -> None:
    counts = Counter(word for run in lab.store.scan() for word in run.tags)
    if json:
        for word, number in sorted(counts.items()):
            put_json({"tag": word, "runs": number})
    elif counts:
        put_table(COLUMNS, [(word, str(number)) for word, number in sorted(counts.items())])
    else:
        say(f"No run in {lab.store.root} is tagged. `labtui tag RUN +WORD` tags one.")
