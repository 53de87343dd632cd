"""The codes that tell a terminal to notify its user. Pure."""

from collections.abc import Iterable, Mapping

from labtui.store.notify_settings import Signal
from labtui.text.clean import clean_line

MAX_TEXT = 200


def notification_codes(text: str, signals: Iterable[Signal], environ: Mapping[str, str]) -> str:
    """What to write to the terminal; inside tmux, codes are wrapped so that it passes them on."""
    shown = clean_line(f"labtui: {text}", MAX_TEXT)
    codes = {"bell": "\a", "osc9": f"\x1b]9;{shown}\x1b\\", "osc777": f"\x1b]777;notify;labtui;{shown}\x1b\\"}
    return "".join(_wrapped(codes[signal], environ) for signal in dict.fromkeys(signals))


def _wrapped(code: str, environ: Mapping[str, str]) -> str:
    if code == "\a" or not environ.get("TMUX"):
        return code
    doubled = code.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
