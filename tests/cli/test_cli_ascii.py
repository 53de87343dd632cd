"""Where the locale is not UTF-8, a terminal gets ASCII; files and pipes get the text itself."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import environment
from tests.support.samples import make_result, write_run


@pytest.fixture
def runs(here: Path) -> Path:
    folder = here / "runs" / "größe-漢" / "Dropout" / "s0-a"
    write_run(folder, result=make_result(outcome="failed", reason="loss is too large: 5 ± 1 …"), attempt=1)
    return here / "runs"


def on_terminal(*arguments: str, locale: str) -> str:
    """What a command writes to a terminal, stdout and stderr together."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "labtui", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**environment(), "LC_ALL": locale, "TERM": "xterm",
                                                         "COLUMNS": "200", "NO_COLOR": "1"},
    ):  # fmt: skip
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux reports the end of a terminal as an error
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
    os.close(ours)
    return shown.decode()


def test_a_terminal_of_the_locale_c_gets_ascii_with_signs_spelled_out(runs: Path) -> None:
    plain = on_terminal("ps", locale="C")
    assert plain.isascii(), plain
    assert "gr??e-?/Dropout/s0-a" in plain
    assert "5 +- 1 ~" in plain
    assert "größe-漢" in on_terminal("ps", locale="C.UTF-8")


def test_json_on_such_a_terminal_is_spelled_as_json_spells_it(runs: Path) -> None:
    shown = on_terminal("ps", "--json", locale="C")
    assert shown.isascii()
    assert json.loads(shown)["id"] == "größe-漢/Dropout/s0-a"
