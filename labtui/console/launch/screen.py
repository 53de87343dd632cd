"""The launch dialog: which experiments, which seeds, where, with what changed; the plan before anything starts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from labtui.console.commands import EVERYWHERE, Command, bindings, footer
from labtui.console.data.plans import PlanProgress
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.launch.fields import FormField, form_fields, help_text, initial_texts, request_of
from labtui.console.launch.form import Form
from labtui.console.launch.preview import Preview, device_descriptions, make_preview, plan_lines
from labtui.console.launch.request import LaunchRequest
from labtui.console.launch.until import progress_texts, until_lines
from labtui.console.messages import ActionFailed, PlanMade, run_in_background
from labtui.console.ui.gauges import machine_lines
from labtui.console.ui.page import Page
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextPanel
from labtui.store.state import State
from labtui.text.clean import clean_line
from labtui.text.spans import Line, Span, wrap
from labtui.text.tables import Column, TableRow

if TYPE_CHECKING:
    from textual.timer import Timer

    from labtui.spec import Variant

COLUMNS = (
    Column("", key="mark", width=1),
    Column("experiment", key="name", width=12, grows=True),
    Column("done", key="done", width=4, right=True),
)

PLAN_DELAY = 0.12
"""Seconds without a key after which the plan is made again."""


class LaunchScreen(Page):
    """State: the selected experiments, what was typed, the last preview. The result is a LaunchRequest, or None."""

    KIND = "launch"
    AUTO_FOCUS = "FieldEditor"
    BINDINGS: ClassVar[list[BindingType]] = bindings("launch")

    def __init__(self, request: LaunchRequest) -> None:
        super().__init__()
        self._initial = request
        self._selected: tuple[str, ...] = ()
        self._typed: dict[str, str] = {}
        self._fields: tuple[FormField, ...] = ()
        self._devices: dict[str, str] = {}
        self.preview: Preview | None = None
        """The last preview."""
        self._plan_timer: Timer | None = None
        self._snapshot = Snapshot()

    def hints(self) -> Sequence[Command]:
        """The dialog's own keys alone: in the fields, other keys are text."""
        return [command for command in footer(self.KIND) if EVERYWHERE not in command.where]

    def body(self) -> ComposeResult:
        """Experiments beside the fields; the plan below."""
        with Horizontal(id="choices"):
            yield LiveTable(COLUMNS, id="experiments")
            yield Form(id="fields")
        yield TextPanel(id="plan")

    def on_mount(self) -> None:
        """Fill in the initial request."""
        super().on_mount()
        names = set(self._initial.names)
        variants = self.app.lab.catalog.variants
        self._selected = tuple(
            variant.spec.name for variant in variants if names & {variant.spec.name, variant.spec.experiment}
        )
        self._typed = initial_texts(self._initial, self._variants, self.app.lab.catalog.code)
        self.query_one(Form).on_turned = self._type_in
        if not self._selected:
            self.query_one("#experiments").focus()
        self._change()

    # --- What is shown ------------------------------------------------------------------------------------------------

    @property
    def _variants(self) -> "tuple[Variant, ...]":
        """The selected variants."""
        return tuple(variant for variant in self.app.lab.catalog.variants if variant.spec.name in self._selected)

    @property
    def request(self) -> LaunchRequest:
        """The request that the fields make now."""
        return request_of(self._fields, self._selected)

    def update(self, snapshot: Snapshot) -> None:
        """Show runs that have finished meanwhile, and the load of the devices."""
        self._snapshot = snapshot
        self.app.set_interest(Interest())
        if device_descriptions(snapshot.machine) != self._devices:
            self._update_fields()
        self._show()

    def _change(self) -> None:
        """Update the fields at once, and the plan after a pause."""
        self._update_fields()
        if self._plan_timer is not None:
            self._plan_timer.stop()
        self._plan_timer = self.set_timer(PLAN_DELAY, self._plan)
        self._show()

    def _update_fields(self) -> None:
        """Make the fields again, with the typed texts checked."""
        variants = self._variants
        seeds = self.app.lab.catalog.experiment(variants[0].spec.experiment).seeds if variants else (0,)
        self._devices = device_descriptions(self._snapshot.machine)
        self._fields = form_fields(variants, seeds, self._devices, self._typed, self.app.lab.catalog.code)

    def _plan(self) -> None:
        lab, request = self.app.lab, self.request
        run_in_background(self, lambda: PlanMade(make_preview(lab, request)), group="planning", exclusive=True)

    def on_plan_made(self, message: PlanMade) -> None:
        """Show it, unless the request has changed since."""
        if message.preview.request == self.request:
            self.preview = message.preview
            self._show()

    def on_action_failed(self, message: ActionFailed) -> None:
        """Show why there is no plan."""
        self.preview = Preview(self.request, error=message.text)
        self._show()

    def _show(self) -> None:
        glyphs = glyphs_of(self)
        finished = [run.name for run in self._snapshot.runs if run.state is State.FINISHED]
        self.query_one(LiveTable).show(
            [_row(variant, self._selected, finished) for variant in self.app.lab.catalog.variants]
        )
        self.query_one(Form).show(self._fields)
        entitle(self.query_one("#experiments"), self._experiments_title())
        self._show_hint()
        preview, at_once, machine = self.preview, self.request.at_once, self._snapshot.machine

        def write(width: int) -> list[Line]:
            if preview is None:
                return [(Span("planning …", "muted"),)]
            if preview.until is not None:
                lines = until_lines(preview.until, self._stored_progress, width, glyphs, at_once=at_once)
            elif preview.plan is not None:
                lines = plan_lines(preview.plan, width, glyphs, at_once=at_once)
            else:
                return [(Span(part, "warn"),) for part in wrap(preview.error, max(20, width))]
            gauges = machine_lines(
                machine.cpu, machine.memory_used, machine.memory_total, machine.devices, width, glyphs
            )
            return [*lines, (), *gauges]

        panel = self.query_one("#plan", TextPanel)
        panel.show(write)
        verb = "starts" if preview and preview.until else "queues"
        entitle(panel, "preview", f"Enter {verb} it" if preview and preview.can_start else "")
        self.show_title(f"{len(self._selected)} experiments" if len(self._selected) != 1 else self._selected[0])

    @property
    def _stored_progress(self) -> PlanProgress | None:
        """How far the plan of the preview has come, if it was started before."""
        until = self.preview.until if self.preview else None
        return next((one for one in self._snapshot.plans if until and one.plan.id == until.plan.id), None)

    def _experiments_title(self) -> str:
        count = f"{len(self._selected)} marked"
        return count if self.has_class("-narrow") else f"experiments  {count}"

    def _show_hint(self) -> None:
        """Explain the current field: below the fields, on a narrow screen in their title."""
        field = self.query_one(Form).current
        title, narrow = "overrides", self.has_class("-narrow")
        words = clean_line(help_text(field, brief=narrow)) if field else ""
        entitle(self.query_one("#fields"), (words or title) if narrow else title, "" if narrow else words)

    # --- Messages and keys --------------------------------------------------------------------------------------------

    @on(Form.Changed)
    def _typed_in(self, event: Form.Changed) -> None:
        self._type_in(event.key, event.typed)

    def _type_in(self, key: str, text: str | None) -> None:
        """Take the text of a field; None restores its default."""
        typed = {other: text for other, text in self._typed.items() if other != key}
        if text is not None:
            typed[key] = text
        if typed != self._typed:
            self._typed = typed
            self._change()

    @on(Form.Moved)
    def _field_moved(self) -> None:
        self._show_hint()

    def action_mark(self) -> None:
        """Mark the experiment under the cursor, or unmark it."""
        name = self.query_one(LiveTable).cursor_key
        if isinstance(name, str):
            others = tuple(selected for selected in self._selected if selected != name)
            self._selected = others if others != self._selected else (*self._selected, name)
            self.query_one(LiveTable).action_move(1)
            self._change()

    def action_restore(self) -> None:
        """Restore the default of the current field."""
        self.query_one(Form).restore()

    @on(Form.Submitted)
    @on(LiveTable.Opened)
    def action_submit(self) -> None:
        """Return the request, once its plan is made and can start."""
        preview = self.preview
        invalid = next((field for field in self._fields if field.error), None)
        if invalid is not None:
            self.app.say(f"{invalid.key}: {invalid.error}", style="warn")
        elif preview is None or preview.request != self.request:
            self.app.say("the preview is still being prepared: press Enter again when it is shown")
        elif (progress := self._stored_progress) is not None and not progress.is_waiting:
            self.app.say(progress_texts(progress)[-1], style="warn")
        elif not preview.can_start:
            self.app.say(preview.error or "there is nothing to run", style="warn")
        elif not self._snapshot.writable:
            self.app.say(f"{self.app.lab.store.root} is not writable: runs cannot be started there", style="warn")
        else:
            self.dismiss(preview.request)


def _row(variant: "Variant", selected: tuple[str, ...], finished: list[str]) -> TableRow:
    name = variant.spec.name
    count = finished.count(name)
    is_selected = name in selected
    return TableRow(
        name,
        {
            "mark": (Span("x" if is_selected else "", "accent"),),
            "name": (Span(clean_line(variant.spec.display_title), "strong" if is_selected else ""),),
            "done": (Span(str(count) if count else "", "muted"),),
        },
    )
