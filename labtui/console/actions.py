"""What keys do to runs, each action once: it reads the selection of the screen in front and does its work in a thread.

The functions below the class do the work and return what to say about it. What starts and stops processes is imported
when it is needed: the first frame would wait 15 ms for it.
"""

import getpass
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from labtui.api import Lab, LaunchPlan, PlannedRun, plan_runs
from labtui.console.experiments.entry import EntryKey, EntryKind
from labtui.console.launch.preview import plan_request
from labtui.console.launch.request import (
    LaunchRequest,
    command_of_run,
    command_of_variants,
    request_of_plan,
    request_of_run,
)
from labtui.console.messages import Notification, run_in_background
from labtui.console.notifications import run_label
from labtui.console.selection import RunsScreen, Selection
from labtui.console.ui.dialogs import Prompt, Question
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.durations import duration
from labtui.text.sizes import size

if TYPE_CHECKING:
    from textual.message import Message

    from labtui.console.app import LabtuiApp
    from labtui.spec import Spec

Report = Callable[[str], None]
"""Reports to the user what an action is doing."""

ASK_FROM = 2
"""Number of experiments from which queueing asks first."""


class Actions:
    """The actions on runs; a command names one as `app.act('stop')`."""

    def __init__(self, app: "LabtuiApp") -> None:
        self._app = app

    @property
    def _screen(self) -> RunsScreen:
        """The screen in front; the commands of this class belong only to screens that list runs."""
        return cast("RunsScreen", self._app.front_screen)

    def in_background(self, action: Callable[[Report], str]) -> None:
        """Call `action` in a thread, say what it returns and what it reports, and poll the runs at once."""

        def report(text: str) -> None:
            self._app.post_message(Notification(text))

        def task() -> "Message | None":
            try:
                text = action(report)
            finally:
                self._app.poll_now()
            return Notification(text) if text else None

        run_in_background(self._app, task, group="actions", exclusive=False)

    # --- Runs ---------------------------------------------------------------------------------------------------------

    def queue(self) -> None:
        """Queue the selected experiments with their defaults; several only after a question."""
        names = self._screen.selection.names
        if not names:
            self._app.say("only experiments of the catalog can be run from here", style="warn")
        elif self._can_write():
            self._ask(
                f"Queue {len(names)} experiments with their defaults ({', '.join(names)})?",
                lambda report: queue_defaults(self._app.lab, names, report),
                at_once=len(names) < ASK_FROM,
            )

    def launch(self) -> None:
        """Open the launch dialog for the selected experiments; for a run, with its seed and overrides."""
        self.open_launch(_request(self._screen.selection))

    def open_launch(self, request: LaunchRequest, *later: LaunchRequest) -> None:
        """Open the launch dialog with a request, and once that is queued with the later ones."""
        from labtui.console.launch.screen import LaunchScreen

        def answered(answer: "LaunchRequest | None") -> None:
            if answer is not None:
                self.in_background(lambda report: queue_request(self._app.lab, answer, report))
                if later:
                    self.open_launch(*later)

        self._app.push_screen(LaunchScreen(request), answered)

    def resume(self) -> None:
        """Queue the run under the cursor to resume; one that could not be started, to be tried again."""
        run = self._screen.selection.run
        if run is None or not (run.state.is_over or run.state is State.QUEUED):
            self._app.say("nothing to resume here", style="warn")
        elif self._can_write():
            self.in_background(lambda _: queue_resume(self._app.lab, run))

    def stop(self) -> None:
        """Stop the run under the cursor, or remove it from the queue; asks first."""
        run = self._screen.selection.run
        if run is not None and run.behind_link:
            self._app.say(run.behind_link, style="warn")
        elif run is None or run.foreign or not (run.state.is_active or run.state is State.QUEUED):
            self._app.say("no active run selected", style="warn")
        elif run.state is State.QUEUED:
            question = f"Remove {run_label(run)} from the queue?"
            self._ask(question, lambda _: remove_from_queue(self._app.lab, run))
        elif run.stop_requested:
            question = f"{run_label(run)} was asked to stop. Send SIGTERM and then SIGKILL?"
            self._ask(question, lambda report: stop_run(run, report))
        else:
            question = f"Stop {run_label(run)}? It finishes its step and saves a checkpoint first."
            self._ask(question, lambda report: stop_run(run, report))

    def queue_first(self) -> None:
        """Move the run under the cursor to the front of the queue."""
        self._move_in_queue(last=False)

    def queue_last(self) -> None:
        """Move the run under the cursor to the end of the queue."""
        self._move_in_queue(last=True)

    def _move_in_queue(self, *, last: bool) -> None:
        run = self._screen.selection.run
        if run is None or not run.queued:
            self._app.say("no queued run selected", style="warn")
        else:
            self.in_background(lambda _: move_in_queue(self._app.lab, run, last=last))

    def pause_queue(self) -> None:
        """Pause the queue, or continue it."""
        if self._can_write():
            self.in_background(lambda _: pause_or_continue(self._app.lab))

    def tag(self) -> None:
        """Ask for tags to add to the selected runs, or to remove from them."""
        selection = self._screen.selection
        marked = [run for entry in selection.entries for run in entry.runs] if selection.letters else []
        runs = marked or ([selection.run] if selection.run else [])
        if not runs:
            self._app.say("there is no run to tag here", style="warn")
            return
        whose = run_label(runs[0]) if len(runs) == 1 else f"{len(runs)} runs"
        now = f" ({' '.join(runs[0].tags)})" if len(runs) == 1 and runs[0].tags else ""

        def answered(text: str | None) -> None:
            if text:
                self.in_background(lambda _: tag_runs(runs, text))

        self._app.push_screen(Prompt(f"Tags of {whose}{now}, as +word -word:", "+"), answered)

    def copy_command(self) -> None:
        """Copy the command that repeats the run under the cursor, or that runs the selected experiments."""
        selection = self._screen.selection
        run, variants = selection.run, (entry.variant for entry in selection.entries if entry.variant)
        if command := command_of_run(run) if run else command_of_variants(variants):
            self._app.copy_to_clipboard(command)
            self._app.say(f"copied: {command}")
        else:
            self._app.say("there is no command to repeat a run of another tool", style="warn")

    def show_tensorboard(self) -> None:
        """Say how these runs are opened in TensorBoard."""
        root = self._app.lab.store.root
        self._app.say(f"in another terminal: labtui --runs {root} tb   opens these runs in TensorBoard")

    # --- Screens ------------------------------------------------------------------------------------------------------

    def open_run(self) -> None:
        """Open the run under the cursor; for an experiment that never ran, the launch dialog."""
        from labtui.console.run.screen import RunScreen

        source = self._screen
        if (run := source.selection.run) is not None:
            self._app.push_screen(RunScreen(run.id, source.chart_options, lambda: source.selection.order))
        else:
            self.launch()

    def open_charts(self) -> None:
        """Open the charts of the selection on the whole screen."""
        from labtui.console.charts.screen import ChartsScreen

        source = self._screen
        self._app.push_screen(
            ChartsScreen(lambda: source.selection.charted, source.chart_options, source.action_sibling)
        )

    def open_comparison(self) -> None:
        """Open the comparison of what is marked, else of everything that has run."""
        from labtui.console.comparison.screen import CompareScreen

        screen, selection = self._screen, self._screen.selection
        names = tuple(dict.fromkeys(entry.name for entry in selection.entries)) if selection.letters else ()
        self._app.push_screen(CompareScreen(screen.chart_options, names, selection.letters))

    def open_matched(self) -> None:
        """Open the comparison at the matched baseline of the first selected entry."""
        from labtui.console.comparison.screen import CompareScreen

        if entries := self._screen.selection.entries:
            name = entries[0].name
            self._app.push_screen(CompareScreen(self._screen.chart_options, (name,), match=name))

    def show_diff(self) -> None:
        """Show in which keys the specs of the selection differ; that of one entry, from its declared baseline's."""
        from labtui.api.comparison import variants
        from labtui.console.comparison.spec_diff import specs_of

        self.open_diff(*specs_of(self._screen.selection.entries, variants(self._app.lab)))

    def open_diff(self, specs: "Sequence[tuple[str, Spec]]", factor: tuple[str, ...]) -> None:
        """Show in which keys these titled specs differ; `factor` is what the experiment declares to change."""
        from labtui.console.comparison.spec_diff import DiffScreen

        if len(specs) > 1:
            self._app.push_screen(DiffScreen(specs, factor))
        else:
            self._app.say("no second spec to compare with: mark two rows, or declare a baseline", style="warn")

    # --- Parts --------------------------------------------------------------------------------------------------------

    def _can_write(self) -> bool:
        store = self._app.lab.store
        if not store.writable:
            self._app.say(f"{store.root} is not writable: no run can be queued there", style="warn")
        return store.writable

    def _ask(self, question: str, action: Callable[[Report], str], *, at_once: bool = False) -> None:
        """Do it after a yes, or without asking."""
        if at_once:
            self.in_background(action)
        else:
            self._app.push_screen(Question(question), lambda yes: self.in_background(action) if yes else None)


def _request(selection: Selection) -> LaunchRequest:
    run = selection.run
    keys = [entry.key for entry in selection.entries]
    if run is not None and run.spec is not None and keys == [EntryKey(EntryKind.RUN, run.id)]:
        return request_of_run(run.spec)
    plan = selection.entries[0].plan if len(selection.entries) == 1 else None
    if plan is not None and not plan.state.has_ended and plan.comparison(selection.entries[0].title) is not None:
        return request_of_plan(plan.plan)
    return LaunchRequest(selection.names)


# --- The work -----------------------------------------------------------------------------------------------------


def queue_defaults(lab: Lab, names: Sequence[str], report: Report) -> str:
    """Plan the named experiments with their defaults and queue the runs. Raises LabErrors, as all of these do."""
    report(f"planning {', '.join(names)} …")
    return _queue_plan(lab, plan_runs(lab, names), device="auto", at_once=1, report=report)


def queue_request(lab: Lab, request: LaunchRequest, report: Report) -> str:
    """Plan a request of the launch dialog, fetch the data that it needs, and queue the runs or start the plan."""
    if request.until is not None:
        from labtui.console.launch.until import start_until  # deferred: numpy

        return start_until(lab, request, report)
    reported = -1

    def progress(done: int, total: int) -> None:
        nonlocal reported
        percent = 100 * done // total if total else 0
        if percent != reported:
            reported = percent
            report(f"downloading data: {percent}% of {size(total)}")

    plan = plan_request(lab, request, fetch=True, progress=progress)
    return _queue_plan(lab, plan, device=request.device, at_once=request.at_once, report=report)


def _queue_plan(lab: Lab, plan: LaunchPlan, *, device: str, at_once: int, report: Report) -> str:
    from labtui.api import lifecycle
    from labtui.api.looks import announce
    from labtui.launch.environment import threads_per_run, usable_cores

    report(f"queueing {_runs(plan.runs)} …")
    threads = threads_per_run(at_once, usable_cores())
    announce(lab, (planned.spec for planned in plan.runs))
    for planned in plan.runs:
        lifecycle.enqueue(lab, planned, device=device, threads=threads, per_device=at_once, by=_requester())
    lifecycle.start_queue_runner(lab)
    estimate = f", about {duration(plan.estimate)} in total" if plan.estimate else ""
    return "  ".join([f"queued {_runs(plan.runs)}{estimate}", *plan.notices])


def queue_resume(lab: Lab, run: Run) -> str:
    """Queue a run to resume from its last checkpoint, or to be started if it never was."""
    from labtui.api import lifecycle

    lifecycle.enqueue_resume(lab, run, by=_requester())
    lifecycle.start_queue_runner(lab)
    return f"{run_label(run)} is queued to {'resume' if run.attempt else 'start'}"


def move_in_queue(lab: Lab, run: Run, *, last: bool) -> str:
    """Move a waiting run to the end of the queue, or to its front."""
    from labtui.launch.queue.entries import waiting_entries
    from labtui.launch.queue.order import move

    found = [entry for entry in waiting_entries(lab.store.root) if entry.run == run.id]
    if not found:
        return f"{run_label(run)} is no longer queued"
    move(lab.store.root, found, last=last)
    return f"{run_label(run)} is now {'last' if last else 'first'} in the queue"


def pause_or_continue(lab: Lab) -> str:
    """Pause the queue, or continue it."""
    from labtui.api import lifecycle

    if lifecycle.toggle_pause(lab, by=_requester()):
        return "the queue is paused: nothing more starts from it; P continues it"
    return "the queue continues"


def remove_from_queue(lab: Lab, run: Run) -> str:
    """Remove a run that has not started from the queue; its folder goes to the trash."""
    from labtui.api import lifecycle
    from labtui.launch.queue.entries import waiting_entries

    for entry in waiting_entries(lab.store.root):
        if entry.run == run.id and lifecycle.remove_from_queue(lab, entry):
            return f"{run_label(run)} was removed from the queue"
    return f"{run_label(run)} is not queued; `labtui rm {run.id}` removes its folder"


def tag_runs(runs: Sequence[Run], text: str) -> str:
    """Add and remove the tags of a text such as `+paper -draft`; a word without a sign is added."""
    from labtui.store.run_tags import change_tags

    words = text.split()
    remove = [word[1:] for word in words if word[0] == "-"]
    add = [word.removeprefix("+") for word in words if word[0] != "-" and word != "+"]
    for run in runs:
        now = change_tags(run, add=add, remove=remove)
    whose = run_label(runs[0]) if len(runs) == 1 else f"{len(runs)} runs"
    return f"{whose}: {' '.join(now) or 'no tags'}" if len(runs) == 1 else f"tagged {whose}"


def stop_run(run: Run, report: Report) -> str:
    """Stop a run in stages, each reported: asked, SIGTERM, SIGKILL."""
    from labtui.launch import stop

    ended = stop.stop(run, _requester(), report=lambda text: report(f"{run_label(run)}: {text}"))
    return f"{run_label(run)} {'has stopped' if ended else 'is still running'}"


def restart_queue(lab: Lab, summary: str) -> str:
    """Start a queue runner if the queue stands still. Returns that, behind `summary`; empty if it did not."""
    from labtui.api import lifecycle

    restarted = lifecycle.restart_stalled_queue(lab)
    return "; ".join(part for part in (summary, restarted) if part) if restarted else ""


def _requester() -> str:
    """Who asks, for the record."""
    try:
        return f"{getpass.getuser()}, console"
    except (KeyError, OSError):  # a container without a user database
        return "console"


def _runs(runs: Sequence[PlannedRun]) -> str:
    if len(runs) == 1:
        return f"{runs[0].spec.display_title} seed {runs[0].spec.seed}"
    return f"{len(runs):,} runs"
