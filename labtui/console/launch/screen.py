"""The launch dialog: which experiments, which seeds, where, with what changed; the plan before anything starts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from labtui.console.commands import EVERYWHERE, Command, bindings, footer
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.launch.fields import FormField, form_fields, help_text, initial_texts, request_of
from labtui.console.launch.form import Form
from labtui.console.launch.preview import Answer, answer, device_words, plan_lines
from labtui.console.launch.request import Wish
from labtui.console.messages import ActionFailed, PlanMade, run_in_background
from labtui.console.ui.gauges import machine_lines
from labtui.console.ui.page import Page
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextPanel
from labtui.store.state import State
from labtui.text.clean import clean_line
from labtui.text.spans import Line, Span
from labtui.text.tables import Column, TableRow

if TYPE_CHECKING:
    from textual.timer import Timer

    from labtui.spec import Variant

COLUMNS = (
    Column("", key="mark", width=1),
    Column("experiment", key="name", width=12, grows=True),
    Column("done", key="done", width=4, right=True),
)

PAUSE = 0.12
"""Seconds without a key after which the plan is made anew."""


class LaunchScreen(Page):
    """State: the marked experiments, what was typed, the last plan. The screen's result is a Wish, or None."""

    KIND = "launch"
    AUTO_FOCUS = "FieldEditor"
    BINDINGS: ClassVar[list[BindingType]] = bindings("launch")

    def __init__(self, wish: Wish) -> None:
        super().__init__()
        self._begun = wish
        self._chosen: tuple[str, ...] = ()
        self._typed: dict[str, str] = {}
        self._fields: tuple[FormField, ...] = ()
        self._devices: dict[str, str] = {}
        self.answer: Answer | None = None
        """The last plan, or why there is none."""
        self._pause: Timer | None = None
        self._snapshot = Snapshot()

    def hints(self) -> Sequence[Command]:
        """Its own alone: in the fields the others' keys are text."""
        return [command for command in footer(self.KIND) if EVERYWHERE not in command.where]

    def body(self) -> ComposeResult:
        """Experiments beside the fields; the plan below."""
        with Horizontal(id="choices"):
            yield LiveTable(COLUMNS, id="experiments")
            yield Form(id="fields")
        yield TextPanel(id="plan")

    def on_mount(self) -> None:
        """Begin with the request."""
        super().on_mount()
        names = set(self._begun.names)
        variants = self.app.lab.catalog.variants
        self._chosen = tuple(one.spec.name for one in variants if names & {one.spec.name, one.spec.experiment})
        self._typed = initial_texts(self._begun, self._variants)
        if not self._chosen:
            self.query_one("#experiments").focus()
        self._change()

    # --- What is shown ------------------------------------------------------------------------------------------------

    @property
    def _variants(self) -> "tuple[Variant, ...]":
        """The marked ones."""
        return tuple(variant for variant in self.app.lab.catalog.variants if variant.spec.name in self._chosen)

    @property
    def wish(self) -> Wish:
        """What the dialog says now."""
        return request_of(self._fields, self._chosen)

    def update(self, snapshot: Snapshot) -> None:
        """Runs that have finished since, and the load of the devices."""
        self._snapshot = snapshot
        self.app.set_interest(Interest())
        if device_words(snapshot.machine) != self._devices:
            self._fill()
        self._show()

    def _change(self) -> None:
        """Fields anew, the plan once there is a pause."""
        self._fill()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._plan)
        self._show()

    def _fill(self) -> None:
        """The fields, with what was typed checked."""
        variants = self._variants
        seeds = self.app.lab.catalog.experiment(variants[0].spec.experiment).seeds if variants else (0,)
        self._devices = device_words(self._snapshot.machine)
        self._fields = form_fields(variants, seeds, self._devices, self._typed)

    def _plan(self) -> None:
        lab, wish = self.app.lab, self.wish
        run_in_background(self, lambda: PlanMade(answer(lab, wish)), group="planning", exclusive=True)

    def on_plan_made(self, message: PlanMade) -> None:
        """Show it, if it is of what the dialog says now."""
        if message.answer.wish == self.wish:
            self.answer = message.answer
            self._show()

    def on_action_failed(self, message: ActionFailed) -> None:
        """Show why there is no plan."""
        self.answer = Answer(self.wish, fault=message.text)
        self._show()

    def _show(self) -> None:
        glyphs = glyphs_of(self)
        finished = [run.name for run in self._snapshot.runs if run.state is State.FINISHED]
        self.query_one(LiveTable).show(
            [_row(variant, self._chosen, finished) for variant in self.app.lab.catalog.variants]
        )
        self.query_one(Form).show(self._fields)
        entitle(self.query_one("#experiments"), self._count_told())
        self._show_hint()
        found, at_once, machine = self.answer, self.wish.at_once, self._snapshot.machine

        def write(room: int) -> list[Line]:
            if found is None:
                return [(Span("planning …", "muted"),)]
            if found.plan is None:
                return [(Span(found.fault, "warn"),)]
            lines = plan_lines(found.plan, room, glyphs, at_once=at_once)
            gauges = machine_lines(
                machine.cpu, machine.memory_used, machine.memory_total, machine.devices, room, glyphs
            )
            return [*lines, (), *gauges]

        panel = self.query_one("#plan", TextPanel)
        panel.show(write)
        entitle(panel, "plan", "Enter queues it" if found and found.can_start else "")
        self.show_title(f"{len(self._chosen)} experiments" if len(self._chosen) != 1 else self._chosen[0])

    def _count_told(self) -> str:
        count = f"{len(self._chosen)} marked"
        return count if self.has_class("-narrow") else f"experiments  {count}"

    def _show_hint(self) -> None:
        """What the field under the cursor means; on a narrow screen there is no room for it below the fields."""
        field = self.query_one(Form).current
        title, narrow = "overrides", self.has_class("-narrow")
        words = clean_line(help_text(field, brief=narrow)) if field else ""
        entitle(self.query_one("#fields"), (words or title) if narrow else title, "" if narrow else words)

    # --- What the widgets say -----------------------------------------------------------------------------------------

    @on(Form.Changed)
    def _typed_in(self, event: Form.Changed) -> None:
        typed = {key: text for key, text in self._typed.items() if key != event.key}
        if event.typed is not None:
            typed[event.key] = event.typed
        if typed != self._typed:
            self._typed = typed
            self._change()

    @on(Form.Moved)
    def _field_moved(self) -> None:
        self._show_hint()

    def action_mark(self) -> None:
        """Mark the experiment under the cursor, or take its mark away."""
        name = self.query_one(LiveTable).cursor_key
        if isinstance(name, str):
            kept = [one for one in self._chosen if one != name]
            self._chosen = tuple(kept) if len(kept) < len(self._chosen) else (*self._chosen, name)
            self.query_one(LiveTable).action_move(1)
            self._change()

    def action_restore(self) -> None:
        """Restore the default of the current field."""
        self.query_one(Form).restore()

    @on(Form.Submitted)
    @on(LiveTable.Opened)
    def action_submit(self) -> None:
        """Give the wish back, where its plan is made and can start."""
        found = self.answer
        invalid = next((field for field in self._fields if field.error), None)
        if invalid is not None:
            self.app.say(f"{invalid.key}: {invalid.error}", style="warn")
        elif found is None or found.wish != self.wish:
            self.app.say("the plan is being made: Enter again once it is there")
        elif not found.can_start:
            self.app.say(found.fault or "there is nothing to run", style="warn")
        elif not self._snapshot.writable:
            self.app.say(f"{self.app.lab.store.root} cannot be written: nothing can be run into it", style="warn")
        else:
            self.dismiss(found.wish)


def _row(variant: "Variant", chosen: tuple[str, ...], finished: list[str]) -> TableRow:
    name = variant.spec.name
    count = finished.count(name)
    marked = name in chosen
    return TableRow(
        name,
        {
            "mark": (Span("x" if marked else "", "accent"),),
            "name": (Span(clean_line(variant.spec.display_title), "strong" if marked else ""),),
            "done": (Span(str(count) if count else "", "muted"),),
        },
    )
