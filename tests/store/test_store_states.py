"""docs/states.md is the truth table of `derive`."""

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labtui.store.records import Exit
from labtui.store.state import Facts, State, derive
from tests.support.samples import gone_process, make_beat, make_launch, make_result

DOCUMENT = Path(__file__).parents[2] / "docs" / "states.md"

RESULTS = ("none", "finished", "stopped", "diverged", "failed")
EXITS = ("none", "0", "3", "SIGTERM", "SIGKILL", "SIGSEGV")
LAUNCHES = ("none", "early", "full")
PLACES = ("here", "restarted", "copied", "elsewhere")
LOCKS = ("held", "free", "unknown")
LIVES = ("alive", "gone", "unknown")
BEATS = ("none", "loading", "training")
SILENCES = (0.0, 9.9, 10.0, 29.9, 30.0, 59.9, 60.0, 4000.0)
NO_YES = ("no", "yes")
QUEUES = ("waits", "aside", "none")

LAUNCH_FILES = {"none": None, "early": make_launch(engine=None), "full": make_launch(engine=gone_process())}
BEAT_FILES = {"none": None, "loading": make_beat(phase="loading"), "training": make_beat(phase="training")}

Row = dict[str, str]


def tables() -> list[list[Row]]:
    """The document's tables, each as rows by column."""
    found: list[list[Row]] = []
    header: list[str] = []
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            header = []
        elif not header:
            header = cells
            found.append([])
        elif set(cells[0]) != {"-"}:
            found[-1].append(dict(zip(header, cells, strict=True)))
    return found


def table(*columns: str) -> list[Row]:
    (found,) = [rows for rows in tables() if tuple(rows[0])[: len(columns)] == columns]
    return found


SUPERVISED = table("lock", "supervisor", "supervised")
STATES = table("claimed", "spec")
FOREIGN = table("silence", "moved")


def fits(cell: str, fact: Any) -> bool:
    if cell == "*":
        return True
    if cell[0] in "<≥":
        limit = float(cell[1:])
        return bool(fact < limit) if cell[0] == "<" else bool(fact >= limit)
    return fact in cell.split("/")


def first(rows: list[Row], facts: dict[str, Any]) -> Row:
    return next(row for row in rows if all(fits(cell, facts[key]) for key, cell in row.items() if key in facts))


def build(symbols: dict[str, Any]) -> Facts:
    number = getattr(signal, symbols["exit"], None)
    code = int(symbols["exit"]) if symbols["exit"].isdecimal() else None
    return Facts(
        spec_damage="spec.json: key spec.seed: missing" if symbols["spec"] == "damaged" else "",
        attempt=1 if symbols["claimed"] == "yes" else 0,
        launch=LAUNCH_FILES[symbols["launch"]],
        here=symbols["where"] != "elsewhere",
        restarted=symbols["where"] == "restarted",
        copied=symbols["where"] == "copied",
        lock=symbols["lock"],
        parent=symbols["supervisor"],
        engine=symbols["engine"],
        beat=BEAT_FILES[symbols["beat"]],
        silence=symbols["silence"],
        moved=symbols["moved"] == "yes",
        exit=None if symbols["exit"] == "none" else Exit(code=code, signal=number, ended=0.0),
        result=None
        if symbols["result"] == "none"
        else make_result(outcome=symbols["result"], reason="as the engine said"),
        stop_requested=symbols["asked"] == "yes",
        queued=symbols["queue"] == "waits",
        set_aside="there is no cuda:9 here" if symbols["queue"] == "aside" else "",
    )


DEFAULTS: dict[str, tuple[Any, ...]] = {
    "claimed": ("yes",), "spec": ("good",), "queue": ("none",), "result": ("none",), "exit": ("none",),
    "asked": ("no",), "launch": ("full",), "where": ("here",), "lock": ("held",), "supervisor": ("alive",),
    "engine": ("alive",), "beat": ("training",), "silence": (0.0,), "moved": ("yes",),
}  # fmt: skip


def combinations(**varied: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    columns = DEFAULTS | varied
    for values in itertools.product(*columns.values()):
        yield dict(zip(columns, values, strict=True))


LOOKING = {
    "launch": LAUNCHES, "where": PLACES, "lock": LOCKS, "supervisor": LIVES, "engine": LIVES, "beat": BEATS,
    "silence": SILENCES, "moved": NO_YES,
}  # fmt: skip
ENDED = {
    "claimed": NO_YES, "spec": ("good", "damaged"), "result": RESULTS, "exit": EXITS, "asked": NO_YES,
    "where": PLACES, "lock": LOCKS, "engine": LIVES, "silence": (0.0, 4000.0),
}  # fmt: skip
NOT_STARTED = {"claimed": ("no",), "spec": ("good", "damaged"), "queue": QUEUES, "lock": LOCKS, "silence": SILENCES}


@pytest.mark.parametrize(
    ("varied", "least"),
    [(LOOKING, 10), (ENDED, 10), (NOT_STARTED, 3)],
    ids=["while nobody said how it ended", "files that say how it ended", "before any attempt"],
)
def test_every_combination_of_facts_gives_the_state_and_reason_of_the_first_matching_row(
    varied: dict[str, Any], least: int
) -> None:
    used = set()
    for symbols in combinations(**varied):
        supervised = first(SUPERVISED, symbols)["supervised"]
        row = first(STATES, symbols | {"supervised": supervised})
        state, reason = derive(build(symbols))
        assert state == row["state"], (symbols, supervised, reason)
        assert row["reason"] in reason, (symbols, reason)
        assert bool(row["reason"]) == bool(reason), (symbols, reason)
        used.add(tuple(row.values()))
    assert len(used) > least


def test_every_row_of_the_table_is_reached_by_some_combination() -> None:
    reached = set()
    for symbols in itertools.chain(*(combinations(**varied) for varied in (LOOKING, ENDED, NOT_STARTED))):
        row = first(STATES, symbols | {"supervised": first(SUPERVISED, symbols)["supervised"]})
        reached.add(STATES.index(row))
    assert reached == set(range(len(STATES)))


@pytest.mark.parametrize(
    ("queue", "message"),
    [("waits", "queued to resume"), ("aside", "`labtui queue retry` tries again): there is no cuda:9 here")],
)
@pytest.mark.parametrize("result", ["stopped", "failed"])
def test_a_run_whose_next_attempt_is_queued_or_could_not_be_started_keeps_its_state_and_says_so(
    queue: str, message: str, result: str
) -> None:
    (symbols,) = combinations(result=(result,), queue=(queue,))
    state, reason = derive(build(symbols))
    assert (state, reason.partition("; ")[0]) == (State(result), "as the engine said")
    assert reason.endswith(message)


@pytest.mark.parametrize("silence", [0.0, 29.9, 30.0, 900.0])
@pytest.mark.parametrize("moved", NO_YES)
def test_a_foreign_run_is_live_or_quiet_as_the_table_says(silence: float, moved: str) -> None:
    row = first(FOREIGN, {"silence": silence, "moved": moved})
    assert derive(Facts(foreign=True, silence=silence, moved=moved == "yes"))[0] == row["state"]


def test_the_document_lists_every_state_and_which_ones_are_active_or_over() -> None:
    named = [name for row in table("state", "means") for name in row["state"].split(", ")]
    assert named == [state.value for state in State]
    assert {state for state in State if state.is_active} == {State.STARTING, State.RUNNING, State.STALLED, State.LIVE}
    assert {state for state in State if state.is_over} == {
        State.FINISHED, State.STOPPED, State.DIVERGED, State.FAILED, State.LOST,
    }  # fmt: skip
    assert not any(state.is_active and state.is_over for state in State)
