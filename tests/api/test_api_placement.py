"""Which devices runs train on, and how many run at once."""

import pytest

from labtui.api import placement as placement_module
from labtui.api.placement import Placement, estimated_memory, place_runs
from labtui.launch.devices import Device, Survey
from labtui.spec import ResNet18, Training
from tests.support.samples import make_spec

CPU = Device(name="cpu", title="CPU", cores=8)
GPUS = tuple(Device(name=f"cuda:{index}", title="GPU", uuid=f"GPU-{index}", load=0.0) for index in range(4))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement_module, "usable_cores", lambda: 8)
    monkeypatch.setattr(placement_module, "survey", lambda: Survey((CPU, *GPUS)))


@pytest.mark.usefixtures("machine")
def test_one_run_at_a_time_gets_all_cores_of_a_cpu() -> None:
    assert place_runs("cpu", runs=13, jobs=1) == Placement((CPU,), 1, 8)


@pytest.mark.usefixtures("machine")
def test_with_automatic_jobs_a_cpu_trains_one_run_per_core() -> None:
    assert place_runs("cpu", runs=13, jobs=None) == Placement((CPU,), 8, 1)
    assert place_runs("cpu", runs=3, jobs=None) == Placement((CPU,), 3, 2)


@pytest.mark.usefixtures("machine")
def test_with_automatic_jobs_every_gpu_gets_one_run() -> None:
    placement = place_runs("cuda", runs=13, jobs=None)
    assert [device.name for device in placement.devices] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert (placement.jobs, placement.per_device) == (4, 1)


@pytest.mark.usefixtures("machine")
def test_more_jobs_than_gpus_share_them() -> None:
    assert place_runs("cuda:2", runs=13, jobs=3).per_device == 3
    assert place_runs("cuda", runs=13, jobs=6).per_device == 2


@pytest.mark.usefixtures("machine")
def test_there_are_never_more_jobs_than_runs() -> None:
    assert place_runs("cpu", runs=1, jobs=5) == Placement((CPU,), 1, 8)


def test_with_automatic_jobs_only_as_many_runs_train_at_once_as_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = Device(name="cpu", title="CPU", cores=8, memory_free=5 << 30)
    monkeypatch.setattr(placement_module, "usable_cores", lambda: 8)
    monkeypatch.setattr(placement_module, "survey", lambda: Survey((small,)))
    assert place_runs("cpu", runs=13, jobs=None, memory=1 << 30) == Placement((small,), 5, 1)
    assert place_runs("cpu", runs=13, jobs=None, memory=2 << 30) == Placement((small,), 2, 4)
    assert place_runs("cpu", runs=13, jobs=None, memory=9 << 30) == Placement((small,), 1, 8)
    assert place_runs("cpu", runs=13, jobs=6, memory=2 << 30).jobs == 6


def test_a_large_network_and_a_large_batch_need_more_memory() -> None:
    small, large = make_spec(), make_spec(model=ResNet18())
    wide = make_spec(training=Training(batch_size=1024))
    assert estimated_memory([small]) < estimated_memory([small, wide])
    assert estimated_memory([small]) < estimated_memory([large]) == estimated_memory([small, large])
    assert estimated_memory([]) == 0
