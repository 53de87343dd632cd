"""How a program's attempt ended. Pure. Exit codes lie: what counts is what was asked for and what was recorded.

Lightning exits with 0 when it is terminated, and Hugging Face's trainer with a signal and nothing saved, so a run that
was asked to stop has stopped whatever its code. A program that exits with 0 without its metric has failed: no
comparison could use it.
"""

import math
import signal
from collections.abc import Mapping

from labtui.store.attempt import Ending
from labtui.store.records import LastValue
from labtui.store.state import signal_name

NOT_EXECUTABLE = (126, 127)
"""What a shell exits with if a command cannot be run or was not found."""


def ending(
    code: int, last: Mapping[str, LastValue], metric: str | None, *, asked: str = "", asked_code: int = 0,
    last_line: str = "", note: str = "",
) -> Ending:  # fmt: skip
    """How a program ended that exited with `code` (negative for a signal) and left these last values.

    `metric` is the tag that it is judged by, `asked` why it was asked to stop, `last_line` the end of its output, and
    `note` what else is worth saying.
    """
    if asked:
        return Ending("stopped", _joined(asked, note), asked_code)
    value = last.get(metric) if metric else None
    if value is not None and not math.isfinite(value.number):
        return Ending("diverged", f"{metric} is {value.value} at step {value.step:,}", 1, value.step)
    if code < 0:
        name = signal_name(-code)
        hint = ", perhaps because memory ran out" if -code == signal.SIGKILL else ""
        return Ending("failed", _joined(f"the program was killed by {name}{hint}", last_line), 1)
    if code:
        hint = " (the command was not found or cannot be executed)" if code in NOT_EXECUTABLE else ""
        return Ending("failed", _joined(f"the program exited with code {code}{hint}", last_line), 1)
    if metric and value is None:
        return Ending("failed", _without_metric(metric, last), 1)
    return Ending("finished", note)


def _without_metric(metric: str, last: Mapping[str, LastValue]) -> str:
    import difflib  # deferred: only needed here

    near = difflib.get_close_matches(metric, last, 1, 0.6)
    recorded = f"it recorded {', '.join(sorted(last)[:8])}" if last else "it recorded no metric at all"
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"the program ended without {metric}{hint}: {recorded}"


def _joined(*parts: str) -> str:
    return ": ".join(filter(None, parts))
