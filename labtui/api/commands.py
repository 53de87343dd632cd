"""A command that is run without a catalog: `labtui run -- python train.py --lr 0.1`."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from labtui.api.lab import Lab
from labtui.api.planning import LaunchPlan, planned_run, same_recipe
from labtui.api.sources import with_sources
from labtui.errors import UsageError
from labtui.program import uses_seed
from labtui.spec import ProgramSpec
from labtui.text.words import plural

GROUP = "Commands"
"""The first folder below `runs/` of commands that no catalog names."""

_INTERPRETERS = re.compile(r"(python|pypy|bash|sh|uv|poetry|torchrun|accelerate|node|Rscript|julia)[\d.]*\Z")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


def plan_command(lab: Lab, words: Sequence[str], folder: Path, *, seeds: Sequence[int], device: str) -> LaunchPlan:
    """Plan a command in a folder, once per seed.

    It may contain placeholders such as `{seed}` and `{run_dir}`. Raises UsageError if it is empty, or if there are
    several seeds and nothing passes them on.
    """
    if not words:
        raise UsageError("There is no command after --.", advice="Example: labtui run -- python train.py --lr 0.1")
    title = command_title(words)
    spec = with_sources(
        ProgramSpec(experiment=title, title=title, group=GROUP, seed=0, run=shlex.join(words)), folder, strict=True
    )
    if len(seeds) > 1 and not uses_seed(spec):
        raise UsageError(
            f"{plural(len(seeds), 'seed')} would train the same thing: the command does not contain {{seed}}.",
            advice="Example: labtui run --seeds 3 -- python train.py --seed {seed}",
        )
    past = lab.store.scan()
    same = same_recipe(spec, past)
    runs = (msgspec.structs.replace(spec, seed=seed) for seed in seeds)
    return LaunchPlan(tuple(planned_run(one, past, same, device) for one in runs), ())


def command_title(words: Sequence[str]) -> str:
    """A name for a command: that of its script, or else of its program."""
    names = [word for word in words if not word.startswith("-")]
    scripts = [word for word in names if os.path.splitext(word)[1] in (".py", ".sh", ".jl", ".R", ".js")]  # noqa: PTH122
    others = [word for word in names if not _INTERPRETERS.match(Path(word).name)]
    chosen = Path((scripts or others or names or ["command"])[0]).stem
    return _UNFIT.sub("_", chosen).strip("_-")[:60] or "command"
