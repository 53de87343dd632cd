"""`labtui run`: plan the runs, then train them in the foreground or queue them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.download_progress import download_progress
from labtui.cli.options import complete_experiments, json_option, lab_options
from labtui.cli.streams import put_json, put_table, say
from labtui.errors import UsageError
from labtui.text.durations import duration
from labtui.text.numbers import count
from labtui.text.tables import Column
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab, LaunchPlan, PlannedRun
    from labtui.api.until import PlanRequest

COLUMNS = (
    Column("NAME"),
    Column("RUN"),
    Column("SEED", right=True),
    Column("DATA"),
    Column("IMAGES", right=True),
    Column("EPOCHS", right=True),
    Column("STEPS", right=True),
    Column("TIME", right=True),
)


class JobCount(click.ParamType["int | str"]):
    """A number of runs at once, or `auto`."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """A positive integer, or "auto"."""
        if value == "auto" or (isinstance(value, int) and value > 0):
            return value  # type: ignore[no-any-return]  # narrowed by the comparison
        if isinstance(value, str) and value.isascii() and value.isdecimal() and int(value[:6]) > 0:
            return int(value[:6])
        return self.fail(f"{value!r} is neither a positive number nor `auto`.", param, ctx)


@click.command(
    cls=LabCommand,
    examples=(
        "labtui run dropout",
        "labtui run dropout network --seeds 3 -j auto",
        "labtui run adam@0.001 --epochs 2 --set training.batch_size=256",
        "labtui run dropout --baseline adam@0.001 --until decided -j auto",
        "labtui run --all -d                       queue all; `labtui ps` shows their progress",
        "labtui run --all --dry-run --json         what would run",
    ),
)
@click.argument("names", nargs=-1, shell_complete=complete_experiments, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All experiments of the catalog.")
@click.option("--seeds", metavar="LIST", help="3 means 0,1,2; also 0,4,7 and 0-4.  [default: the catalog's]")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="A single seed.")
@click.option("--epochs", type=click.IntRange(1, 100_000), metavar="N", help="Short for --set training.epochs=N.")
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Override a key (`labtui show NAME` lists them)."
)
@click.option("--dataset", metavar="NAME", help="Train on this data set, without a fallback.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("-j", "--jobs", type=JobCount(), default="1", show_default=True, help="Number of runs at once.")
@click.option(
    "--until",
    type=click.Choice(["decided"]),
    help="Train seed after seed of each NAME and its baseline until the difference is decided.",
)
@click.option("--max-seeds", type=int, metavar="N", help="With --until: the largest number of seeds.  [default: 20]")
@click.option(
    "--alpha", type=float, metavar="A", help="With --until: the accepted rate of false claims.  [default: 0.05]"
)
@click.option(
    "--smallest-effect",
    type=float,
    metavar="D",
    help="With --until: the smallest difference that matters.  [default: the entry's]",
)
@click.option(
    "--baseline", metavar="NAME", help="With --until: compare with this experiment instead of the declared baselines."
)
@click.option("-d", "--detach", is_flag=True, help="Queue the runs and return at once.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would run, and start nothing; never uses the network.")
@click.option("-q", "--quiet", is_flag=True, help="Show only the table at the end.")
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
    """Train experiments in this terminal, or queue them with -d.

    NAME is an entry of the catalog (`adam` means all of its members, `adam@0.01` one of them). The runs continue if
    this terminal closes. Ctrl-C once stops them cleanly: each finishes its step and saves; twice ends them at once.

    At the end, the runs are compared with their baselines. Exit codes: 0 success; 1 a run failed or diverged; 2 usage
    or catalog; 3 data, device or disk; 130 and 143 interrupted.

    With --until decided, seeds are trained until each difference to the baseline is decided. The plan is stored before
    the first run, so that looking after every seed does not raise the rate of false claims. The same command continues
    a plan that was interrupted.
    """
    _require_names(lab, names, everything=everything)
    jobs_at_once = None if jobs == "auto" else int(jobs)
    overrides = [*([f"training.epochs={epochs}"] if epochs is not None else []), *assignments]
    _require_device(device, dry_run=dry_run)
    if until is None:
        _refuse_plan_options(max_seeds, alpha, smallest_effect, baseline)
    else:
        if seeds is not None or seed is not None:
            raise UsageError("--until decided chooses the seeds itself, from 0 on: leave out --seeds and --seed.")
        from labtui.cli.until import run_until_decided

        request = _plan_request(names, overrides, dataset, max_seeds, alpha, smallest_effect, baseline)
        return run_until_decided(
            lab, request, device, jobs_at_once, detach=detach, dry_run=dry_run, json=json, quiet=quiet
        )
    plan = _plan(
        lab,
        names,
        seeds=_seeds(seeds, seed),
        overrides=overrides,
        dataset=dataset,
        device=device,
        fetch=not dry_run,
        quiet=quiet or json,
    )
    if dry_run:
        _put_plan(plan, json=json)
        return 0
    if detach:
        from labtui.cli.queue import enqueue_all

        return enqueue_all(lab, plan, device, jobs_at_once, json=json)
    from labtui.cli.training import train_plan

    return train_plan(lab, plan, device=device, jobs=jobs_at_once, json=json, quiet=quiet)


def _refuse_plan_options(*values: float | str | None) -> None:
    options = ("--max-seeds", "--alpha", "--smallest-effect", "--baseline")
    given = [option for option, value in zip(options, values, strict=True) if value is not None]
    if given:
        raise UsageError(f"{', '.join(given)} needs --until decided.", advice="`labtui run --help` describes it.")


def _plan_request(
    names: tuple[str, ...],
    overrides: Sequence[str],
    dataset: str | None,
    max_seeds: int | None,
    alpha: float | None,
    smallest_effect: float | None,
    baseline: str | None,
) -> "PlanRequest":
    from labtui.api.until import PlanRequest
    from labtui.compare.sequential import CAP
    from labtui.compare.statistics import ALPHA

    if smallest_effect is not None and not 0 <= smallest_effect < float("inf"):
        raise UsageError(f"--smallest-effect {smallest_effect:g} is not a positive difference or 0.")
    return PlanRequest(
        names=names,
        baseline=baseline,
        max_seeds=CAP if max_seeds is None else max_seeds,
        alpha=ALPHA if alpha is None else alpha,
        smallest_effect=smallest_effect,
        overrides=tuple(overrides),
        dataset=dataset,
    )


def _require_names(lab: "Lab", names: Sequence[str], *, everything: bool) -> None:
    if names and everything:
        raise UsageError("--all already means all experiments: leave out the names.")
    if not names and not everything:
        known = ", ".join(experiment.name for experiment in lab.catalog.experiments)
        raise UsageError("Name at least one experiment, or use --all.", advice=f"{lab.catalog.path} has: {known}.")


def _require_device(requested_device: str, *, dry_run: bool) -> None:
    """Raise before anything is fetched. A plan may be for another machine: its device need not be here."""
    from labtui.launch.devices import choose, is_device_name

    if not (dry_run and is_device_name(requested_device)):
        choose(requested_device)


def _seeds(text: str | None, one: int | None) -> tuple[int, ...] | None:
    from labtui.catalog import parse_seeds

    if text is not None and one is not None:
        raise UsageError("Use either --seed or --seeds, not both.")
    return (one,) if one is not None else None if text is None else parse_seeds(text)


def _plan(
    lab: "Lab",
    names: Sequence[str],
    *,
    seeds: tuple[int, ...] | None,
    overrides: Sequence[str],
    dataset: str | None,
    device: str,
    fetch: bool,
    quiet: bool,
) -> "LaunchPlan":
    from labtui.api import plan_runs

    with download_progress(quiet=quiet) as progress:
        plan = plan_runs(
            lab,
            names,
            seeds=seeds,
            overrides=overrides,
            dataset=dataset,
            fetch=fetch,
            device="" if device == "auto" else device,
            progress=progress,
        )
    for notice in plan.notices:
        say(notice)
    return plan


def _put_plan(plan: "LaunchPlan", *, json: bool) -> None:
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
            count(planned.images),
            str(planned.spec.training.epochs),
            count(planned.steps),
            duration(planned.estimate),
        )
        for planned in plan.runs
    ]
    put_table(COLUMNS, rows)
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
