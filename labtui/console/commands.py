"""Every command, once: its id, keys, action, words. Footer, help, palette and keymap are derived from this table."""

from collections.abc import Iterator
from dataclasses import dataclass

EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a key does."""

    id: str
    """Stable: what a keys file names."""
    keys: str
    """As Textual names them, comma-separated; the first is shown."""
    action: str
    label: str
    """One or two words, for the footer."""
    help: str
    """A sentence, for help and palette."""
    where: tuple[str, ...]
    """Names of screens and of widgets with keys of their own, or EVERYWHERE."""
    rank: int = 9
    """Its place in the footer: low ones are kept on a narrow terminal, 9 is never there."""
    shown_key: str = ""
    """How the key is written, where its name is not how people write it."""
    at_once: bool = False
    """Whether it is carried out before the next key is looked at: what is typed behind it is text, not commands."""

    @property
    def key(self) -> str:
        """The first key, as people write it."""
        return self.shown_key or self.keys.partition(",")[0]


_CHARTS = ("main", "charts", "run")
_LISTS = ("list",)
_MARKED = ("list", "launch")
_FOLDING = ("list", "compare")
_FILTERED = ("main", "run", "compare")
_WITH_RUNS = ("main", "run", "compare")
_PLOT = ("charts",)
_RUN = ("run",)
_TABLE = ("compare",)
_SCREENS = ("main", "charts", "run", "compare")
_DIALOG = ("launch",)

COMMANDS = (
    Command("open", "enter", "open", "open", "Open what the cursor is on.", ("main", "compare"), 1, "Enter"),
    Command("back", "escape", "back", "back", "Step out one layer.", _SCREENS, 9, "Esc"),
    Command("mark", "space", "mark", "mark", "Mark for charts and launching, by a letter.", _MARKED, 2, "Space"),
    Command("unmark", "u", "unmark", "unmark all", "Take all marks away.", _LISTS),
    Command("run", "r", "run", "run", "Queue what is marked, or the row, with its defaults.", ("main",), 1),
    Command("launch", "R", "launch", "launch…", "Choose seeds, device and changes, see the plan, then queue.",
            ("main", "run", "compare"), 2),
    Command("stop", "x", "stop", "stop", "Stop the run: asked first, then by signals.", ("main", "run"), 3),
    Command("resume", "p", "resume", "go on", "Go on with a run that was stopped, lost or failed; try again what could "
            "not be started.", ("main", "run")),
    Command("compare", "c", "compare", "compare", "The final table, with deltas and verdicts.", ("main", "run"), 2),
    Command("log", "o", "log", "log", "Go to the log; again to see it whole.", ("main", "run"), 5),
    Command("filter", "slash", "filter", "filter", "Filter by words, /regex/ or a state.", _FILTERED, 3, "/",
            at_once=True),
    Command("sort", "s", "sort", "sort", "Sort by the next column.", ("list", "compare"), 4),
    Command("baseline", "b", "baseline", "baseline", "Take deltas against this row; again for the declared one.",
            ("list", "compare"), 6),
    Command("metric", "m", "metric", "metric", "The next charts.", _CHARTS, 4),
    Command("smooth", "S", "smooth", "smooth", "Smoothing: TensorBoard's 0.6, 0.9, 0.99, off.", _CHARTS, 5),
    Command("log_y", "L", "log_y", "log y", "Logarithmic y axis.", _CHARTS, 6),
    Command("x_axis", "X", "x_axis", "x axis", "x counts epochs, steps, samples, relative or wall time.", _CHARTS, 6),
    Command("outliers", "O", "outliers", "outliers", "Clip rare outliers, or show them all.", _CHARTS),
    Command("maximise", "z", "maximise", "maximise", "Give the pane the whole screen, and back.", ("main", "run",
            "charts", "compare"), 5),
    Command("previous", "left_square_bracket", "sibling(-1)", "previous", "The run before this one.", ("main", "run",
            "charts"), 9, "["),
    Command("next", "right_square_bracket", "sibling(1)", "next", "The run after this one.", ("main", "run",
            "charts"), 9, "]"),
    Command("cursor.left", "left,h", "cursor(-1)", "crosshair", "The crosshair to the point on the left.", _PLOT, 2,
            "← →"),
    Command("cursor.right", "right,l", "cursor(1)", "crosshair", "The crosshair to the point on the right.", _PLOT),
    Command("cursor.first", "home,g", "cursor_edge(0)", "first", "The crosshair to the first point.", _PLOT),
    Command("cursor.last", "end,G", "cursor_edge(1)", "last", "The crosshair to the last point.", _PLOT),
    Command("zoom.in", "plus,equals_sign", "zoom(1)", "zoom", "Closer in x, about the crosshair; the wheel too.",
            _PLOT, 3, "+ -"),
    Command("zoom.out", "minus", "zoom(-1)", "zoom out", "Farther in x.", _PLOT),
    Command("pan.left", "less_than_sign,shift+left", "pan(-1)", "pan", "The window to the left.", _PLOT, 5, "< >"),
    Command("pan.right", "greater_than_sign,shift+right", "pan(1)", "pan right", "The window to the right.", _PLOT),
    Command("zoom.y_in", "up,k", "zoom_y(1)", "zoom y", "Closer in y.", _PLOT),
    Command("zoom.y_out", "down,j", "zoom_y(-1)", "zoom y out", "Farther in y.", _PLOT),
    Command("pan.up", "pageup,shift+up", "pan_y(1)", "pan up", "The window upwards.", _PLOT),
    Command("pan.down", "pagedown,shift+down", "pan_y(-1)", "pan down", "The window downwards.", _PLOT),
    Command("zoom.reset", "0", "reset", "reset", "Everything in sight, no crosshair.", _PLOT, 6),
    Command("seeds", "a", "seeds", "seeds", "Seeds as mean and band, or each by itself.", _PLOT, 5),
    Command("side.overview", "1", "side(0)", "overview", "How it stands, its figures, how it ended.", _RUN),
    Command("side.curves", "2", "side(1)", "curves", "Its charts.", _RUN),
    Command("side.test", "3", "side(2)", "sides", "Confusion matrix and accuracy by class.", _RUN, 3, "1-5"),
    Command("side.spec", "4", "side(3)", "spec", "Every key of its spec, and the layers of its network.", _RUN),
    Command("side.log", "5", "side(4)", "log", "Its whole log.", _RUN),
    Command("side.next", "right,l", "turn(1)", "next side", "The next side of the run.", _RUN),
    Command("side.previous", "left,h", "turn(-1)", "previous side", "The side before.", _RUN),
    Command("compare.metric", "m", "metric", "metric", "Compare by the next metric.", _TABLE, 4),
    Command("compare.all", "a", "everything", "all", "Everything that has run, whatever is marked.", _TABLE),
    Command("compare.reverse", "i", "reverse", "reverse", "Sort the other way round.", _TABLE),
    Command("launch.queue", "enter", "submit", "queue", "Queue the plan.", _DIALOG, 1, "Enter"),
    Command("launch.cancel", "escape", "back", "cancel", "Leave without queueing anything.", _DIALOG, 1, "Esc"),
    Command("launch.pane", "tab", "app.focus_next", "fields", "Experiments, fields, plan.", _DIALOG, 2, "Tab",
            at_once=True),
    Command("launch.pane_back", "shift+tab", "app.focus_previous", "back", "The pane before.", _DIALOG, at_once=True),
    Command("launch.restore", "ctrl+u", "restore", "default", "What stood in the field at first.", _DIALOG, 4),
    Command("unfold", "right,l", "fold(False)", "unfold", "Show the runs of each seed.", _FOLDING, 9, "→"),
    Command("fold", "left,h", "fold(True)", "fold", "Hide the runs of each seed.", _FOLDING, 9, "←"),
    Command("matched", "M", "matched", "matched", "Queue or show the matched baseline.", ("main", "compare")),
    Command("diff", "d", "diff", "diff", "How the spec differs from its baseline.", _WITH_RUNS, 7),
    Command("export", "e", "export", "export", "Write the table or chart to a file.", ("compare", "charts"), 4),
    Command("copy", "y", "copy", "copy", "Copy the command that repeats it.", _WITH_RUNS, 7),
    Command("tensorboard", "t", "tensorboard", "TensorBoard", "How to open these runs in TensorBoard.", ("main",
            "run")),
    Command("chart", "v", "chart", "chart", "Charts on the whole screen, with a crosshair.", _WITH_RUNS, 4),
    Command("help", "question_mark,f1", "help", "help", "Every key of this screen.", (EVERYWHERE,), 1, "?"),
    Command("palette", "colon,ctrl+p", "command_palette", "palette", "Find any command by its name.",
            (EVERYWHERE,), 8, ":"),
    Command("suspend", "ctrl+z", "suspend_process", "suspend", "Back to the shell; `fg` returns.", (EVERYWHERE,)),
    Command("theme", "T", "theme", "theme", "Dark, light, monochrome.", (EVERYWHERE,)),
    Command("quit", "q,ctrl+q", "leave", "quit", "Leave; runs go on.", (EVERYWHERE,), 1),
)  # fmt: skip


PARTS = {"main": ("main", "list")}
"""Screens with widgets that have commands of their own."""


def commands(screen: str) -> Iterator[Command]:
    """The commands of a screen, those of its own first."""
    own = PARTS.get(screen, (screen,))
    yield from (command for command in COMMANDS if any(part in command.where for part in own))
    yield from (command for command in COMMANDS if EVERYWHERE in command.where)


def footer(screen: str) -> tuple[Command, ...]:
    """What the footer of a screen may show; where there is little room, low ranks go first."""
    return tuple(command for command in commands(screen) if command.rank < 9)
