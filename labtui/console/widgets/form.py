"""Fields one below the other: typing changes the one under the cursor. What is typed is told up, never judged here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from labtui.console.draw.spans import Line, Span
from labtui.console.form import Box, box_line, key_room
from labtui.console.widgets.paint import glyphs_of, palette_of, strip
from labtui.console.widgets.scrollbar import plain_scrollbar


class Form(ScrollView, can_focus=True):
    """`show` gives the fields anew after every change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"form--cursor"}

    DEFAULT_CSS = """
    Form { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    Form > .form--cursor { background: $foreground 8%; }
    Form:focus > .form--cursor { background: $accent 22%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("right", "turn(1)", "Next choice", show=False),
        Binding("left", "turn(-1)", "Previous choice", show=False),
        Binding("backspace", "shorten", "Delete a character", show=False),
        Binding("delete,ctrl+u", "restore", "The default again", show=False),
        Binding("enter", "submit", "Done", show=False),
    ]

    class Changed(Message):
        """Something was typed; None takes the change back."""

        def __init__(self, key: str, text: str | None) -> None:
            super().__init__()
            self.key = key
            self.text = text

        def can_replace(self, message: Message) -> bool:
            """Of several changes of one field that wait, the last one tells all."""
            return isinstance(message, Form.Changed) and message.key == self.key

    class Moved(Message):
        """Another field has the cursor."""

    class Submitted(Message):
        """Enter."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._boxes: tuple[Box, ...] = ()
        self._at = 0
        self._told: dict[str, str | None] = {}
        """What was typed and is not yet in the fields that `show` gives: keys may come faster than they are judged."""

    def on_mount(self) -> None:
        """Draw the scroll bar with what the terminal can show."""
        plain_scrollbar(self)

    @property
    def current(self) -> Box | None:
        """The field under the cursor."""
        return self._boxes[self._at] if self._at < len(self._boxes) else None

    def show(self, boxes: Sequence[Box]) -> None:
        """Show these fields; the cursor stays on its key."""
        key = self.current.key if self.current else ""
        self._told = {box.key: self._told[box.key] for box in boxes if box.typed != self._told.get(box.key, box.typed)}
        self._boxes = tuple(replace(box, typed=self._told.get(box.key, box.typed)) for box in boxes)
        self._at = next((index for index, box in enumerate(self._boxes) if box.key == key), 0)
        self.virtual_size = Size(0, len(self._boxes))
        self.refresh()

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002 - Textual's signature
        """Printable keys are text here."""
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        """Type."""
        if event.character is None or not event.is_printable or self.current is None:
            return
        event.stop()
        event.prevent_default()
        box = self.current.turned(1) if event.character == " " and self.current.choices else None
        self._tell(box or self.current.with_character(event.character))

    def on_paste(self, event: events.Paste) -> None:
        """Paste one line."""
        if self.current is not None:
            event.stop()
            self._tell(self.current.with_character(event.text.partition("\n")[0]))

    def action_move(self, by: int) -> None:
        """Another field."""
        self._at = min(max(0, self._at + by), max(0, len(self._boxes) - 1))
        self.scroll_to_region(Region(0, self._at, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_turn(self, by: int) -> None:
        """The next choice."""
        if self.current is not None and self.current.choices:
            self._tell(self.current.turned(by))

    def action_shorten(self) -> None:
        """Take the last character away."""
        if self.current is not None:
            self._tell(self.current.without_last())

    def action_restore(self) -> None:
        """What stood there at first."""
        if self.current is not None:
            self._tell(replace(self.current, typed=None))

    def action_submit(self) -> None:
        """Done."""
        self.post_message(self.Submitted())

    def on_click(self, event: events.Click) -> None:
        """The field under the mouse."""
        if (offset := event.get_content_offset(self)) is not None:
            self.action_move(offset.y + self.scroll_offset.y - self._at)

    def _tell(self, box: Box) -> None:
        self._told[box.key] = box.typed
        self._boxes = (*self._boxes[: self._at], box, *self._boxes[self._at + 1 :])
        self.refresh(Region(0, self._at - self.scroll_offset.y, self.size.width, 1))
        self.post_message(self.Changed(box.key, box.typed))

    def render_line(self, y: int) -> Strip:
        """One field."""
        index, room = y + self.scroll_offset.y, self.scrollable_content_region.width
        palette = palette_of(self)
        if index >= len(self._boxes):
            return strip((), palette, self.rich_style, room)
        current = index == self._at
        base = self.get_component_rich_style("form--cursor") if current else self.rich_style
        focused = current and self.has_focus
        width = max(0, room - 2)
        line: Line = box_line(
            self._boxes[index],
            width,
            glyphs_of(self),
            key_room=key_room(self._boxes, width),
            current=current,
            focused=focused,
        )
        return strip((Span(" "), *line), palette, base, room)
