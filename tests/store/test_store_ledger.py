"""The ledger of looks: appended by several processes, never rewritten, readable when damaged."""

import subprocess
import sys

import pytest

from labtui.errors import MachineError
from labtui.store.ledger import Ledger, LedgerEntry, ledger_of


def entry(row: str, *seeds: int) -> LedgerEntry:
    return LedgerEntry(kind="look", time=1.5, row=row, baseline="b", metric="test/accuracy", row_seeds=seeds)


def test_entries_come_back_in_the_order_in_which_they_were_appended(tmp_path):
    ledger = Ledger(tmp_path / "runs", writable=True, state_folder=tmp_path / "state")
    assert ledger.entries() == ()
    ledger.append([entry("a", 0, 1), entry("b")])
    ledger.append([])
    ledger.append([LedgerEntry(kind="declared", time=2.0, row="recipe", row_seeds=(0, 1, 2))])
    assert [one.row for one in ledger.entries()] == ["a", "b", "recipe"]
    assert ledger.entries()[0] == entry("a", 0, 1)
    assert ledger.path == tmp_path / "runs" / ".labtui" / "ledger.jsonl"


def test_a_torn_line_costs_itself_alone(tmp_path):
    ledger = Ledger(tmp_path, writable=True, state_folder=tmp_path)
    ledger.append([entry("a"), entry("b")])
    torn = ledger.path.read_bytes()
    ledger.path.write_bytes(torn[:-20] + b"")
    ledger.append([entry("c")])
    assert [one.row for one in ledger.entries()] == ["a", "c"]


def test_a_folder_that_is_not_to_be_written_has_its_ledger_in_the_users_state(tmp_path):
    (tmp_path / "runs").mkdir()
    ledger = ledger_of(tmp_path / "runs", writable=False)
    ledger.append([entry("a")])
    assert list((tmp_path / "runs").iterdir()) == []
    assert ledger.entries() == (entry("a"),)
    assert ledger_of(tmp_path / "other", writable=False).entries() == ()


def test_processes_that_append_at_once_lose_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path; from labtui.store.ledger import Ledger, LedgerEntry\n"
        "ledger = Ledger(Path(sys.argv[1]), writable=True, state_folder=Path(sys.argv[1]))\n"
        "[ledger.append([LedgerEntry(kind='look', time=0.0, row=f'{sys.argv[2]}-{n}')]) for n in range(25)]\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(4)]
    assert [child.wait() for child in children] == [0, 0, 0, 0]
    rows = {one.row for one in Ledger(tmp_path, writable=True, state_folder=tmp_path).entries()}
    assert rows == {f"{writer}-{n}" for writer in range(4) for n in range(25)}


def test_a_look_that_cannot_be_recorded_is_an_error(tmp_path):
    (tmp_path / ".labtui").write_text("a file where the folder should be")
    with pytest.raises(MachineError, match="cannot be recorded"):
        Ledger(tmp_path, writable=True, state_folder=tmp_path).append([entry("a")])
