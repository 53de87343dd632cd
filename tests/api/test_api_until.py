"""Plans that run until they are decided: made before the first run, driven through the queue, resumed after a kill."""

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labtui.api import Lab, until
from labtui.api.comparison import compare_experiments
from labtui.api.placement import place_runs
from labtui.api.until import PlanDriver, PlanRequest, follow_plan, make_plan, place_seeds, plan_path, store_plan
from labtui.compare.model import Verdict
from labtui.compare.outcomes import seed_outcome
from labtui.compare.plans import Plan, PlanState, evaluate
from labtui.compare.sequential import Decision
from labtui.errors import LabError, MachineError, UsageError
from labtui.store.ledger import ledger_of
from labtui.store.state import State
from tests.support.ended_runs import write_ended
from tests.support.labs import make_lab
from tests.support.samples import gone_process, make_launch, write_run

CATALOG = """
[defaults]
group = "Digits"
protocol = "report"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 3

[experiment.fast]
title = "Fast"
optimizer.lr = 0.003

[experiment.slow]
title = "Slow"
factor = ["optimizer.lr"]
baseline = "fast"
smallest_effect = 0.5
optimizer.lr = 0.0003

[experiment.other_data]
title = "Half"
factor = ["optimizer.lr"]
baseline = "fast"
optimizer.lr = 0.0003
data.train_fraction = 0.5

[experiment.alone]
title = "Alone"
"""


def lab_in(folder: Path) -> Lab:
    return make_lab(folder, CATALOG)


def plan_of(lab: Lab, **wanted: object) -> Plan:
    request = PlanRequest(**{"names": ("slow",), **wanted})
    return make_plan(lab, request, place_runs("cpu", runs=8, jobs=2), fetch=False)[0]


def drive(lab: Lab, plan: Plan, seconds: float = 150.0) -> tuple[PlanState | None, list[PlanState]]:
    states: list[PlanState] = []
    deadline = time.monotonic() + seconds

    def wait(pause: float) -> bool:
        time.sleep(pause)
        return time.monotonic() > deadline

    driver = PlanDriver(lab, plan, "cpu", place_runs("cpu", runs=8, jobs=2))
    try:
        return follow_plan(driver, states.append, wait), states
    finally:
        driver.stop_queueing()


def test_a_plan_is_run_through_the_queue_until_it_is_decided(tmp_path):
    lab = lab_in(tmp_path)
    plan = store_plan(lab, plan_of(lab))
    assert plan_path(lab, plan.id).is_file()
    state, states = drive(lab, plan)
    assert state is not None
    assert states[-1] == state
    assert state.has_ended
    assert state.comparisons[0].decision is Decision.LOWER
    finished = [run for run in lab.store.scan() if run.state is State.FINISHED]
    assert {(run.name, run.spec.seed) for run in finished if run.spec} >= {
        (name, seed) for name in ("fast", "slow") for seed in range(3)
    }
    again, _ = drive(lab, plan)
    assert again == state
    assert len(lab.store.scan()) == len(finished) or all(
        run.spec and run.spec.seed >= 3 for run in lab.store.scan() if run not in finished
    )


@pytest.mark.long
def test_a_driver_that_is_killed_loses_nothing(tmp_path):
    lab = lab_in(tmp_path)
    plan = store_plan(lab, plan_of(lab))
    code = (
        "import sys, time, os\nfrom pathlib import Path\nfrom labtui.api import open_lab\n"
        "from labtui.api.placement import place_runs\nfrom labtui.api.until import *\n"
        "from labtui.store.files import read_json\nfrom labtui.compare.plans import Plan\n"
        "lab = open_lab(environ=os.environ, cwd=Path(sys.argv[1]))\n"
        "plan = read_json(plan_path(lab, sys.argv[2]), Plan)\n"
        "driver = PlanDriver(lab, plan, 'cpu', place_runs('cpu', runs=8, jobs=2))\n"
        "print('started', flush=True)\n"
        "follow_plan(driver, lambda state: None, lambda seconds: bool(time.sleep(seconds)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), plan.id], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        deadline = time.monotonic() + 60
        while not lab.store.scan() and time.monotonic() < deadline:
            time.sleep(0.1)
        child.kill()
    state, _ = drive(lab, plan)
    assert state is not None
    assert state.comparisons[0].decision is Decision.LOWER
    seeds = [(run.name, run.spec.seed) for run in lab.store.scan() if run.spec]
    assert len(seeds) == len(set(seeds)), "no seed was trained twice"


def test_a_changed_plan_is_refused_and_the_same_plan_is_found_again(tmp_path):
    lab = lab_in(tmp_path)
    stored = store_plan(lab, plan_of(lab))
    assert store_plan(lab, plan_of(lab)) == stored
    for changed in ({"max_seeds": 8}, {"alpha": 0.01}, {"smallest_effect": 2.0}):
        with pytest.raises(UsageError, match="already have a plan with different settings"):
            store_plan(lab, plan_of(lab, **changed))


def test_other_comparisons_get_plans_of_their_own(tmp_path):
    lab = lab_in(tmp_path)
    assert plan_of(lab).id != plan_of(lab, overrides=("training.epochs=2",)).id


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"names": ()}, "needs the names"),
        ({"names": ("alone",)}, "declares no baseline"),
        ({"names": ("fast",), "baseline": "fast"}, "cannot be compared with itself"),
        ({"names": ("other_data",)}, "differ beyond the declared factor"),
        ({"max_seeds": 2}, "between 3 and 1,000"),
        ({"alpha": 0.7}, "between 0 and 0.5"),
        ({"names": ("nosuch",)}, "nosuch"),
    ],
)
def test_what_no_number_of_seeds_can_decide_is_refused_before_anything_runs(tmp_path, wanted, message):
    with pytest.raises(LabError, match=message):
        plan_of(lab_in(tmp_path), **wanted)


def test_a_plan_takes_the_entrys_smallest_effect_unless_one_is_given(tmp_path):
    lab = lab_in(tmp_path)
    assert plan_of(lab).comparisons[0].smallest_effect == 0.5
    assert plan_of(lab, smallest_effect=1.5).comparisons[0].smallest_effect == 1.5


def test_rows_of_a_plan_share_its_alpha(tmp_path):
    lab = make_lab(
        tmp_path, CATALOG + '\n[experiment.slower]\ntitle = "Slower"\nextends = "slow"\noptimizer.lr = 0.0001\n'
    )
    both = plan_of(lab, names=("slow", "slower"))
    assert both.boundaries.alpha == pytest.approx(0.025)
    assert both.boundaries.claim[0] < plan_of(lab).boundaries.claim[0]


def test_a_comparison_belongs_to_one_plan(tmp_path):
    lab = make_lab(
        tmp_path, CATALOG + '\n[experiment.slower]\ntitle = "Slower"\nextends = "slow"\noptimizer.lr = 0.0001\n'
    )
    store_plan(lab, plan_of(lab))
    with pytest.raises(UsageError, match="already belongs to another plan"):
        store_plan(lab, plan_of(lab, names=("slow", "slower")))


def test_a_plan_for_rows_that_have_seeds_shares_its_alpha_with_all_that_were_tried(tmp_path):
    """The best of ten by three seeds, then a plan for that one alone: it was chosen for how it looked."""
    others = "".join(
        f'\n[experiment.slow{number}]\ntitle = "Slow {number}"\nextends = "slow"\noptimizer.lr = 0.000{number}\n'
        for number in (1, 2)
    )
    lab = make_lab(tmp_path, CATALOG + others)
    fresh = plan_of(lab)
    assert (fresh.tried, fresh.boundaries.alpha) == (0, 0.05)
    for name in ("fast", "slow", "slow1", "slow2"):
        write_ended(lab, name, 0, 90.0)
    chosen = plan_of(lab)
    assert (chosen.tried, chosen.boundaries.alpha) == (3, pytest.approx(0.05 / 3))
    assert plan_of(lab, names=("slow", "slow1")).boundaries.alpha == pytest.approx(0.05 / 3)
    assert store_plan(lab, chosen).tried == 3
    write_ended(lab, "slow2", 1, 91.0)
    assert store_plan(lab, plan_of(lab)) == chosen


def test_the_looks_of_a_plan_are_recorded(tmp_path):
    lab = lab_in(tmp_path)
    plan = store_plan(lab, plan_of(lab))
    state, _ = drive(lab, plan)
    assert state is not None
    looks = [one for one in ledger_of(lab.store.root, writable=True).entries() if one.kind == "look"]
    assert [len(one.row_seeds) for one in looks] == [look.seeds for look in state.comparisons[0].looks]
    table = compare_experiments(lab, ["slow"])
    found = table.rows[1].declared
    assert found is not None
    assert found.look is not None
    assert (found.look.showing, found.look.plan) == ("plan", plan.id)
    assert found.adjusted == (state.comparisons[0].looks[-1].low, state.comparisons[0].looks[-1].high)
    assert found.verdict is Verdict.LOSS
    plan_path(lab, plan.id).unlink()
    again = compare_experiments(lab, ["slow"]).rows[1].declared
    assert again is not None
    assert again.look is not None
    assert again.look.number == len(looks), "without its file the plan's looks are looks like any other"


def test_a_seed_that_diverged_has_failed_even_if_a_later_run_of_it_finished(tmp_path):
    lab = lab_in(tmp_path)
    plan = store_plan(lab, plan_of(lab))
    drive(lab, plan)
    run = next(run for run in lab.store.scan() if run.state is State.FINISHED)
    bad = dataclasses.replace(run, state=State.DIVERGED)
    outcome = seed_outcome(0, [run, bad], plan.metric, 10)
    assert outcome is not None
    assert (outcome.value, outcome.failure) == (None, "diverged")
    assert seed_outcome(0, [run], plan.metric, 10).value == run.result.last[plan.metric].number
    assert seed_outcome(0, [dataclasses.replace(run, state=State.STOPPED)], plan.metric, 10) is None


def test_looking_without_news_evaluates_nothing_again(tmp_path, monkeypatch):
    lab = lab_in(tmp_path)
    plan = store_plan(lab, plan_of(lab))
    drive(lab, plan)
    evaluated = []
    monkeypatch.setattr(until, "evaluate", lambda *given: evaluated.append(given) or evaluate(*given))
    driver = PlanDriver(lab, plan, "cpu", place_runs("cpu", runs=8, jobs=2))
    states = [driver.step() for _ in range(4)]
    assert len(evaluated) == 2, "once without any seed, once with those that have ended"
    assert states == [states[0]] * 4
    assert states[0].has_ended


def test_a_plan_that_cannot_be_written_is_a_problem_of_the_disk_and_starts_nothing(tmp_path):
    lab = lab_in(tmp_path)
    plan = plan_of(lab)
    (tmp_path / "runs" / ".labtui").mkdir(parents=True)
    (tmp_path / "runs" / ".labtui" / "plans").write_text("a file where the folder should be")
    with pytest.raises(MachineError, match="The plan could not be written"):
        store_plan(lab, plan)
    assert lab.store.scan() == ()


def test_no_more_seeds_at_once_than_fit_into_the_memory(tmp_path, monkeypatch):
    spec = plan_of(lab_in(tmp_path)).sides[0].spec
    monkeypatch.setattr("labtui.api.until.estimated_memory", lambda specs: 1 << 60 if list(specs) == [spec] else 0)
    assert place_seeds("cpu", [spec], None, 20).jobs == 1


def test_a_seed_that_was_lost_before_the_plan_is_resumed_once_and_waited_for(tmp_path, monkeypatch):
    lab = lab_in(tmp_path)
    plan = store_plan(lab, plan_of(lab))
    monkeypatch.setattr(until, "start_queue_runner", lambda _: None)
    lost = lab.store.create(plan.sides[0].spec)
    write_run(lost.folder, spec=lost.spec, launch=make_launch(parent=gone_process(), engine=gone_process()), attempt=1)
    assert lab.store.get(lost.id).state is State.LOST
    driver = PlanDriver(lab, plan, "cpu", place_runs("cpu", runs=8, jobs=2))
    for _ in range(3):
        driver.step()
    assert lab.store.get(lost.id).queued
    seeds = [(run.name, run.spec.seed) for run in lab.store.scan() if run.spec]
    assert len(seeds) == len(set(seeds)), "no other run of the seed was made"
