"""Which data set a run gets, with and without a network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from labtui.datasets import FetchError, decide, is_present, load
from labtui.datasets.info import DatasetSource
from labtui.errors import MachineError, UsageError
from tests.support.servers import Server, answers, hangs, stalls, well
from tests.support.tiny_data import CONTENTS, FOLDER, is_whole, tiny_source

Serve = Callable[..., Server]
Register = Callable[[DatasetSource], None]


def test_what_is_here_is_taken_without_asking_anybody(serve: Serve, register: Register, tmp_path: Path) -> None:
    server = serve(well)
    register(tiny_source(server.base))
    first = decide("tiny", "digits", tmp_path, pinned=False)
    asked = len(server.requests)
    assert decide("tiny", "digits", tmp_path, pinned=True) == first
    assert (first.name, first.fallback, first.requested, first.why) == ("tiny", False, "tiny", "")
    assert len(server.requests) == asked == 1
    assert is_whole(tmp_path)


def test_what_is_not_available_is_replaced_and_the_reason_is_one_line(
    serve: Serve, register: Register, tmp_path: Path
) -> None:
    register(tiny_source(serve(answers(404)).base, serve(answers(503)).base))
    decision = decide("tiny", "digits", tmp_path, pinned=False)
    assert (decision.name, decision.fallback, decision.requested) == ("digits", True, "tiny")
    assert decision.why.startswith("it cannot be fetched: 127.0.0.1:")
    assert "answered 404" in decision.why
    assert "answered 503" in decision.why
    assert decision.why.endswith(".")
    assert "\n" not in decision.why


@pytest.mark.parametrize("how", ["silent", "slow"])
def test_a_network_that_answers_too_slowly_counts_as_none(
    serve: Serve, register: Register, tmp_path: Path, how: str
) -> None:
    register(tiny_source(serve(hangs if how == "silent" else stalls(100)).base))
    decision = decide("tiny", "digits", tmp_path, pinned=False, deadline=1.5, limit=2.0)
    assert decision.fallback
    assert ("did not answer within" if how == "silent" else "is too slow") in decision.why


def test_the_deadline_covers_all_addresses_together(serve: Serve, register: Register, tmp_path: Path) -> None:
    servers = [serve(hangs) for _ in range(3)]
    register(tiny_source(*(server.base for server in servers)))
    decision = decide("tiny", "digits", tmp_path, pinned=False, deadline=0.9)
    assert decision.fallback
    assert [len(server.requests) for server in servers] == [1, 1, 1]


@pytest.mark.parametrize(("offline", "pinned"), [("digits", True), (None, False), ("tiny", False)])
def test_a_pinned_data_set_never_falls_back(
    serve: Serve, register: Register, tmp_path: Path, offline: str | None, pinned: bool
) -> None:
    register(tiny_source(serve(answers(404)).base))
    with pytest.raises(MachineError, match=r"Tiny is not in .* and could not be fetched") as caught:
        decide("tiny", offline, tmp_path, pinned=pinned)
    assert caught.value.exit_code == 3
    for hint in ("labtui data get tiny", "Manually: put tiny.tar.gz", "--data DIR"):
        assert hint in caught.value.advice


def test_damage_is_repaired_where_the_network_allows(serve: Serve, register: Register, tmp_path: Path) -> None:
    register(tiny_source(serve(well).base))
    decide("tiny", "digits", tmp_path, pinned=False)
    (tmp_path / FOLDER / "batch_2").write_bytes(b"\0" * len(CONTENTS["batch_2"]))
    assert is_present("tiny", tmp_path), "the size is right, only the content is not"
    assert not decide("tiny", "digits", tmp_path, pinned=False).fallback
    assert is_whole(tmp_path)


def test_damage_that_cannot_be_repaired_is_named_and_never_read(
    serve: Serve, register: Register, tmp_path: Path
) -> None:
    register(tiny_source(serve(well, answers(404)).base))
    decide("tiny", "digits", tmp_path, pinned=False)
    (tmp_path / FOLDER / "batch_2").write_bytes(b"\0" * len(CONTENTS["batch_2"]))
    decision = decide("tiny", "digits", tmp_path, pinned=False)
    assert decision.fallback
    assert "batch_2 is damaged" in decision.why
    with pytest.raises(MachineError, match=r"batch_2 is damaged \(MD5 .* expected\)\. Nothing was changed"):
        load("tiny", tmp_path)


def test_a_data_folder_that_cannot_be_written_is_a_reason_to_fall_back(
    serve: Serve, register: Register, tmp_path: Path
) -> None:
    register(tiny_source(serve(well).base))
    (tmp_path / "file").touch()
    decision = decide("tiny", "digits", tmp_path / "file" / "data", pinned=False)
    assert decision.fallback
    assert "cannot be written" in decision.why


def test_another_process_that_gets_nowhere_is_not_waited_for(serve: Serve, register: Register, tmp_path: Path) -> None:
    register(tiny_source(serve(well).base))
    with FileLock(tmp_path / ".tiny.lock"):
        decision = decide("tiny", "digits", tmp_path, pinned=False, deadline=0.3)
        assert decision.fallback
        assert "another labtui process" in decision.why
        with pytest.raises(FetchError, match="another labtui process"):
            decide("tiny", "digits", tmp_path, pinned=True, deadline=0.3)


def test_the_embedded_digits_are_always_available(tmp_path: Path) -> None:
    decision = decide("digits", None, tmp_path / "nowhere", pinned=True)
    assert (decision.name, decision.fallback) == ("digits", False)
    assert not (tmp_path / "nowhere").exists()


def test_an_unknown_data_set_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean cifar10"):
        decide("cifra10", "digits", tmp_path, pinned=False)
    with pytest.raises(UsageError, match="Did you mean digits"):
        decide("cifar10", "digit", tmp_path, pinned=False)


def test_without_any_network_it_is_decided_at_once(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a network namespace of its own: unshare -rn")
    code = (
        "from pathlib import Path; from labtui.datasets import decide;"
        f"print(decide('cifar10', 'digits', Path({str(tmp_path / 'data')!r}), pinned=False, deadline=600.0))"
    )
    environ = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    printed = subprocess.run(
        [unshare, "-rn", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environ,
    ).stdout
    assert "fallback=True" in printed
    assert "each of 3 addresses" in printed
