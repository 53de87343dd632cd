"""The devices of a machine, and which one a request means."""

import platform
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.errors import MachineError, UsageError
from labtui.launch import devices
from labtui.launch.devices import Device, Survey, candidates, choose, survey
from labtui.launch.environment import MAX_THREADS, jobs_at_once, threads_per_run, usable_cores
from labtui.launch.nvml import NvmlUnavailable, visible_gpus

GIB = 1 << 30
CPU = Device(name="cpu", title="a CPU", cores=8)
MPS = Device(name="mps", title="Apple GPU")


def gpu(index: int, **facts: object) -> Device:
    return Device(
        **{"name": f"cuda:{index}", "title": "a GPU", "uuid": f"GPU-{index}", "memory_free": 8 * GIB, **facts}
    )


class NVMLError(Exception):
    pass


class NVMLError_LibraryNotFound(NVMLError):  # noqa: N801 (NVIDIA's name)
    pass


class NVMLError_DriverNotLoaded(NVMLError):  # noqa: N801 (NVIDIA's name)
    pass


class Driver:
    """NVIDIA's library for an imaginary machine; a fact that is an exception is raised when it is queried."""

    NVMLError = NVMLError
    NVMLError_LibraryNotFound = NVMLError_LibraryNotFound
    NVMLError_DriverNotLoaded = NVMLError_DriverNotLoaded

    def __init__(self, *gpus: dict[str, object], init: Exception | None = None) -> None:
        self.gpus, self.init = gpus, init

    def nvmlInit(self) -> None:  # noqa: N802 (NVIDIA's name)
        if self.init:
            raise self.init

    def nvmlShutdown(self) -> None:  # noqa: N802 (NVIDIA's name)
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 (NVIDIA's name)
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, object]:  # noqa: N802 (NVIDIA's name)
        return self.gpus[index]

    def nvmlDeviceGetMaxMigDeviceCount(self, _: dict[str, object]) -> int:  # noqa: N802 (NVIDIA's name)
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: dict, index: int) -> object:  # noqa: N802 (NVIDIA's name)
        if index >= len(handle["parts"]):
            raise NVMLError("Not Found")
        return handle["parts"][index]

    def __getattr__(self, name: str) -> object:
        def ask(handle: dict[str, object]) -> object:
            answer = handle.get(name.removeprefix("nvmlDeviceGet"), NVMLError("Not Supported"))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def card(uuid: str, **facts: object) -> dict[str, object]:
    memory = SimpleNamespace(total=80 * GIB, free=70 * GIB)
    facts_of_card = {
        "UUID": uuid,
        "Name": b"NVIDIA H200",
        "MemoryInfo": memory,
        "UtilizationRates": SimpleNamespace(gpu=30),
    }
    return {**facts_of_card, "ComputeRunningProcesses": [], **facts}


def uuids(driver: Driver, visible: str | None = None) -> list[str]:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return [found.uuid for found in visible_gpus(environment, driver)]


def test_the_cpu_is_always_there_with_its_cores_memory_and_load() -> None:
    cpu = survey().devices[0]
    assert cpu.name == "cpu"
    assert cpu.title
    assert cpu.cores == usable_cores()
    assert 0 < cpu.memory_free <= cpu.memory_total
    assert 0 <= cpu.load <= 100


def test_gpus_are_listed_with_memory_load_and_processes() -> None:
    busy = SimpleNamespace(pid=77, usedGpuMemory=5 * GIB)
    hidden = SimpleNamespace(pid=78, usedGpuMemory=2**64 - 1)
    (found,) = visible_gpus({}, Driver(card("GPU-a", ComputeRunningProcesses=[busy, hidden])))

    assert (found.uuid, found.name, found.load) == ("GPU-a", "NVIDIA H200", 30.0)
    assert (found.memory_total, found.memory_free) == (80 * GIB, 70 * GIB)
    assert found.processes == ((77, 5 * GIB), (78, None))


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-aa", "GPU-ab", "GPU-c"]),
        ("", []),
        ("2,0", ["GPU-c", "GPU-aa"]),
        ("GPU-c, GPU-ab", ["GPU-c", "GPU-ab"]),
        ("GPU-a", []),
        ("1,9,0", ["GPU-ab"]),
        ("-1", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(visible: str | None, expected: list[str]) -> None:
    assert uuids(Driver(card("GPU-aa"), card("GPU-ab"), card("GPU-c")), visible) == expected


def test_a_divided_gpu_is_listed_by_its_instances() -> None:
    parts = [card("MIG-1", UtilizationRates=NVMLError("Not Supported")), card("MIG-2")]
    driver = Driver(card("GPU-a", MigMode=(1, 1), parts=parts), card("GPU-b"))
    assert uuids(driver) == ["MIG-1", "MIG-2", "GPU-b"]
    assert uuids(driver, "MIG-2") == ["MIG-2"]
    assert visible_gpus({}, driver)[0].load is None


def test_what_a_driver_does_not_report_is_unknown_and_not_an_error() -> None:
    silent = {name: NVMLError("lost") for name in ("Name", "MemoryInfo", "UtilizationRates", "ComputeRunningProcesses")}
    (found,) = visible_gpus({}, Driver(card("GPU-a", **silent), card("", UUID=NVMLError("fallen off the bus"))))
    assert (found.name, found.memory_total, found.load, found.processes) == ("NVIDIA GPU", None, None, ())


def test_no_driver_means_no_gpu_and_a_driver_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert visible_gpus({}, Driver(init=NVMLError_LibraryNotFound())) == ()
    assert visible_gpus({}, Driver(init=NVMLError_DriverNotLoaded())) == ()

    def mute(environment: object) -> tuple[()]:
        raise NvmlUnavailable("Driver/library version mismatch")

    monkeypatch.setattr(devices, "visible_gpus", mute)
    assert "Driver/library version mismatch" in survey().notices[0]
    with pytest.raises(MachineError, match="Driver/library version mismatch"):
        choose("cuda")


def install_torch(folder: Path, version: str) -> None:
    """Make `folder` on `sys.path` hold the metadata of this version of torch, and of no other."""
    for old in folder.iterdir():
        (old / "METADATA").unlink()
        old.rmdir()
    metadata_of = folder / f"torch-{version}.dist-info"
    metadata_of.mkdir()
    (metadata_of / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")


def test_a_gpu_that_torch_cannot_use_is_listed_with_the_reason_and_not_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(card("GPU-a"))
    monkeypatch.syspath_prepend(tmp_path)
    install_torch(tmp_path, "2.15.0+cpu")
    monkeypatch.setattr(devices, "visible_gpus", lambda environment: visible_gpus(environment, driver))

    found = survey({})

    assert [one.name for one in found.devices][:2] == ["cpu", "cuda:0"]
    assert "2.15.0+cpu" in found.notices[0]
    assert choose("auto", found).name == "cpu"
    for requested in ("cuda", "cuda:0"):
        with pytest.raises(MachineError, match="built for the CPU"):
            choose(requested, found)


def test_torchs_version_is_read_once_and_again_when_packages_were_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, reads, real = Driver(card("GPU-a")), [], metadata.version
    monkeypatch.setattr(devices, "visible_gpus", lambda environment: visible_gpus(environment, driver))
    monkeypatch.setattr(metadata, "version", lambda name: (reads.append(name), real(name))[1])
    monkeypatch.syspath_prepend(tmp_path)

    install_torch(tmp_path, "97.0+cpu")
    for _ in range(3):
        assert "97.0+cpu" in survey({}).notices[0]
    install_torch(tmp_path, "98.0")
    assert survey({}).notices == ()
    install_torch(tmp_path, "99.0+cpu")
    assert "99.0+cpu" in survey({}).notices[0]
    assert reads == ["torch"] * 3


def test_a_machine_without_a_gpu_does_not_look_for_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "visible_gpus", lambda _: ())
    monkeypatch.syspath_prepend(tmp_path)  # what was read of other folders before does not count
    monkeypatch.setattr(metadata, "version", lambda _: pytest.fail("the version is not needed"))
    assert survey({}).notices == ()


def test_apples_gpu_is_found_only_on_apples_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    for machine, names in (("arm64", ["cpu", "mps"]), ("x86_64", ["cpu"])):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert [one.name for one in survey({"CUDA_VISIBLE_DEVICES": ""}).devices] == names


def test_auto_is_the_least_busy_gpu_with_free_memory_then_mps_then_the_cpu() -> None:
    def auto(*found: Device) -> str:
        return choose("auto", Survey((CPU, *found))).name

    assert auto(gpu(0, load=90.0), gpu(1, load=5.0)) == "cuda:1"
    assert auto(gpu(0, load=90.0), gpu(1, load=5.0, memory_free=GIB)) == "cuda:0"
    assert auto(gpu(0, memory_free=GIB), MPS) == "mps"
    assert auto(gpu(0, memory_free=GIB)) == "cpu"
    assert auto(gpu(0, memory_free=None)) == "cuda:0"
    assert auto() == "cpu"


def test_cuda_is_any_gpu_and_never_another_device() -> None:
    full = replace(gpu(0), memory_free=0)
    assert [one.name for one in candidates("cuda", Survey((CPU, full, gpu(1, load=50.0))))] == ["cuda:0", "cuda:1"]
    with pytest.raises(MachineError, match="There is no cuda on this machine"):
        choose("cuda", Survey((CPU, MPS)))


def test_a_missing_device_is_an_error_that_lists_the_usable_ones() -> None:
    with pytest.raises(MachineError, match=r"There is no cuda:3 on this machine.*cpu \(a CPU\), cuda:0 \(a GPU\)"):
        choose("cuda:3", Survey((CPU, gpu(0))))
    with pytest.raises(MachineError, match="There is no mps on this machine"):
        choose("mps", Survey((CPU,)))


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:٣", "CPU", "", "cpu:0"])
def test_a_word_that_is_not_a_device_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError, match="is not a device"):
        choose(word, Survey((CPU,)))


@given(jobs=st.integers(-3, 500), cores=st.integers(1, 500))
def test_threads_share_the_cores_without_exceeding_them(jobs: int, cores: int) -> None:
    threads = threads_per_run(jobs, cores)
    assert 1 <= threads <= MAX_THREADS
    assert threads * min(max(jobs, 1), cores) <= cores
    assert 1 <= jobs_at_once(max(jobs, 1), cores) <= cores
