"""The public Python interface, without starting any engine."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import labtui
from labtui.api import lifecycle
from labtui.api.notebook import LabHandle, WaitTimeout
from labtui.errors import LabError, MachineError, UsageError
from labtui.launch.queue.entries import remove_entry, waiting_entries
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.state import State
from tests.support.labs import CATALOG
from tests.support.processes import environment
from tests.support.samples import make_launch, make_result, write_run


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabHandle:
    """A lab in the current folder, without a queue runner."""
    (tmp_path / "experiments.toml").write_text(CATALOG, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABTUI_DATA", "/dev/null/data")
    monkeypatch.setattr(lifecycle, "ensure_runner", lambda _: True)
    return labtui.open()


def test_importing_labtui_loads_nothing_else_until_the_interface_is_used() -> None:
    program = """
import sys
before = set(sys.modules)
import labtui
print(*sorted(set(sys.modules) - before))
labtui.LabError, labtui.open
print(*[name for name in ("torch", "textual", "numpy", "scipy", "pandas") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout == "labtui\n\n"


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(labtui, name) is not None for name in labtui.__all__)
    assert set(labtui.__all__) <= set(dir(labtui))
    with pytest.raises(AttributeError, match="no attribute 'close'"):
        labtui.close  # noqa: B018


def test_the_current_folder_a_folder_and_a_catalog_open_the_same_lab(
    lab: LabHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    opened = (labtui.open(), labtui.open(tmp_path), labtui.open("../experiments.toml"))
    assert {repr(one).replace("elsewhere/../", "") for one in opened} == {repr(lab)}
    assert repr(labtui.open(tmp_path, runs="others")).endswith(f"runs {elsewhere / 'others'}>")


def test_a_catalog_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml"):
        labtui.open(tmp_path / "none.toml")


def test_experiments_are_values_and_a_table(lab: LabHandle) -> None:
    assert [experiment.name for experiment in lab.experiments] == ["network", "dropout", "normalization", "adam"]
    assert isinstance(lab.experiments, tuple)
    assert "<td>optimizer.lr</td>" in lab.experiments._repr_html_()
    assert lab.experiments.to_frame()["variants"].tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [(None, [0, 1]), (3, [0, 1, 2]), ([0, 4], [0, 4]), ("0-2", [0, 1, 2]), (range(2), [0, 1]), (np.arange(2), [0, 1])],
)
def test_seeds_are_given_as_a_count_a_sequence_or_text(lab: LabHandle, seeds: object, expected: list[int]) -> None:
    runs = lab.run("normalization", seeds=seeds, dataset="digits")  # type: ignore[arg-type]
    assert [run.run.seed for run in runs] == expected


@pytest.mark.parametrize("seeds", ["x", [0.5], [0, 0], -1, 2.0, []])
def test_what_is_no_seed_is_a_usage_error_and_queues_nothing(lab: LabHandle, seeds: object) -> None:
    with pytest.raises(UsageError, match="seed"):
        lab.run("network", seeds=seeds, dataset="digits")  # type: ignore[arg-type]
    assert lab.runs() == ()


def test_queued_runs_are_those_of_the_command_line(lab: LabHandle, tmp_path: Path) -> None:
    runs = lab.run(["network", "adam@0.01"], dataset="digits", epochs=1, device="cpu")
    assert isinstance(runs, tuple)
    assert [run.run.name for run in runs] == ["network", "adam@0.01"]
    assert [run.state for run in runs] == ["queued", "queued"]
    assert [run.folder for run in runs] == [tmp_path / "runs" / run.id for run in runs]
    assert runs[0].run.spec is not None
    assert runs[0].run.spec.training.epochs == 1
    assert [(entry.run, entry.ticket.device) for entry in waiting_entries(tmp_path / "runs") if entry.ticket] == [
        (run.id, "cpu") for run in runs
    ]
    assert set(lab.runs()) == set(runs)
    assert "<td>queued</td>" in runs._repr_html_()


@pytest.mark.parametrize(
    "overrides",
    [
        {"model.dropout": (0.1, 0.1), "lr": 0.5},
        ["model.dropout=[0.1, 0.1]", "lr=0.5"],
        {"dropout": [0.1, 0.1], "lr": "0.5"},
    ],
)
def test_overrides_are_a_mapping_or_texts(lab: LabHandle, overrides: object) -> None:
    (run,) = lab.run("dropout", overrides=overrides, epochs=3, dataset="digits")  # type: ignore[arg-type]
    assert run.run.spec is not None
    assert run.run.spec.overrides == {"model.dropout": [0.1, 0.1], "optimizer.lr": 0.5, "training.epochs": 3}


def test_one_override_may_be_a_plain_text(lab: LabHandle) -> None:
    (run,) = lab.run("dropout", overrides="lr=0.5", dataset="digits")
    assert run.run.spec is not None
    assert run.run.spec.overrides == {"optimizer.lr": 0.5}


def test_wrong_names_devices_and_data_sets_are_lab_errors_that_queue_nothing(lab: LabHandle) -> None:
    with pytest.raises(LabError, match="Did you mean dropout"):
        lab.run("dropot")
    with pytest.raises(LabError, match="at least one experiment"):
        lab.run([])
    with pytest.raises(LabError, match="toaster"):
        lab.run("dropout", device="toaster")
    with pytest.raises(LabError, match="no-such-set"):
        lab.run("dropout", dataset="no-such-set")
    with pytest.raises(LabError, match="CIFAR-10"):
        lab.run("dropout", dataset="cifar10")
    assert lab.runs() == ()


def test_a_fallback_data_set_is_a_warning_at_the_line_of_the_caller(lab: LabHandle) -> None:
    with pytest.warns(labtui.LabWarning, match="Digits data set instead") as caught:
        lab.run("dropout")
    assert caught[0].filename == __file__


def test_stopping_a_queued_run_removes_it_from_the_queue(lab: LabHandle, tmp_path: Path) -> None:
    (run,) = lab.run("network", dataset="digits")
    assert run.stop()
    assert run.state is State.STOPPED
    assert run.run.reason == "removed from the queue"
    assert run.wait() is State.STOPPED
    assert not run.folder.exists()
    assert lab.runs() == ()
    assert list(waiting_entries(tmp_path / "runs")) == []


def test_waiting_has_a_timeout_and_keeps_a_queue_runner_running(
    lab: LabHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = lab.run("network", dataset="digits")
    started: list[Path] = []

    def ensure_runner(root: Path) -> bool:
        started.append(root)
        return True

    monkeypatch.setattr(lifecycle, "ensure_runner", ensure_runner)
    with pytest.raises(TimeoutError, match=r"still queued after 0\.01 s"):
        run.wait(timeout=0.01)
    assert started == [tmp_path / "runs"]
    assert issubclass(WaitTimeout, LabError)


def test_waiting_for_a_run_that_nothing_will_start_does_not_block_forever(lab: LabHandle, tmp_path: Path) -> None:
    (run,) = lab.run("network", dataset="digits")
    for entry in waiting_entries(tmp_path / "runs"):
        remove_entry(entry)
    with pytest.raises(LabError, match="is not queued"):
        run.wait()


def test_a_run_whose_folder_is_gone_is_a_lab_error(lab: LabHandle, tmp_path: Path) -> None:
    (run,) = lab.run("network", dataset="digits")
    run.folder.rename(tmp_path / "moved")
    with pytest.raises(LabError, match="There is no run"):
        run.wait()


def finished_lab(lab: LabHandle, tmp_path: Path) -> LabHandle:
    """Two finished seeds of network and of dropout."""
    for name, accuracy in (("network", 90.0), ("dropout", 92.0)):
        for run in lab.run(name, seeds=2, dataset="digits"):
            assert run.run.spec is not None
            result = make_result(
                last={"test/accuracy": {"step": 2, "value": accuracy + run.run.spec.seed}}, test_images=360
            )
            write_run(run.folder, spec=run.run.spec, launch=make_launch(), result=result, attempt=1)
    for entry in waiting_entries(tmp_path / "runs"):
        remove_entry(entry)
    return lab


def test_curves_are_numpy_arrays_by_tag_and_a_frame(lab: LabHandle) -> None:
    (run,) = lab.run("network", dataset="digits")
    events = [version_event(0.0), *(scalar_event(float(step), step, "val/loss", 1 / step) for step in (1, 2, 4))]
    (run.folder / "events.out.tfevents.0000000001.host.1.1").write_bytes(b"".join(events))
    curves = lab.curves(run)
    assert list(curves) == ["val/loss"]
    assert curves["val/loss"].values.tolist() == [1.0, 0.5, 0.25]
    assert list(lab.curves(run.id)) == list(lab.curves("last")) == ["val/loss"]
    frame = curves.to_frame()
    assert frame.columns.tolist() == ["tag", "unit", "step", "value", "wall_time"]
    assert frame["step"].tolist() == [1, 2, 4]
    assert repr(curves) == "<labtui curves: val/loss (3)>"
    assert "<td>0.25</td>" in curves._repr_html_()
    with pytest.raises(UsageError, match="No run matches"):
        lab.curves("nothing")


def test_a_comparison_is_typed_values_a_frame_html_and_text(lab: LabHandle, tmp_path: Path) -> None:
    comparison = finished_lab(lab, tmp_path).compare("dropout")
    assert [(row.name, row.mean) for row in comparison.rows] == [("network", 90.5), ("dropout", 92.5)]
    frame = comparison.to_frame()
    assert frame["name"].tolist() == ["network", "dropout"]
    assert frame["delta"].tolist()[1] == 2.0
    assert "<td>92.50</td>" in comparison._repr_html_()
    assert "92.50" in repr(comparison)
    assert [row.name for row in lab.compare().rows] == ["network", "dropout"]
    with pytest.raises(UsageError, match="Did you mean"):
        lab.compare("dropot")


def test_html_never_contains_markup_from_outside(lab: LabHandle, tmp_path: Path) -> None:
    evil = '\n[experiment.evil]\ntitle = "E"\ndescription = "<script>alert(1)</script>"\n'
    (tmp_path / "experiments.toml").write_text(CATALOG + evil, "utf-8")
    assert "<script>" not in labtui.open().experiments._repr_html_()


def test_without_pandas_a_frame_says_how_to_install_it(
    lab: LabHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = finished_lab(lab, tmp_path).compare("dropout")
    monkeypatch.setitem(sys.modules, "pandas", None)
    for result in (comparison, lab.runs(), lab.experiments, lab.curves("last")):
        with pytest.raises(MachineError, match="pip install pandas"):
            result.to_frame()
    assert comparison.rows
    assert comparison._repr_html_()
