"""`python -m labtui.engine`: its exit codes, and how it is stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from labtui.spec import Cnn, Data, RunSpec, Training
from labtui.store.files import read_json, read_json_or_none, write_json
from labtui.store.paths import RunPaths
from labtui.store.process import process_id
from labtui.store.records import Beat, Result, StopRequest
from labtui.store.stop_signal import HANDLED, StopSignal
from tests.support.processes import environment
from tests.support.samples import make_spec
from tests.support.training import make_attempt, state_hash, tiny_spec

PATIENCE = 90.0
LONG = Training(epochs=5_000)


def digits_spec(training: Training) -> RunSpec:
    return make_spec(data=Data(name="digits"), model=Cnn(dropout=(0.3, 0.2)), training=training)


def start(folder: Path, spec: RunSpec, *, resume: bool = False, parent: int | None = None) -> subprocess.Popen[bytes]:
    attempt = make_attempt(folder, spec, resume=resume)
    if parent is not None:
        launch = msgspec.structs.replace(attempt.launch, parent=process_id(parent))
        write_json(attempt.files.launch, launch)
    with attempt.files.log.open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "labtui.engine", str(folder)], stdout=log, stderr=log)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_training(folder: Path) -> bool:
    beat = read_json_or_none(RunPaths(folder).beat, Beat)
    return beat is not None and beat.phase == "training" and beat.step > 0


@pytest.fixture
def engines() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for engine in running:
        engine.kill()
        engine.wait()


def by_request(engine: subprocess.Popen[bytes], folder: Path) -> None:
    path = RunPaths(folder).attempt(1).stop_request
    path.parent.mkdir()
    write_json(path, StopRequest(by="a test", when=0.0))


def by_signal(number: signal.Signals) -> Callable[[subprocess.Popen[bytes], Path], None]:
    return lambda engine, _: engine.send_signal(number)


STOPS: dict[str, tuple[Callable[[subprocess.Popen[bytes], Path], None], int, str]] = {
    "request": (by_request, 0, "asked to stop"),
    "SIGTERM": (by_signal(signal.SIGTERM), 143, "received SIGTERM"),
    "SIGINT": (by_signal(signal.SIGINT), 130, "received SIGINT"),
}


@pytest.mark.timeout(300)
def test_an_engine_that_is_asked_to_stop_saves_and_reports_it(
    tmp_path: Path, engines: list[subprocess.Popen[bytes]]
) -> None:
    spec = digits_spec(LONG)
    engines += [start(tmp_path / name, spec) for name in STOPS]
    # An engine whose recorded parent is not its parent (any more) sees what one sees whose parent has died.
    orphan = start(tmp_path / "orphan", spec, parent=os.getppid())
    engines.append(orphan)
    assert orphan.wait(PATIENCE) == 0
    for name, (stop, _, _) in STOPS.items():
        wait_for(lambda name=name: is_training(tmp_path / name))
        engine = engines[list(STOPS).index(name)]
        engine.send_signal(signal.SIGHUP)
        stop(engine, tmp_path / name)
    for engine, (name, (_, code, reason)) in zip(engines, STOPS.items(), strict=False):
        assert engine.wait(PATIENCE) == code
        result = read_json(RunPaths(tmp_path / name).result, Result)
        assert (result.outcome, result.reason) == ("stopped", reason)
        assert result.steps > 0
        assert RunPaths(tmp_path / name).checkpoint.exists()
    assert read_json(RunPaths(tmp_path / "orphan").result, Result).reason == "the process that started it is gone"


@pytest.mark.timeout(300)
def test_an_engine_killed_and_resumed_ends_like_an_uninterrupted_one(
    tmp_path: Path, engines: list[subprocess.Popen[bytes]]
) -> None:
    spec = digits_spec(Training(epochs=6, log_every=3))
    engines += [start(tmp_path / "straight", spec), start(tmp_path / "killed", spec)]
    wait_for(lambda: is_training(tmp_path / "killed") or engines[1].poll() is not None)
    engines[1].kill()
    engines[1].wait()
    again = start(tmp_path / "killed", spec, resume=True)
    engines.append(again)
    assert engines[0].wait(PATIENCE) == 0
    assert again.wait(PATIENCE) == 0
    straight, killed = (RunPaths(tmp_path / name) for name in ("straight", "killed"))
    assert state_hash(straight.checkpoint) == state_hash(killed.checkpoint)
    results = [read_json(paths.result, Result) for paths in (straight, killed)]
    deterministic = [
        {tag: last for tag, last in result.last.items() if not tag.startswith(("train/", "lr"))} for result in results
    ]
    assert deterministic[0] == deterministic[1]
    assert results[0].last["test/accuracy"].number > 50
    assert results[1].attempt == 2
    log = straight.attempt(1).log.read_text()
    assert log.count("epoch ") == 6
    assert "test  loss" in log


def test_a_second_signal_exits_immediately(tmp_path: Path) -> None:
    program = """
import os, signal
from labtui.store.stop_signal import StopSignal
stop = StopSignal()
stop.install_handlers()
os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGTERM)
assert stop.requested and stop.exit_code == 143
os.kill(os.getpid(), signal.SIGTERM)
print("still here")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment()
    )
    assert (done.returncode, done.stdout) == (143, "")
    assert "second signal" in done.stderr


def test_a_signal_after_a_stop_request_does_not_interrupt_saving() -> None:
    stop, before = StopSignal(), {number: signal.getsignal(number) for number in (*HANDLED, signal.SIGHUP)}
    try:
        stop.install_handlers()
        stop.request("asked to stop")
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (stop.exit_code, stop.reason) == (143, "received SIGTERM")


def test_a_folder_that_does_not_say_what_to_run_ends_with_2(tmp_path: Path) -> None:
    from labtui.engine.__main__ import main

    assert main([]) == 2
    assert main([str(tmp_path / "nothing")]) == 2
    make_attempt(tmp_path, tiny_spec())
    (tmp_path / "spec.json").write_text('{"schema": 1, "spec": 3}')
    assert main([str(tmp_path)]) == 2


def test_missing_data_ends_with_3_and_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from labtui.engine.__main__ import main

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        attempt = make_attempt(tmp_path / "run", tiny_spec())
        launch = msgspec.structs.replace(attempt.launch, data_root=str(tmp_path))
        write_json(attempt.files.launch, launch)
        assert main([str(tmp_path / "run")]) == 3
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    result = read_json(attempt.paths.result, Result)
    assert result.outcome == "failed"
    assert "CIFAR-10" in result.reason
    assert "labtui data get" in capsys.readouterr().out
