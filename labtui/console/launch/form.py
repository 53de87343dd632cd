"""The form of the launch dialog: lines of fields, and over the current one Textual's Input.

A widget per field would be the usual way. With some thirty fields it takes eight times as long to open and to move, and
in a burst of keys (over a slow line, or pasted) the keys go to the wrong widget: Textual carries bindings out from the
app's queue, behind characters that already wait in the queue of the focused widget. Here one Input gets all keys, and
each acts in the order in which it was typed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from labtui.console.launch.fields import DIFFERS, FormField, field_line, key_width, value_width
from labtui.console.ui.strips import glyphs_of, strip, styles_of, use_plain_scrollbar
from labtui.text.clean import clean_line
from labtui.text.spans import Span


class FieldEditor(Input):
    """The value of the current field. Keys that are not text act at once, not by way of the app."""

    EDITING: ClassVar[dict[str, str]] = {
        key: binding.action
        for binding in Input.BINDINGS
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }
    """Textual's editing keys, with their actions."""

    MOVES: ClassVar[dict[str, int]] = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}

    def __init__(self, form: "Form") -> None:
        super().__init__(compact=True)
        self._form = form
        self.cursor_blink = False  # a blinking cursor is two writes a second over what may be a slow line

    def load(self, field: FormField) -> None:
        """Edit this field; typing takes the place of the default."""
        self.placeholder = DIFFERS if field.default == DIFFERS else ""
        self.value = clean_line(field.text) if field.text != DIFFERS else ""
        self.action_select_all() if field.typed is None else self.action_end()

    def watch_value(self, value: str) -> None:
        """Report it."""
        self._form.edit(value)

    async def on_key(self, event: events.Key) -> None:
        """Act on keys that are not text."""
        if event.key in self.MOVES:
            self._form.move(self.MOVES[event.key])
        elif event.key == "enter":
            self.post_message(Form.Submitted())
        elif event.key == "ctrl+u":
            self._form.restore()
        elif not self._form.turn(event.key):
            if event.key not in self.EDITING:
                return
            await self.run_action(self.EDITING[event.key])
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Paste the first line, without control characters."""
        event.stop()
        event.prevent_default()
        self.replace(clean_line(event.text.partition("\n")[0]), *self.selection)


class FieldLines(ScrollView, can_focus=False):
    """All fields, painted."""

    def __init__(self, form: "Form") -> None:
        super().__init__()
        self._form = form

    def on_mount(self) -> None:
        """Draw the scroll bar with what the terminal can show."""
        use_plain_scrollbar(self)

    def on_click(self, event: events.Click) -> None:
        """Move to the field under the mouse."""
        if (offset := event.get_content_offset(self)) is not None:
            self._form.move_to(offset.y + self.scroll_offset.y)
            self._form.editor.focus()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The editor moves with its line."""
        super().watch_scroll_y(old_value, new_value)
        self._form.place_editor()

    def render_line(self, y: int) -> Strip:
        """One field."""
        width = self.scrollable_content_region.width
        return self._form.line(y + self.scroll_offset.y, width)


class Form(Widget):
    """Fields one below the other. What is typed is reported, and judged elsewhere: `show` gives the fields anew after
    every change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"form--cursor"}

    DEFAULT_CSS = """
    Form { height: 1fr; layers: lines editor; overflow: hidden hidden; }
    Form > .form--cursor { background: $foreground 8%; }
    Form:focus-within > .form--cursor { background: $accent 22%; }
    FieldLines { layer: lines; height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    FieldEditor, FieldEditor:focus { layer: editor; position: absolute; background: $foreground 8%; }
    FieldEditor:focus { background: $accent 22%; }
    FieldEditor > .input--selection { text-style: underline; }
    FieldEditor.-changed { color: $accent; }
    FieldEditor.-error { color: $error; }
    """

    class Changed(Message):
        """A field was edited; `typed` is None where its default was restored."""

        def __init__(self, key: str, typed: str | None) -> None:
            super().__init__()
            self.key = key
            self.typed = typed

        def can_replace(self, message: Message) -> bool:
            """Of several changes of one field that wait, the last one says all."""
            return isinstance(message, Form.Changed) and message.key == self.key

    class Moved(Message):
        """Another field is the current one."""

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._fields: tuple[FormField, ...] = ()
        self._at = 0
        self._unconfirmed: dict[str, str | None] = {}
        """What was typed and is not yet in the fields that `show` gives: keys may come faster than they are judged."""
        self.on_turned: Callable[[str, str | None], None] = lambda _key, _typed: None
        """Called at once when a choice has changed: it may bring other fields, on which the next key must act."""
        self.lines, self.editor = FieldLines(self), FieldEditor(self)

    def compose(self) -> ComposeResult:
        """The lines, and the editor over them."""
        yield self.lines
        yield self.editor

    @property
    def fields(self) -> tuple[FormField, ...]:
        """All fields, with what was typed so far."""
        return self._fields

    @property
    def current(self) -> FormField | None:
        """The field under the cursor."""
        return self._fields[self._at] if self._at < len(self._fields) else None

    def show(self, fields: Sequence[FormField]) -> None:
        """Show these fields; the cursor stays on its key."""
        key, waiting = self.current.key if self.current else "", self._unconfirmed
        self._unconfirmed = {
            field.key: waiting[field.key] for field in fields if field.typed != waiting.get(field.key, field.typed)
        }
        self._fields = tuple(replace(field, typed=self._unconfirmed.get(field.key, field.typed)) for field in fields)
        self._at = next((index for index, field in enumerate(self._fields) if field.key == key), 0)
        self.lines.virtual_size = Size(0, len(self._fields))
        self.lines.refresh()
        field = self.current
        if field is not None and (field.key != key or self._typed(self.editor.value) != field.typed):
            self.editor.load(field)
        self.place_editor()

    # --- Moving -------------------------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """Move the cursor over so many fields."""
        self.move_to(self._at + by)

    def move_to(self, index: int) -> None:
        """Move the cursor to this field, or to the last one."""
        self._at = min(max(0, index), max(0, len(self._fields) - 1))
        if self.current is not None:
            self.editor.load(self.current)
        self.lines.refresh()
        self._reveal()
        self.post_message(self.Moved())

    def _reveal(self) -> None:
        """Scroll to the current field, and put the editor there."""
        self.lines.scroll_to_region(Region(0, self._at, 1, 1), animate=False, force=True)
        self.place_editor()

    def place_editor(self) -> None:
        """Put the editor over the value of the current field."""
        width = max(0, self.lines.scrollable_content_region.width - 2)
        keys = key_width(self._fields, width)
        self.editor.styles.width = value_width(width, keys)
        self.editor.styles.offset = (keys + 1, self._at - self.lines.scroll_offset.y)
        self.editor.set_class(bool(self.current and self.current.error), "-error")
        self.editor.set_class(bool(self.current and self.current.is_changed), "-changed")

    def on_resize(self) -> None:
        """Keep the current field on the screen."""
        self.call_after_refresh(self._reveal)

    # --- Editing ------------------------------------------------------------------------------------------------------

    def edit(self, value: str) -> None:
        """Take this as the value of the current field."""
        field = self.current
        if field is not None and field.typed != (typed := self._typed(value)):
            self._unconfirmed[field.key] = typed
            self._fields = (*self._fields[: self._at], replace(field, typed=typed), *self._fields[self._at + 1 :])
            self.post_message(self.Changed(field.key, typed))

    def _typed(self, value: str) -> str | None:
        default = self.current.default if self.current else ""
        return None if value == ("" if default == DIFFERS else default) else value

    def turn(self, key: str) -> bool:
        """Change the current field to its next choice by Space or right, to the previous one by left; whether it has
        choices and the key is one of these."""
        field = self.current
        if field is None or not field.choices or key not in ("space", "right", "left"):
            return False
        self.editor.value = field.turned(-1 if key == "left" else 1)
        self.editor.action_end()
        self.on_turned(field.key, self._typed(self.editor.value))
        return True

    def restore(self) -> None:
        """Restore the default of the current field."""
        if self.current is not None:
            self.editor.load(replace(self.current, typed=None))

    # --- Painting -----------------------------------------------------------------------------------------------------

    def line(self, index: int, width: int) -> Strip:
        """One field, painted; the editor lies over the value of the current one."""
        palette, glyphs = styles_of(self), glyphs_of(self)
        if index >= len(self._fields):
            return strip((), palette, self.rich_style, width)
        current = index == self._at
        base = self.get_component_rich_style("form--cursor") if current else self.rich_style
        keys = key_width(self._fields, max(0, width - 2))
        spans = field_line(self._fields[index], max(0, width - 2), glyphs, key_width=keys, current=current)
        return strip((Span(" "), *spans), palette, base, width)
