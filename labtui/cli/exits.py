"""From what happened to an exit code and a message: the one place where the command line ends.

0 ok; 1 a run failed or diverged; 2 usage or catalog; 3 environment; 4 an asserted comparison does not hold; 130, 143.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from io import StringIO, TextIOWrapper
from pathlib import Path

import click

from labtui.cli.streams import NobodyReads, Painted, say
from labtui.errors import EXIT_INTERRUPTED, EnvironmentFault, LabError


def main(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; every error ends here, as a message for people."""
    if sys.platform == "win32":
        say("labtui runs on Linux and macOS; on Windows use it inside WSL2.")
        return EnvironmentFault.exit_code
    _accept_every_character()
    try:
        return _answer(arguments)
    except NobodyReads:
        return _reader_went_away()


def _answer(arguments: Sequence[str]) -> int:
    from labtui.cli.main import group

    try:
        outcome = group.main(list(arguments), prog_name="labtui", standalone_mode=False)
    except click.exceptions.Exit as wanted:
        return wanted.exit_code
    except click.ClickException as fault:
        _show(fault)
        return fault.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return EXIT_INTERRUPTED
    except LabError as fault:
        tell(fault)
        return fault.exit_code
    except NobodyReads:
        raise
    except OSError as fault:
        tell(EnvironmentFault(_os_error_text(fault), advice="Mend it and try again."))
        return EnvironmentFault.exit_code
    except Exception as fault:  # noqa: BLE001 - the last resort: a person gets a sentence, the file gets the traceback
        return _own_fault(fault)
    return outcome if isinstance(outcome, int) else 0


def _accept_every_character() -> None:
    """A terminal that is not UTF-8 gets a question mark where a character is missing, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def tell(fault: LabError) -> None:
    """Say on stderr what happened, and what to do next."""
    say(Painted("labtui: ", "red"), fault.message)
    if fault.advice:
        say(fault.advice)


def _show(fault: click.ClickException) -> None:
    """click's own words, which quote what was typed: cleaned like everything else."""
    words = StringIO()
    fault.show(words)
    say(words.getvalue().rstrip())


def _os_error_text(fault: OSError) -> str:
    where = f"{fault.filename}: " if fault.filename is not None else ""
    return f"{where}{fault.strerror or fault}"


def _reader_went_away() -> int:
    # `labtui ls | head -1`: whoever read has enough. Python would complain once more while it flushes at exit.
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 0


def _own_fault(fault: Exception) -> int:
    text = "".join(traceback.format_exception(fault))
    where = _keep_traceback(text)
    say(Painted("labtui: ", "red"), f"a fault of labtui's own: {type(fault).__name__}: {fault}")
    say(f"The traceback is in {where}." if where else text)
    say("Runs that are going were not touched.")
    return 1


def _keep_traceback(text: str) -> Path | None:
    try:
        import platformdirs

        folder = Path(platformdirs.user_state_dir("labtui"))
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "last-traceback.txt"
        target.write_text(text, encoding="utf-8")
    except OSError:
        return None
    return target
