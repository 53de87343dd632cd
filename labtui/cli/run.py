"""`labtui run`: plan, then train in the foreground, or queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.columns import put_table
from labtui.cli.download_progress import shown_transfer
from labtui.cli.format import duration, number, plural
from labtui.cli.options import complete_experiments, json_option, lab_options
from labtui.cli.streams import put_json, say
from labtui.errors import UsageError

if TYPE_CHECKING:
    from labtui.api import Lab, Plan, PlannedRun

HEADER = ("NAME", "RUN", "SEED", "DATA", "IMAGES", "EPOCHS", "STEPS", "TIME")


class JobCount(click.ParamType["int | str"]):
    """A number of runs at once, or `auto`."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """An integer from 1, or "auto"."""
        if value == "auto" or (isinstance(value, int) and value > 0):
            return value  # type: ignore[no-any-return]  # narrowed by the comparison
        if isinstance(value, str) and value.isascii() and value.isdecimal() and int(value[:6]) > 0:
            return int(value[:6])
        return self.fail(f"{value!r} is neither a number from 1 nor `auto`.", param, ctx)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for about how the runs go, apart from what they are."""

    device: str
    jobs: int | None
    json: bool
    quiet: bool


@click.command(
    cls=LabCommand,
    examples=(
        "labtui run dropout",
        "labtui run dropout network --seeds 3 -j auto",
        "labtui run adam@0.001 --epochs 2 --set training.batch_size=256",
        "labtui run dropout --baseline adam@0.001 --until decided -j auto",
        "labtui run --all -d                       queue everything; `labtui ps` watches",
        "labtui run --all --dry-run --json         what would run",
    ),
)
@click.argument("names", nargs=-1, shell_complete=complete_experiments, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every experiment of the catalog.")
@click.option("--seeds", metavar="LIST", help="3 means 0,1,2; also 0,4,7 and 0-4.  [default: the catalog's]")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="This one seed.")
@click.option("--epochs", type=click.IntRange(1, 100_000), metavar="N", help="Short for --set training.epochs=N.")
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Override a key (`labtui show NAME` lists them)."
)
@click.option("--dataset", metavar="NAME", help="Train on this data set, and never fall back from it.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("-j", "--jobs", type=JobCount(), default="1", show_default=True, help="Runs at once.")
@click.option(
    "--until",
    type=click.Choice(["decided"]),
    help="Train seed after seed of each NAME and its baseline until the difference is decided.",
)
@click.option(
    "--max-seeds", type=int, metavar="N", help="With --until: seeds at which it ends at the latest.  [default: 20]"
)
@click.option("--alpha", type=float, metavar="A", help="With --until: accepted share of false claims.  [default: 0.05]")
@click.option(
    "--smallest-effect",
    type=float,
    metavar="D",
    help="With --until: the smallest difference that matters; else the entry's.",
)
@click.option(
    "--baseline", metavar="NAME", help="With --until: compare with this one instead of the declared baselines."
)
@click.option("-d", "--detach", is_flag=True, help="Queue the runs and give the shell back.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run, and nothing more; never touches the network.")
@click.option("-q", "--quiet", is_flag=True, help="Only the table at the end.")
@click.option("--headless", is_flag=True, hidden=True, expose_value=False)
@json_option
@lab_options
def run(
    lab: "Lab",
    *,
    names: tuple[str, ...],
    everything: bool,
    seeds: str | None,
    seed: int | None,
    epochs: int | None,
    assignments: tuple[str, ...],
    dataset: str | None,
    device: str,
    jobs: int | str,
    until: str | None,
    max_seeds: int | None,
    alpha: float | None,
    smallest_effect: float | None,
    baseline: str | None,
    detach: bool,
    dry_run: bool,
    quiet: bool,
    json: bool,
) -> int:
    """Train experiments; on this terminal, or queued with -d.

    NAME is an entry of the catalog (`adam` is all of its members, `adam@0.01` one). Every run goes on if this terminal
    closes. Ctrl-C once stops cleanly: the step is finished and saved; twice ends at once.

    Ends with a comparison of what ran with its baselines. Exit code 0: all well; 1: a run failed or diverged; 2: usage
    or catalog; 3: data, device or disk; 130 and 143: interrupted.

    With --until decided, seeds are trained until a difference to the baseline is decided. The plan is written down
    before the first run, so looking after every seed does not make false claims more frequent. The same command goes on
    with a plan that was interrupted.
    """
    _require_names(lab, names, everything=everything)
    wishes = Wishes(device, None if jobs == "auto" else int(jobs), json, quiet)
    overrides = [*([f"training.epochs={epochs}"] if epochs is not None else []), *assignments]
    _require_device(device, dry_run=dry_run)
    if until is None:
        _refuse_plan_options(max_seeds, alpha, smallest_effect, baseline)
    else:
        if seeds is not None or seed is not None:
            raise UsageError("--until decided chooses the seeds itself, from 0 on: leave out --seeds and --seed.")
        return _run_until(
            lab,
            names,
            overrides,
            dataset,
            wishes,
            max_seeds,
            alpha,
            smallest_effect,
            baseline,
            detach=detach,
            dry_run=dry_run,
        )
    plan = _plan(lab, names, _seeds(seeds, seed), overrides, dataset, wishes, dry_run=dry_run)
    if dry_run:
        _put_plan(plan, json=json)
        return 0
    if detach:
        from labtui.cli.queue import enqueue_all

        return enqueue_all(lab, plan, wishes.device, wishes.jobs, json=json)
    from labtui.cli.training import run_plan

    return run_plan(lab, plan, wishes)


def _refuse_plan_options(*values: float | str | None) -> None:
    options = ("--max-seeds", "--alpha", "--smallest-effect", "--baseline")
    given = [option for option, value in zip(options, values, strict=True) if value is not None]
    if given:
        raise UsageError(f"{', '.join(given)} needs --until decided.", advice="`labtui run --help` describes it.")


def _run_until(
    lab: "Lab",
    names: tuple[str, ...],
    overrides: Sequence[str],
    dataset: str | None,
    wishes: Wishes,
    max_seeds: int | None,
    alpha: float | None,
    smallest_effect: float | None,
    baseline: str | None,
    *,
    detach: bool,
    dry_run: bool,
) -> int:
    from labtui.api.until import PlanRequest
    from labtui.cli.until import run_until_decided
    from labtui.compare.sequential import CAP
    from labtui.compare.statistics import ALPHA

    if smallest_effect is not None and not 0 <= smallest_effect < float("inf"):
        raise UsageError(f"--smallest-effect {smallest_effect:g} is not a difference from 0 on.")
    request = PlanRequest(
        names=names,
        baseline=baseline,
        max_seeds=CAP if max_seeds is None else max_seeds,
        alpha=ALPHA if alpha is None else alpha,
        smallest_effect=smallest_effect,
        overrides=tuple(overrides),
        dataset=dataset,
    )
    return run_until_decided(
        lab,
        request,
        wishes.device,
        wishes.jobs,
        detach=detach,
        dry_run=dry_run,
        json=wishes.json,
        quiet=wishes.quiet,
    )


def _require_names(lab: "Lab", names: Sequence[str], *, everything: bool) -> None:
    if names and everything:
        raise UsageError("--all means every experiment: name none beside it.")
    if not names and not everything:
        known = ", ".join(experiment.name for experiment in lab.catalog.experiments)
        raise UsageError("Name at least one experiment, or say --all.", advice=f"{lab.catalog.path} has: {known}.")


def _require_device(wish: str, *, dry_run: bool) -> None:
    """Before anything is fetched. A plan may be for another machine: the word must name a device, here or not."""
    from labtui.launch.devices import choose, is_device_word

    if not (dry_run and is_device_word(wish)):
        choose(wish)


def _seeds(text: str | None, one: int | None) -> tuple[int, ...] | None:
    from labtui.catalog import parse_seeds

    if text is not None and one is not None:
        raise UsageError("--seed is one seed and --seeds several: give one of the two.")
    return (one,) if one is not None else None if text is None else parse_seeds(text)


def _plan(
    lab: "Lab",
    names: Sequence[str],
    seeds: tuple[int, ...] | None,
    overrides: Sequence[str],
    dataset: str | None,
    wishes: Wishes,
    *,
    dry_run: bool,
) -> "Plan":
    from labtui.api import plan_runs

    with shown_transfer(quiet=wishes.quiet or wishes.json) as progress:
        plan = plan_runs(
            lab,
            names,
            seeds=seeds,
            overrides=overrides,
            dataset=dataset,
            fetch=not dry_run,
            device="" if wishes.device == "auto" else wishes.device,
            progress=progress,
        )
    for notice in plan.notices:
        say(notice)
    return plan


def _put_plan(plan: "Plan", *, json: bool) -> None:
    if json:
        for planned in plan.runs:
            put_json(_as_json(planned))
        return
    rows = [
        (
            planned.spec.name,
            f"{planned.spec.group}/{planned.spec.display_title}",
            str(planned.spec.seed),
            planned.spec.data.name,
            number(planned.images),
            str(planned.spec.training.epochs),
            number(planned.steps),
            duration(planned.estimate),
        )
        for planned in plan.runs
    ]
    put_table(HEADER, rows, right=("SEED", "IMAGES", "EPOCHS", "STEPS", "TIME"))
    total = f", about {duration(plan.estimate)} one after the other" if plan.estimate is not None else ""
    say(f"{plural(len(plan.runs), 'run')}{total}; nothing was started")


def _as_json(planned: "PlannedRun") -> dict[str, Any]:
    spec = planned.spec
    return {
        "run_name": f"{spec.group}/{spec.title}",
        "name": spec.name,
        "title": spec.display_title,
        "dataset": spec.data.name,
        "images": planned.images,
        "epochs": spec.training.epochs,
        "seed": spec.seed,
        "steps": planned.steps,
        "protocol": spec.protocol,
        "overrides": spec.overrides,
        "fallback": spec.fallback_from is not None,
        "present": planned.present,
        "estimate": planned.estimate,
        "finished": planned.finished.id if planned.finished is not None else None,
    }
