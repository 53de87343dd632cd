"""What a plan learns from past runs: the estimated duration, and what has finished already."""

import time
from pathlib import Path

import msgspec
import pytest

from labtui.api import Lab, plan_runs
from labtui.spec import RunSpec
from tests.support.labs import make_lab
from tests.support.samples import make_launch, make_result, write_run


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


def planned_spec(lab: Lab, name: str, **options: object) -> RunSpec:
    return plan_runs(lab, [name], dataset="digits", **options).runs[0].spec  # type: ignore[arg-type]


def finish(lab: Lab, spec: RunSpec, number: int = 0, *, device: str = "cpu", seconds: float = 20.0) -> str:
    """A finished run of the spec in the lab's runs folder; its id."""
    run_id = f"{spec.group}/{spec.title}/s{spec.seed}-2026010{number}-120000"
    result = make_result(images_seen=1_000, seconds=seconds, train_seconds=seconds)
    write_run(lab.store.root / run_id, spec=spec, launch=make_launch(device=device, started=time.time()), result=result)
    return run_id


def test_a_finished_run_of_the_same_recipe_and_seed_has_a_notice(lab: Lab) -> None:
    run_id = finish(lab, planned_spec(lab, "dropout"))
    plan = plan_runs(lab, ["dropout"], dataset="digits")
    assert plan.runs[0].finished is not None
    assert plan.runs[0].finished.id == run_id
    assert any(run_id in notice for notice in plan.notices)


def test_another_seed_or_recipe_is_not_taken_for_a_repetition(lab: Lab) -> None:
    finish(lab, planned_spec(lab, "dropout"))
    for options in ({"seeds": (1,)}, {"overrides": ["training.epochs=3"]}):
        (planned,) = plan_runs(lab, ["dropout"], dataset="digits", **options).runs  # type: ignore[arg-type]
        assert planned.finished is None


def test_many_repetitions_have_one_notice(lab: Lab) -> None:
    for planned in plan_runs(lab, [], dataset="digits").runs:
        finish(lab, planned.spec)
    notices = plan_runs(lab, [], dataset="digits").notices
    assert [notice for notice in notices if "already finished" in notice] == [
        "6 of these 6 runs have already finished; the newest of each counts."
    ]


def test_a_plan_without_past_runs_has_no_estimate(lab: Lab) -> None:
    plan = plan_runs(lab, ["dropout"], dataset="digits")
    assert plan.runs[0].estimate is None
    assert plan.estimate is None


def test_the_estimate_is_the_median_rate_of_comparable_runs_times_the_images(lab: Lab) -> None:
    spec = planned_spec(lab, "network")
    for number, seconds in enumerate((10.0, 20.0, 90.0)):
        finish(lab, spec, number, seconds=seconds)
    (planned,) = plan_runs(lab, ["dropout"], dataset="digits").runs
    assert planned.estimate == pytest.approx(20.0 / 1_000 * planned.images * planned.spec.training.epochs)


def test_runs_on_other_devices_images_or_models_are_not_used_for_the_estimate(lab: Lab) -> None:
    spec = planned_spec(lab, "network")
    finish(lab, spec, 1, device="cuda:0")
    other_images = msgspec.structs.replace(spec, data=msgspec.structs.replace(spec.data, name="cifar10"))
    finish(lab, other_images, 2)
    assert plan_runs(lab, ["dropout"], dataset="digits", device="cpu").runs[0].estimate is None
    assert plan_runs(lab, ["dropout"], dataset="digits", device="cuda").runs[0].estimate is not None
