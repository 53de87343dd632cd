"""The entry point of the command line: turns every outcome into an exit code and a message.

0 success; 1 a run failed or diverged; 2 usage or catalog; 3 environment; 4 an asserted comparison does not hold;
130 and 143 interrupted.
"""

import codecs
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO, TextIOWrapper
from pathlib import Path

import click

from labtui.cli.streams import ReaderGone, say
from labtui.errors import EXIT_HUNG_UP, EXIT_INTERRUPTED, LabError, MachineError
from labtui.text.clean import in_ascii
from labtui.text.spans import Span
from labtui.text.terminals import is_terminal, is_utf8_locale

_PREFIX = Span("labtui: ", "bad")
_SPELLED = "labtui-spelled"


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Every error ends here, as a message."""
    if sys.platform == "win32":
        say("labtui runs on Linux and macOS. On Windows, use it inside WSL2.")
        return MachineError.exit_code
    _open_missing_streams()
    _replace_unencodable_characters()
    try:
        code = _run(arguments)
    except ReaderGone:
        _silence_streams()
        return 0
    if code == EXIT_HUNG_UP:
        _silence_streams()
    return code


def _run(arguments: Sequence[str]) -> int:
    from labtui.cli.main import group

    try:
        _provide_home()
        code = group.main(list(arguments), prog_name="labtui", standalone_mode=False)
    except click.exceptions.Exit as wanted:
        return wanted.exit_code
    except click.ClickException as error:
        _say_click_error(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return EXIT_INTERRUPTED
    except LabError as error:
        say_error(error)
        return error.exit_code
    except ReaderGone:
        raise
    except OSError as error:
        say_error(MachineError(_os_error_text(error), advice="Fix this and try again."))
        return MachineError.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: the user gets a sentence, a file gets the traceback
        return _say_internal_error(error)
    return code if isinstance(code, int) else 0


def say_error(error: LabError) -> None:
    """Write an error's message and its advice to stderr."""
    say(_PREFIX, error.message)
    if error.advice:
        say(error.advice)


def _replace_unencodable_characters() -> None:
    """Let a terminal that is not UTF-8 show its own characters only: signs spelled in ASCII, or a question mark.

    A file or a pipe gets what Python would write, without a traceback.
    """
    codecs.register_error(_SPELLED, _spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if is_terminal(stream) and not is_utf8_locale(os.environ):
                stream.reconfigure(encoding="ascii", errors=_SPELLED)
            else:
                stream.reconfigure(errors="replace")


def _spell(error: UnicodeError) -> tuple[str, int]:
    """The handler of characters that ASCII does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_ascii(error.object[error.start : error.end].replace("…", "~")), error.end


def _say_click_error(error: click.ClickException) -> None:
    """Write click's message, which quotes what was typed, through `say`, which cleans it."""
    message = StringIO()
    error.show(message)
    say(message.getvalue().rstrip())


def _os_error_text(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}"


def _open_missing_streams() -> None:
    """Give a program that was started without stdin, stdout or stderr (`labtui ls >&-`) the null device instead.

    Otherwise the next file that is opened would get the number of the missing stream, and be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _provide_home() -> None:
    """Give a user without a home folder, as in many containers, a private temporary one, and say so.

    Without it every library that keeps files for a user fails in its own way, or writes into a folder called `~`.
    """
    if os.environ.get("HOME"):
        return
    os.environ.pop("HOME", None)
    try:
        Path.home()
    except RuntimeError:
        from labtui.store.safe_paths import temporary_home

        os.environ["HOME"] = str(temporary_home())
        say(
            f"The user {os.geteuid()} has no home folder: labtui keeps its own files in {os.environ['HOME']}. "
            "Set HOME to keep them elsewhere."
        )


def _silence_streams() -> None:
    # `labtui ls | head -1`: the reader has enough. Python would complain again when it flushes at exit.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a stream that was replaced by another object has no descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say_internal_error(error: Exception) -> int:
    text = "".join(traceback.format_exception(error))
    path = _save_traceback(text)
    say(_PREFIX, f"internal error: {type(error).__name__}: {error}")
    say(f"The traceback is in {path}." if path else text)
    say("Active runs are not affected.")
    return 1


def _save_traceback(text: str) -> Path | None:
    try:
        import platformdirs

        folder = Path(platformdirs.user_state_dir("labtui"))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "last-traceback.txt"
        path.write_text(text, encoding="utf-8")
    except OSError:
        return None
    return path
