"""A script of a user's own from the catalog to the verdict, with real processes; nothing of it imports torch."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from labtui.store.reader import read_curves
from labtui.store.records import ProgramFile
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store
from tests.support.command_line import Answer
from tests.support.processes import environment, labtui_command

SCRIPT = """
import argparse, json, os, random, signal, subprocess, sys, time
parser = argparse.ArgumentParser()
for name, kind in (("out", str), ("seed", int), ("lr", float), ("steps", int), ("pause", float), ("resume", str)):
    parser.add_argument(f"--{name}", type=kind, default=None)
args = parser.parse_args()
start, loss = json.load(open(args.resume)) if args.resume else (0, 3.0)
random.seed(args.seed + start)
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
if args.pause:  # as torchrun does: a worker in a session of its own
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
for step in range(start + 1, args.steps + 1):
    loss = loss * (1 - args.lr) + random.gauss(0, 0.01)
    print(f"step {step}: val loss {loss:.6f}", flush=True)
    with open(os.path.join(args.out, "ckpt.json.tmp"), "w") as stream:
        json.dump([step, loss], stream)
    os.replace(stream.name, stream.name[:-4])
    time.sleep(args.pause)
    if asked:
        sys.exit(0)
"""

CATALOG = f"""
[experiment.plain]
run = "{sys.executable} train.py --out={{run_dir}} --seed={{seed}} {{params}}"
param = {{ lr = 0.01, steps = 6, pause = 0.0 }}
metric = {{ tag = "val/loss", better = "lower", unit = "nats" }}
smallest_effect = 0.01
read.log = ["step {{step}}: val loss {{val/loss}}"]
steps = "{{param.steps}}"
checkpoint = "{{run_dir}}/ckpt.json"
resume = "--resume={{checkpoint}}"
stop.patience = 10

[experiment.fast]
extends = "plain"
baseline = "plain"
factor = ["param.lr"]
param.lr = 0.2

[experiment.broken]
extends = "plain"
baseline = "none"
metric.tag = "val/acc"
"""

Cli = Callable[..., Answer]


@pytest.fixture
def at(here: Path) -> Path:
    (here / "train.py").write_text(SCRIPT)
    (here / "experiments.toml").write_text(CATALOG)
    return here


def runs(folder: Path) -> dict[str, Run]:
    return {f"{run.name} s{run.seed}": run for run in Store(folder / "runs").scan()}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def start(folder: Path, *overrides: str) -> Run:
    """A run in the background, once it has recorded three steps."""
    sets = [part for text in overrides for part in ("--set", text)]
    subprocess.run(labtui_command("run", "plain", "-q", "-d", *sets), env=environment(), cwd=folder, check=True)

    def trains() -> bool:
        run = next(iter(runs(folder).values()))
        return run.beat is not None and run.beat.step >= 3

    wait_for(trains)
    return next(iter(runs(folder).values()))


def test_a_script_is_run_watched_and_judged(at: Path, shell: Cli, cli: Cli) -> None:
    answer = shell("run", "plain", "fast", "--seeds", "2", "-j", "2")
    assert answer.code == 0, answer
    assert "plain s0: finished" in answer.err
    assert "val/loss in nats" in answer.out
    found = runs(at)
    assert {run.state for run in found.values()} == {State.FINISHED}
    curve = read_curves(found["plain s1"].folder)["val/loss"]
    assert curve.steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert found["plain s1"].result
    assert found["plain s1"].result.last["val/loss"].step == 6
    table = json.loads(cli("compare", "fast", "--json").out)
    row = next(row for row in table["rows"] if row["name"] == "fast")
    assert row["declared"]["verdict"] == "gain"
    assert table["metric"]["selection"].startswith("last recorded point")
    listed = [json.loads(line) for line in cli("ps", "--json").lines]
    assert {one["progress"] for one in listed} == {"6/6"}
    assert listed[0]["metric"]["tag"] == "val/loss"
    confounded = cli("compare", "fast", "--baseline", "plain", "--json")
    assert confounded.code == 0


def test_a_change_of_the_script_is_another_recipe(at: Path, shell: Cli, cli: Cli) -> None:
    assert shell("run", "plain", "--set", "steps=3", "-q").code == 0
    (at / "train.py").write_text(SCRIPT + "\n# changed\n")
    assert shell("run", "fast", "-q").code == 0
    assert len({run.spec.fingerprints["code"] for run in runs(at).values()}) == 2  # type: ignore[union-attr]
    answer = cli("compare", "fast", "--baseline", "plain")
    assert "confounded" in answer.out
    assert "confound   code: " in answer.out


def test_a_program_that_ends_without_its_metric_has_failed(at: Path, shell: Cli) -> None:
    answer = shell("run", "broken")
    assert answer.code == 1
    assert "the program ended without val/acc: it recorded val/loss" in " ".join(answer.err.split())


def test_a_stopped_program_saves_resumes_and_keeps_one_curve(at: Path, cli: Cli, shell: Cli) -> None:
    run = start(at, "steps=400", "pause=0.02")
    assert cli("stop", "--all").code == 0
    assert run.launch
    assert run.launch.parent
    psutil.wait_procs([psutil.Process(run.launch.parent.pid)] if psutil.pid_exists(run.launch.parent.pid) else [], 30)
    (stopped,) = runs(at).values()
    assert (stopped.state, stopped.reason) == (State.STOPPED, "asked to stop")
    assert not [process for process in psutil.process_iter(["cmdline"]) if str(run.folder) in str(process.info)]
    (at / "train.py").write_text(SCRIPT.replace("time.sleep(args.pause)", "pass"))
    assert shell("resume", run.id).code == 0
    (finished,) = runs(at).values()
    curve = read_curves(finished.folder)["val/loss"]
    assert (finished.state, curve.steps.tolist()) == (State.FINISHED, list(range(1, 401)))
    assert "resumes from" in finished.paths.attempt(2).log.read_text()


def test_everything_that_a_killed_program_had_started_ends_with_it(at: Path) -> None:
    run = start(at, "steps=4000", "pause=0.02")
    assert run.launch
    assert run.launch.engine
    below = psutil.Process(run.launch.engine.pid).children(recursive=True)
    assert len(below) == 2, "the script, and its worker in another session"
    os.kill(run.launch.engine.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(below, timeout=30)
    assert left == []
    wait_for(lambda: next(iter(runs(at).values())).exit is not None)


def test_the_command_of_a_stranger_s_run_is_never_executed(at: Path, cli: Cli, shell: Cli, tmp_path: Path) -> None:
    assert shell("run", "plain", "-q").code == 0
    (run,) = runs(at).values()
    content = msgspec.json.decode(run.paths.spec.read_bytes(), type=ProgramFile)
    evil = msgspec.structs.replace(content.program, run=f"touch {at}/executed")
    run.paths.spec.write_bytes(msgspec.json.encode(msgspec.structs.replace(content, program=evil)))
    run.paths.result.unlink()
    answer = shell("resume", run.id)
    assert answer.code != 0
    assert "you did not create this run here" in " ".join(answer.err.split())
    cli("resume", run.id, "-d")
    assert cli("resume", run.id, "-d").code in (0, 1, 2)
    assert not (at / "executed").exists()


def test_seeds_that_begin_alike_are_pointed_at_and_the_report_assumes_no_images(at: Path, shell: Cli, cli: Cli) -> None:
    (at / "train.py").write_text(SCRIPT.replace("random.seed(args.seed + start)", "random.seed(1)"))
    assert shell("run", "plain", "--seeds", "2", "-q", "-j", "2").code == 0
    assert "every seed begins with the same val/loss" in " ".join(cli("compare", "plain").out.split())
    assert cli("report", "-o", "report").code == 0
    text = (at / "report" / "report.md").read_text()
    assert "images" not in text.split("## What was tried")[0].replace("images seen", "").replace(
        "images/s", ""
    ).replace("per image", "")
    assert str(at) not in text


WRITER = """
import os, sys
from pathlib import Path
from labtui.store.recorder import Recorder
for name in ("train", "validation", "lightning_logs/version_0"):
    folder = Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    recorder = Recorder(folder, 1, last={})
    for step in range(3):
        recorder.record(step, {"acc": 0.5 + step / 10})
    recorder.close()
Path(sys.argv[1], "log.jsonl").write_text('{"step": 7, "top1": 91}\\n')
Path(sys.argv[1], "metrics.csv").write_text("epoch,loss\\n0,1.5\\n1,1.25\\n")
"""


def test_events_in_folders_json_lines_and_csv_are_one_run(at: Path, shell: Cli, cli: Cli) -> None:
    (at / "writer.py").write_text(WRITER)
    (at / "experiments.toml").write_text(
        f'[experiment.w]\nrun = "{sys.executable} writer.py {{run_dir}}"\n'
        'metric = { tag = "validation/acc", better = "higher" }\nread = { jsonl = "log.jsonl", csv = "*.csv" }\n'
    )
    answer = shell("run", "w", "-q")
    assert answer.code == 0, answer
    (run,) = runs(at).values()
    curves = read_curves(run.folder)
    assert sorted(curves) == ["acc", "loss", "top1", "train/acc", "validation/acc"]
    assert (curves["top1"].last, curves["loss"].last) == ((7, 91.0), (1, 1.25))
    assert json.loads(cli("compare", "w", "--json").out)["rows"][0]["mean"] == pytest.approx(70.0)


OPTIONS = {"out": None, "seed": 1, "lr": 0.1}


def test_from_a_script_to_its_first_run_takes_two_commands(at: Path, shell: Cli, cli: Cli) -> None:
    (at / "experiments.toml").unlink()
    options = "".join(f"p.add_argument('--{name}', default={value})\n" for name, value in OPTIONS.items())
    (at / "train.py").write_text(f"import argparse\np = argparse.ArgumentParser()\n{options}")
    made = cli("init", "--from", "train.py")
    assert made.code == 0, made
    assert "[experiment.train]" in (at / "experiments.toml").read_text()
    assert "already" in cli("init", "--from", "train.py").err
    answer = cli("run", "train", "-n", "--json")
    assert json.loads(answer.lines[0])["command"] == "python train.py --out=RUN_DIR --seed=0 --lr=0.1"


def test_a_command_runs_without_a_catalog(at: Path, shell: Cli, cli: Cli) -> None:
    (at / "experiments.toml").unlink()
    answer = shell("run", "--seeds", "2", "--", sys.executable, "-c", "import sys; print(sys.argv)", "--seed={seed}")
    assert answer.code == 0, answer
    logs = [run.paths.attempt(1).log.read_text() for run in runs(at).values()]
    assert sorted("--seed=1" in log for log in logs) == [False, True]
    assert {run.group for run in runs(at).values()} == {"Commands"}
    assert "would train the same thing" in cli("run", "--seeds", "2", "--", "true").err
    assert "cannot be used with a command" in cli("run", "--set", "a=1", "--", "true").err
    assert shell("run", "-q", "--", "false").code == 1
