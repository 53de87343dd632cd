"""Every command of the console, once: its id, keys, action and texts.

Bindings, footer, help, command palette and docs/console.md are derived from this table. `keys.toml` in the user's
config folder changes the keys by command id.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from labtui.store.files import DamagedFile, read_bytes

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen

EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a key does."""

    id: str
    """Stable: keys.toml names it."""
    keys: str
    """Textual's key names, comma-separated; the first is shown."""
    action: str
    """`app.act('…')` is a method of `Actions`, which works on the selection of any screen; other actions are methods of
    the screen or widget that has the binding."""
    label: str
    """One or two words, for the footer."""
    help: str
    """A sentence, for help and palette."""
    where: tuple[str, ...]
    """Names of screens, and of widgets with keys of their own; or EVERYWHERE."""
    rank: int = 9
    """Its place in the footer: a narrow terminal keeps the low ranks; 9 is never there."""
    shown_key: str = ""
    """How the key is written where Textual's name is not how people write it."""
    priority: bool = False
    """Whether it is carried out before the focused widget sees the next key."""

    @property
    def key(self) -> str:
        """The first key, as people write it."""
        return self.shown_key or self.keys.partition(",")[0]

    @property
    def binding(self) -> Binding:
        """The command as a binding of Textual."""
        return Binding(
            self.keys,
            self.action,
            self.label,
            show=False,
            priority=self.priority,
            tooltip=self.help,
            id=self.id,
            system=False,
        )


_CHARTS = ("main", "charts", "run")
_LIST = ("list",)
_MARKED = ("list", "launch")
_TABLES = ("list", "rows")
_RUNS = ("main", "run")
_WITH_RUNS = ("main", "run", "compare")
_PLOT = ("charts",)
_TABS = ("tabs",)
_TABLE = ("compare",)
_SCREENS = ("main", "charts", "run", "compare")
_DIALOG = ("launch",)

COMMANDS = (
    Command("open", "enter", "open", "open", "Open the item under the cursor.", ("main", "rows"), 1, "Enter"),
    Command("back", "escape", "back", "back", "Go back one step.", _SCREENS, 9, "Esc"),
    Command("mark", "space", "mark", "mark", "Mark the row, for charts, comparison and launching.", _MARKED, 2,
            "Space"),
    Command("unmark", "u", "unmark", "unmark all", "Remove all marks.", _LIST),
    Command("run", "r", "app.act('queue')", "run", "Queue the marked experiments, or the one under the cursor, with "
            "their defaults.", ("main",), 1),
    Command("launch", "R", "app.act('launch')", "launch…", "Choose seeds, device and overrides, see the preview, "
            "then queue.", _WITH_RUNS, 2),
    Command("stop", "x", "app.act('stop')", "stop", "Stop the run, or remove it from the queue.", _RUNS, 3),
    Command("resume", "p", "app.act('resume')", "resume", "Resume a run that was stopped, lost or failed; retry one "
            "that could not be started.", _RUNS),
    Command("compare", "c", "app.act('open_comparison')", "compare", "Compare final results, with deltas and "
            "verdicts.", _RUNS, 2),
    Command("queue.first", "K", "app.act('queue_first')", "to the front", "Move the queued run to the front of the "
            "queue.", _RUNS),
    Command("queue.last", "J", "app.act('queue_last')", "to the end", "Move the queued run to the end of the queue.",
            _RUNS),
    Command("queue.pause", "P", "app.act('pause_queue')", "pause", "Pause the queue, or continue it; runs that have "
            "started continue.", _RUNS),
    Command("tag", "number_sign", "app.act('tag')", "tag", "Tag the marked runs, or the one under the cursor: "
            "+word adds a tag, -word removes it.", _RUNS, 9, "#"),
    Command("log", "o", "log", "log", "Go to the log; press again to maximise it.", ("main", "tabs"), 5),
    Command("filter", "slash", "filter", "filter", "Filter by words, /regex/ or a state.", _WITH_RUNS, 3, "/",
            priority=True),
    Command("filter.tags", "slash", "filter", "find a chart", "Show only charts whose tags match words or /regex/.",
            _PLOT, 4, "/", priority=True),
    Command("sort", "s", "sort", "sort", "Sort by the next column.", _TABLES, 4),
    Command("baseline", "b", "baseline", "baseline", "Compare with this row; press again for the declared baselines.",
            ("list", "compare"), 6),
    Command("metric", "m", "metric", "metric", "Show the next charts.", ("main", "charts", "tabs"), 4),
    Command("metric.previous", "M", "metric(-1)", "metric back", "Show the previous chart.", _PLOT),
    Command("metric.back", "N", "metric(-1)", "metric back", "Show the previous charts.", ("main", "tabs")),
    Command("smooth", "S", "chart_option('smoothing')", "smooth", "Smoothing: TensorBoard's 0.6, 0.9, 0.99, off.",
            _CHARTS, 5),
    Command("log_y", "L", "chart_option('log_y')", "log y", "Logarithmic y axis.", _CHARTS, 6),
    Command("x_axis", "X", "chart_option('axis')", "x axis", "x axis: epochs, steps, samples, relative or wall time.",
            _CHARTS, 6),
    Command("outliers", "O", "chart_option('clip_outliers')", "outliers", "Clip rare outliers, or show them all.",
            _CHARTS),
    Command("maximise", "z", "maximise", "maximise", "Maximise the pane, or restore its size.",
            ("main", "charts", "rows", "tabs"), 5),
    Command("previous", "left_square_bracket", "sibling(-1)", "previous", "The previous run.", _CHARTS, 9, "["),
    Command("next", "right_square_bracket", "sibling(1)", "next", "The next run.", _CHARTS, 9, "]"),
    Command("cursor.left", "left,h", "cursor(-1)", "crosshair", "Move the crosshair to the point on the left.", _PLOT,
            2, "← →"),
    Command("cursor.right", "right,l", "cursor(1)", "crosshair", "Move the crosshair to the point on the right.",
            _PLOT),
    Command("cursor.first", "home,g", "cursor_edge(0)", "first", "Move the crosshair to the first point.", _PLOT),
    Command("cursor.last", "end,G", "cursor_edge(1)", "last", "Move the crosshair to the last point.", _PLOT),
    Command("zoom.in", "plus,equals_sign", "zoom(1)", "zoom", "Zoom in along x, around the crosshair; also the mouse "
            "wheel.", _PLOT, 3, "+ -"),
    Command("zoom.out", "minus", "zoom(-1)", "zoom out", "Zoom out along x.", _PLOT),
    Command("pan.left", "less_than_sign,shift+left", "pan(-1)", "pan", "Pan to the left.", _PLOT, 5, "< >"),
    Command("pan.right", "greater_than_sign,shift+right", "pan(1)", "pan right", "Pan to the right.", _PLOT),
    Command("zoom.y_in", "up,k", "zoom_y(1)", "zoom y", "Zoom in along y.", _PLOT),
    Command("zoom.y_out", "down,j", "zoom_y(-1)", "zoom y out", "Zoom out along y.", _PLOT),
    Command("pan.up", "pageup,shift+up", "pan_y(1)", "pan up", "Pan upwards.", _PLOT),
    Command("pan.down", "pagedown,shift+down", "pan_y(-1)", "pan down", "Pan downwards.", _PLOT),
    Command("zoom.reset", "0", "reset", "reset", "Show the whole range, without a crosshair.", _PLOT, 6),
    Command("seeds", "a", "seeds", "seeds", "Show seeds as mean and band, or each separately.", _PLOT, 5),
    Command("side.overview", "1", "side(0)", "overview", "The run's state, its figures, how it ended.", _TABS),
    Command("side.curves", "2", "side(1)", "curves", "The run's charts.", _TABS),
    Command("side.test", "3", "side(2)", "tabs", "Confusion matrix and accuracy by class.", _TABS, 3, "1-5"),
    Command("side.spec", "4", "side(3)", "spec", "Every key of the run's spec, and the layers of its network.", _TABS),
    Command("side.log", "5", "side(4)", "log", "The run's whole log.", _TABS),
    Command("side.next", "right,l", "turn(1)", "next tab", "The next tab of the run.", _TABS),
    Command("side.previous", "left,h", "turn(-1)", "previous tab", "The previous tab of the run.", _TABS),
    Command("compare.metric", "m", "metric", "metric", "Compare by the next metric.", _TABLE, 4),
    Command("compare.budget", "B", "equal_budget", "budget", "Cycle the budget: epochs, steps, images or seconds "
            "reached by all runs, then the end of each run.", _TABLE, 8),
    Command("compare.all", "a", "everything", "all", "Compare everything that has run, marked or not.", _TABLE),
    Command("compare.reverse", "i", "reverse", "reverse", "Reverse the order.", ("rows",)),
    Command("launch.queue", "enter", "submit", "queue", "Queue the runs of the preview.", _DIALOG, 1, "Enter"),
    Command("launch.cancel", "escape", "back", "cancel", "Close the dialog without queueing anything.", _DIALOG, 1,
            "Esc", priority=True),
    Command("launch.pane", "tab", "app.focus_next", "fields", "The next pane: experiments, fields, preview.", _DIALOG,
            2, "Tab", priority=True),
    Command("launch.pane_back", "shift+tab", "app.focus_previous", "back", "The previous pane.", _DIALOG,
            priority=True),
    Command("launch.restore", "ctrl+u", "restore", "default", "Reset the field to its default.", _DIALOG, 4),
    Command("unfold", "right,l", "fold(False)", "unfold", "Show the runs of each seed.", _TABLES, 9, "→"),
    Command("fold", "left,h", "fold(True)", "fold", "Hide the runs of each seed.", _TABLES, 9, "←"),
    Command("matched", "M", "matched", "matched", "Show the matched baseline, or queue it.", ("main", "rows")),
    Command("diff", "d", "diff", "diff", "Show how the spec differs from its baseline's.", ("main", "run", "rows"),
            7),
    Command("export", "e", "export", "export", "Write the table or chart to a file.", ("compare", "charts"), 4),
    Command("copy", "y", "copy", "copy", "Copy the command that repeats the run; in a comparison, the table.",
            _WITH_RUNS, 7),
    Command("tensorboard", "t", "app.act('show_tensorboard')", "TensorBoard", "Show how to open these runs in "
            "TensorBoard.", _RUNS),
    Command("chart", "v", "app.act('open_charts')", "chart", "Charts on the whole screen, with a crosshair.",
            _WITH_RUNS, 4),
    Command("help", "question_mark,f1", "help", "help", "All keys of this screen.", (EVERYWHERE,), 1, "?"),
    Command("palette", "colon,ctrl+p", "command_palette", "palette", "Find any command by its name.",
            (EVERYWHERE,), 8, ":"),
    Command("suspend", "ctrl+z", "suspend_process", "suspend", "Suspend the console; `fg` resumes it.", (EVERYWHERE,)),
    Command("theme", "T", "theme", "theme", "Change the theme: dark, light, monochrome.", (EVERYWHERE,)),
    Command("quit", "q,ctrl+q", "leave", "quit", "Close the screen, or quit; runs keep running.", (EVERYWHERE,), 1),
)  # fmt: skip


PARTS = {"main": ("main", "list"), "run": ("run", "tabs"), "compare": ("compare", "rows")}
"""Screens with widgets that have commands of their own."""


def bindings(place: str) -> list[BindingType]:
    """The bindings of a screen or widget, or those of the app for EVERYWHERE."""
    return [command.binding for command in COMMANDS if place in command.where]


def commands(screen: str) -> Iterator[Command]:
    """The commands of a screen: its own first, then those of every screen."""
    own = PARTS.get(screen, (screen,))
    yield from (command for command in COMMANDS if any(part in command.where for part in own))
    yield from (command for command in COMMANDS if EVERYWHERE in command.where)


def footer(screen: str) -> tuple[Command, ...]:
    """The commands that the footer of a screen may show; a narrow terminal keeps those of low rank."""
    return tuple(command for command in commands(screen) if command.rank < 9)


def keymap_path() -> Path:
    """The path of the user's keys.toml."""
    import platformdirs  # deferred: not needed before the first frame

    return platformdirs.user_config_path("labtui") / "keys.toml"


def read_keymap(path: Path | None = None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The user's keys by command id, and a message for each problem of the file. A missing file is no problem."""
    import tomli  # deferred

    path = path or keymap_path()
    try:
        table = tomli.loads(read_bytes(path, 1 << 16).decode())
    except FileNotFoundError:
        return {}, ()
    except (OSError, DamagedFile, ValueError, RecursionError) as error:
        return {}, (f"{path} is not used: {error}",)
    known = {command.id for command in COMMANDS}
    keys = {name: value for name, value in table.items() if name in known and isinstance(value, str)}
    problems = [f"{path}: there is no command {name!r}" for name in table if name not in known]
    problems += [f"{path}: the keys of {name} must be a string" for name in table if name in known and name not in keys]
    return keys, tuple(problems)


# --- The command palette ------------------------------------------------------------------------------------------


def system_commands(screen: "Screen[object]") -> Iterable[SystemCommand]:
    """The commands that the command palette offers on a screen."""
    for command in commands(name_of(screen)):
        node = action_node(screen, command)
        if node is not None:
            yield SystemCommand(f"{command.label}  ({command.key})", command.help, _call(node, command))


def name_of(screen: "Screen[object]") -> str:
    """The name of a screen in the command table: `main` for MainScreen."""
    return type(screen).__name__.removesuffix("Screen").casefold()


def action_node(screen: "Screen[object]", command: Command) -> "DOMNode | None":
    """The node that has the action: the focused widget, the screen, one of its widgets, or the app."""
    target, _, action = command.action.partition("(")[0].rpartition(".")
    name = f"action_{action}"
    here = () if target == "app" else (*filter(None, (screen.focused,)), screen, *screen.query("*"))
    return next((node for node in (*here, screen.app) if hasattr(node, name)), None)


def _call(node: "DOMNode", command: Command) -> Callable[[], object]:
    return lambda: node.app.call_next(node.app.run_action, command.action, node)
