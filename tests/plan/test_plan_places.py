"""Where runs go, and how many at once."""

from labtui.launch.devices import Device, Survey
from labtui.plan import places as module
from labtui.plan.places import Places, places

import pytest  # isort: skip

CPU = Device(name="cpu", title="CPU", cores=8)
GPUS = tuple(Device(name=f"cuda:{index}", title="GPU", uuid=f"GPU-{index}", load=0.0) for index in range(4))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 8)
    monkeypatch.setattr(module, "survey", lambda: Survey((CPU, *GPUS)))


@pytest.mark.usefixtures("machine")
def test_one_run_at_a_time_gets_all_cores_of_a_cpu() -> None:
    assert places("cpu", runs=13, jobs=1) == Places((CPU,), 1, 8)


@pytest.mark.usefixtures("machine")
def test_left_to_the_machine_a_cpu_trains_a_run_per_core() -> None:
    assert places("cpu", runs=13, jobs=None) == Places((CPU,), 8, 1)
    assert places("cpu", runs=3, jobs=None) == Places((CPU,), 3, 2)


@pytest.mark.usefixtures("machine")
def test_left_to_the_machine_every_gpu_gets_a_run() -> None:
    found = places("cuda", runs=13, jobs=None)
    assert [device.name for device in found.devices] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert (found.jobs, found.per_device) == (4, 1)


@pytest.mark.usefixtures("machine")
def test_more_jobs_than_gpus_share_them() -> None:
    assert places("cuda:2", runs=13, jobs=3).per_device == 3
    assert places("cuda", runs=13, jobs=6).per_device == 2


@pytest.mark.usefixtures("machine")
def test_there_are_never_more_jobs_than_runs() -> None:
    assert places("cpu", runs=1, jobs=5) == Places((CPU,), 1, 8)
