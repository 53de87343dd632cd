"""`labtui run`: plan the runs, then train them in the foreground or queue them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.download_progress import download_progress
from labtui.cli.format import run_label
from labtui.cli.options import complete_experiments, complete_runs, json_option, lab_options
from labtui.cli.streams import put_json, put_table, say
from labtui.cli.trust import ask_for_trust
from labtui.errors import UsageError
from labtui.program import shown_command
from labtui.spec import ProgramSpec
from labtui.text.durations import duration
from labtui.text.numbers import DASH, count
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


MAX_NAMED = 3
"""Runs that are listed one by one in a message; of further ones only the number is given."""


COMMAND = "labtui.command"
"""The key in click's context of the command after `--`."""


class JobCount(click.ParamType["int | str"]):
    """A number of runs at once, or `auto`."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """A positive integer, or "auto"."""
        if isinstance(value, str) and value.lower() == "auto":
            return "auto"
        if isinstance(value, int) and value > 0:
            return value
        if isinstance(value, str) and value.isascii() and value.isdecimal() and int(value[:6]) > 0:
            return int(value[:6])
        return self.fail(f"{value!r} is neither a positive number nor `auto`.", param, ctx)


class RunCommand(LabCommand):
    """Everything after `--` is a command to run, with options of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what follows `--` as it is."""
        if "--" in args:
            place = args.index("--")
            ctx.meta[COMMAND] = tuple(args[place + 1 :])
            args = args[:place]
        return super().parse_args(ctx, args)


@click.command(
    cls=RunCommand,
    examples=(
        "labtui run dropout",
        "labtui run dropout network --seeds 3 -j auto",
        "labtui run adam@0.001 --epochs 2 --set training.batch_size=256",
        "labtui run dropout --baseline adam@0.001 --until decided -j auto",
        "labtui run --all -d                       queue all; `labtui ps` shows their progress",
        "labtui run --all --seeds 5 --missing      what has failed or was never run",
        "labtui run network --grid optimizer.lr=0.01,0.001 --grid training.batch_size=64,256",
        "labtui run --continue last --epochs 20    more epochs for a finished run, as a new run",
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
@click.option(
    "--grid",
    "grids",
    multiple=True,
    metavar="KEY=V1,V2",
    help="Override a key with each of these values; several grids are combined.",
)
@click.option("--zip", "paired", is_flag=True, help="Pair the values of the grids, instead of combining them.")
@click.option("--dataset", metavar="NAME", help="Train on this data set, without a fallback.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("-j", "--jobs", type=JobCount(), default="1", show_default=True, help="Number of runs at once.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="CPU threads of each run.  [default: same as earlier runs, else OMP_NUM_THREADS or an equal share "
    "of the cores]",
)
@click.option("--missing", is_flag=True, help="Only runs that have not finished: failed, stopped, or never started.")
@click.option("--again", is_flag=True, help="Also runs that are already queued or running.")
@click.option("--fail-fast", is_flag=True, help="Start no further run after one has failed or diverged.")
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
@click.option(
    "--continue",
    "continued",
    multiple=True,
    metavar="RUN",
    shell_complete=complete_runs,
    help="Train a finished run on to --epochs epochs in all, as a new run from its last checkpoint; repeatable.",
)
@click.option(
    "--keep-best",
    is_flag=True,
    help="Also keep the checkpoint of the best epoch, by the validation value of the entry's metric.",
)
@click.option("-d", "--detach", is_flag=True, help="Queue the runs and return immediately.")
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
    grids: tuple[str, ...],
    paired: bool,
    threads: int | None,
    missing: bool,
    again: bool,
    fail_fast: bool,
    until: str | None,
    max_seeds: int | None,
    alpha: float | None,
    smallest_effect: float | None,
    baseline: str | None,
    continued: tuple[str, ...],
    keep_best: bool,
    detach: bool,
    dry_run: bool,
    quiet: bool,
    json: bool,
) -> int:
    """Train experiments in this terminal, or queue them with -d.

    NAME is an entry of the catalog (`adam` means all of its members, `adam@0.01` one of them). The runs continue if
    this terminal closes. Ctrl-C once stops them cleanly: each finishes its step and saves; twice ends them immediately.

    At the end, the runs are compared with their baselines. Exit codes: 0 success; 1 a run failed or diverged; 2 usage
    or catalog; 3 data, device or disk; 130 and 143 interrupted.

    With --until decided, seeds are trained until each difference from the baseline is decided. The plan is stored
    before the first run, so that looking after every seed does not raise the rate of false claims. The same command
    continues a plan that was interrupted.

    After --, any command is run as it is, without a catalog: labtui run -- python train.py --lr 0.1. It may contain
    {seed}, {run_dir} and {device}.
    """
    command: tuple[str, ...] | None = click.get_current_context().meta.get(COMMAND)
    if command is not None:
        _require_alone(
            {
                "NAME": names, "--all": everything, "--epochs": epochs, "--set": assignments, "--grid": grids,
                "--zip": paired, "--dataset": dataset, "--missing": missing, "--until": until, "--baseline": baseline,
                "--continue": continued, "--keep-best": keep_best,
            }
        )  # fmt: skip
        _require_device(device, dry_run=dry_run)
        plan = _command_plan(lab, command, _seeds(seeds, seed) or (0,), device)
        plan = _with_threads(_chosen(plan, missing=False, again=again), device, threads)
        return _carry_out(lab, plan, device, jobs, fail_fast, detach=detach, dry_run=dry_run, json=json, quiet=quiet)
    if continued:
        _require_continuation_alone(
            {
                "--all": everything, "--seeds": seeds, "--seed": seed is not None, "--set": assignments,
                "--dataset": dataset, "--grid": grids, "--zip": paired, "--until": until, "--missing": missing,
            },
            epochs,
        )  # fmt: skip
    else:
        _require_names(lab, names, everything=everything)
    _refuse_contradictions(epochs, dataset, assignments, grids)
    jobs_at_once = None if jobs == "auto" else int(jobs)
    overrides = [*([f"training.epochs={epochs}"] if epochs is not None else []), *assignments]
    _require_device(device, dry_run=dry_run)
    if until is None:
        _refuse_plan_options(max_seeds, alpha, smallest_effect, baseline)
    else:
        if seeds is not None or seed is not None:
            raise UsageError("--until decided chooses the seeds itself, from 0 on: leave out --seeds and --seed.")
        for option, is_given in (
            ("--grid", grids), ("--zip", paired), ("--threads", threads), ("--missing", missing), ("--again", again),
            ("--fail-fast", fail_fast), ("--keep-best", keep_best),
        ):  # fmt: skip
            if is_given:
                raise UsageError(f"{option} cannot be used with --until decided.")
        from labtui.cli.until import run_until_decided

        request = _plan_request(names, overrides, dataset, max_seeds, alpha, smallest_effect, baseline)
        return run_until_decided(
            lab, request, device, jobs_at_once, detach=detach, dry_run=dry_run, json=json, quiet=quiet
        )
    if fail_fast and detach:
        raise UsageError("--fail-fast needs this terminal: leave out -d.")
    plan = (
        _continuations(lab, continued, names, epochs, device)
        if continued and epochs
        else _plan(
            lab,
            names,
            seeds=_seeds(seeds, seed),
            overrides=[[*overrides, *combination] for combination in combinations(grids, paired=paired)],
            dataset=dataset,
            device=device,
            fetch=not dry_run,
            quiet=quiet or json,
        )
    )
    if keep_best:
        from labtui.api.continuing import keeping_best

        plan = keeping_best(lab, plan)
    plan = _with_threads(_chosen(plan, missing=missing, again=again), device, threads)
    return _carry_out(lab, plan, device, jobs, fail_fast, detach=detach, dry_run=dry_run, json=json, quiet=quiet)


def _carry_out(
    lab: "Lab",
    plan: "LaunchPlan",
    device: str,
    jobs: int | str,
    fail_fast: bool,
    *,
    detach: bool,
    dry_run: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Show, queue or train the runs of a plan."""
    jobs_at_once = None if jobs == "auto" else int(jobs)
    if not plan.runs:
        say("Nothing to start.")
        return 0
    if dry_run:
        _put_plan(plan, json=json)
        return 0
    ask_for_trust(lab, [planned.spec for planned in plan.runs])
    if detach:
        from labtui.cli.queue import enqueue_all

        return enqueue_all(lab, plan, device, jobs_at_once, json=json)
    from labtui.cli.training import train_plan

    return train_plan(lab, plan, device=device, jobs=jobs_at_once, fail_fast=fail_fast, json=json, quiet=quiet)


def _require_alone(others: dict[str, object]) -> None:
    """Raise for options that belong to experiments of the catalog, beside a command."""
    given = [option for option, value in others.items() if value]
    if given:
        raise UsageError(f"{', '.join(given)} cannot be used with a command after --.")


def _command_plan(lab: "Lab", command: Sequence[str], seeds: Sequence[int], device: str) -> "LaunchPlan":
    from labtui.api.commands import plan_command

    return plan_command(lab, command, Path.cwd(), seeds=seeds, device="" if device == "auto" else device)


def _require_continuation_alone(others: dict[str, object], epochs: int | None) -> None:
    """Raise for options that would change the recipe of a run that is continued, and for a missing --epochs."""
    given = [option for option, value in others.items() if value]
    if given:
        raise UsageError(f"--continue takes the recipe and the seed of RUN: leave out {', '.join(given)}.")
    if epochs is None:
        raise UsageError("--continue needs --epochs N, the number of epochs in all.")


def _continuations(
    lab: "Lab", continued: Sequence[str], names: Sequence[str], epochs: int, device: str
) -> "LaunchPlan":
    from labtui.api.continuing import plan_continuations

    runs = list({run.id: run for run in map(lab.store.find, continued)}.values())
    for run in runs:
        if names and not {run.name, run.spec.experiment if run.spec else ""} & set(names):
            raise UsageError(f"{run.id} is a run of {run.name}, not of {', '.join(names)}.")
    return plan_continuations(lab, runs, epochs, device="" if device == "auto" else device)


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
    if everything and lab.catalog.problems:
        first = lab.catalog.problems[0]
        raise UsageError(
            f"{lab.catalog.path} has problems, so --all would leave out experiments: {first}",
            advice="`labtui config validate` lists them all. Fix them, or name the experiments to run.",
        )
    if everything and not lab.catalog.experiments:
        raise UsageError(f"{lab.catalog.path} has no experiments.", advice="docs/catalog.md describes its entries.")
    if not names and not everything:
        known = ", ".join(experiment.name for experiment in lab.catalog.experiments)
        raise UsageError("Name at least one experiment, or use --all.", advice=f"{lab.catalog.path} has: {known}.")


def _refuse_contradictions(
    epochs: int | None, dataset: str | None, assignments: Sequence[str], grids: Sequence[str]
) -> None:
    """Raise for an option and a `--set` or `--grid` of the same key: one would silently win."""
    keys = [text.partition("=")[0].strip() for text in (*assignments, *grids)]
    for option, value, full, short in (
        ("--epochs", epochs, "training.epochs", "epochs"),
        ("--dataset", dataset, "data.name", None),
    ):
        if value is not None and any(key in (full, short) for key in keys):
            raise UsageError(f"{option} and an override of {full} contradict each other: use one of them.")


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
    overrides: Sequence[Sequence[str]],
    dataset: str | None,
    device: str,
    fetch: bool,
    quiet: bool,
) -> "LaunchPlan":
    """The runs of each list of overrides, one after the other."""
    from labtui.api import LaunchPlan, plan_runs

    with download_progress(quiet=quiet) as progress:
        plans = [
            plan_runs(
                lab,
                names,
                seeds=seeds,
                overrides=combination,
                dataset=dataset,
                fetch=fetch,
                device="" if device == "auto" else device,
                progress=progress,
            )
            for combination in overrides
        ]
    notices = tuple(dict.fromkeys(notice for plan in plans for notice in plan.notices))
    for notice in notices:
        say(notice)
    return LaunchPlan(tuple(planned for plan in plans for planned in plan.runs), notices)


def _chosen(plan: "LaunchPlan", *, missing: bool, again: bool) -> "LaunchPlan":
    """Without the runs that are not to be started; says how many these are."""
    runs = plan.runs
    if missing:
        runs = tuple(planned for planned in runs if planned.finished is None)
        if len(runs) < len(plan.runs):
            say(f"{plural(len(plan.runs) - len(runs), 'run')} already finished; --missing leaves them out.")
    if not again:
        pending = [planned for planned in runs if planned.pending is not None]
        runs = tuple(planned for planned in runs if planned.pending is None)
        for planned in pending[:MAX_NAMED]:
            assert planned.pending is not None
            say(f"{run_label(planned.pending)} is already {planned.pending.state} ({planned.pending.id}).")
        if pending:
            more = (
                f"{len(pending) - MAX_NAMED} more are already queued or running. " if len(pending) > MAX_NAMED else ""
            )
            say(f"{more}Such runs are not started a second time; --again starts them anyway.")
    return replace(plan, runs=runs)


def _with_threads(plan: "LaunchPlan", device: str, threads: int | None) -> "LaunchPlan":
    """With so many threads for each run, if a number is given. Raises UsageError if there are not so many cores."""
    if threads is None:
        return plan
    from labtui.api.placement import place_runs

    place_runs(device, runs=1, threads=threads)
    others = {planned.threads for planned in plan.runs} - {None, threads}
    if others:
        say(
            f"Earlier runs of these recipes have {' or '.join(map(str, sorted(filter(None, others))))} CPU threads. "
            "Another number changes the last bits of a result."
        )
    return replace(plan, runs=tuple(replace(planned, threads=threads) for planned in plan.runs))


def combinations(grids: Sequence[str], *, paired: bool) -> list[tuple[str, ...]]:
    """The overrides `key=value` of each combination of `key=value,value` texts; paired, of each position.

    Raises UsageError for a grid without values, and for paired grids of different lengths.
    """
    if paired and len(grids) < 2:
        raise UsageError("--zip needs at least two --grid options, whose values it pairs.")
    values: list[list[str]] = []
    for grid in grids:
        key, equals, text = grid.partition("=")
        parts = split_values(text)
        if not (key.strip() and equals) or not all(part.strip() for part in parts):
            raise UsageError(f"{grid!r} is not a grid. Write key=value,value, as in: --grid optimizer.lr=0.01,0.001")
        values.append([f"{key.strip()}={part.strip()}" for part in parts])
    if paired and len({len(column) for column in values}) > 1:
        lengths = ", ".join(f"{column[0].partition('=')[0]} has {len(column)}" for column in values)
        raise UsageError(f"--zip pairs grids with the same number of values, but {lengths}.")
    return list(zip(*values, strict=True)) if paired else list(product(*values))


def split_values(text: str) -> list[str]:
    """Split at commas that are not inside of brackets, braces or quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[{(":
            depth += 1
        elif character in "]})":
            depth -= 1
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


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
            planned.spec.dataset or DASH,
            count(planned.images or None),
            str(planned.spec.epochs or DASH),
            count(planned.steps or None),
            duration(planned.estimate),
        )
        for planned in plan.runs
    ]
    put_table(COLUMNS, rows)
    for name, command in {planned.spec.display_title: _command(planned) for planned in plan.runs}.items():
        if command:
            say(f"{name}: {command}")
    total = f", about {duration(plan.estimate)} one after the other" if plan.estimate is not None else ""
    say(f"{plural(len(plan.runs), 'run')}{total}; nothing was started")


def _command(planned: "PlannedRun") -> str:
    """The command of a program, with its seed; empty for labtui's own engine."""
    return shown_command(planned.spec) if isinstance(planned.spec, ProgramSpec) else ""


def _as_json(planned: "PlannedRun") -> dict[str, Any]:
    spec = planned.spec
    return {
        "run_name": f"{spec.group}/{spec.title}",
        "name": spec.name,
        "title": spec.display_title,
        "dataset": spec.dataset or None,
        "command": _command(planned) or None,
        "images": planned.images,
        "epochs": spec.epochs,
        "seed": spec.seed,
        "steps": planned.steps,
        "protocol": None if isinstance(spec, ProgramSpec) else spec.protocol,
        "overrides": spec.overrides,
        "fallback": spec.fallback_from is not None,
        "continues": planned.continues.id if planned.continues is not None else None,
        "present": planned.present,
        "estimate": planned.estimate,
        "finished": planned.finished.id if planned.finished is not None else None,
    }
