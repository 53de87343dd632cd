"""Fields one below the other: typing changes the one under the cursor. What is typed is told up, never judged here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from labtui.console.draw.spans import Line, Span
from labtui.console.launch.fields import Box, box_line, key_room
from labtui.console.ui.strips import glyphs_of, palette_of, plain_scrollbar, strip


class Form(ScrollView, can_focus=True):
    """`show` gives the fields anew after every change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"form--cursor"}

    DEFAULT_CSS = """
    Form { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    Form > .form--cursor { background: $foreground 8%; }
    Form:focus > .form--cursor { background: $accent 22%; }
    """

    AT_ONCE: ClassVar[dict[str, Callable[["Form"], None]]] = {
        "down": lambda form: form.action_move(1),
        "up": lambda form: form.action_move(-1),
        "pagedown": lambda form: form.action_move(10),
        "pageup": lambda form: form.action_move(-10),
        "right": lambda form: form.action_turn(1),
        "left": lambda form: form.action_turn(-1),
        "backspace": lambda form: form.action_shorten(),
        "delete": lambda form: form.action_restore(),
        "ctrl+u": lambda form: form.action_restore(),
        "enter": lambda form: form.action_submit(),
        "tab": lambda form: form.leave(1),
        "shift+tab": lambda form: form.leave(-1),
    }
    """Keys that are no text. As bindings they would go by way of the app, and what was typed behind them would come
    before them."""

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
        """Type, or do what the key says; what comes after a Tab is for the pane that has the focus by then."""
        if (focused := self.screen.focused) is not self and focused is not None:
            event.stop()
            focused.post_message(events.Key(event.key, event.character))
            return
        deed = self.AT_ONCE.get(event.key)
        if deed is None and (event.character is None or not event.is_printable):
            return
        event.stop()
        event.prevent_default()
        if deed is not None:
            deed(self)
        elif self.current is not None and event.character is not None:
            box = self.current.turned(1) if event.character == " " and self.current.choices else None
            self._tell(box or self.current.with_character(event.character))

    def leave(self, by: int) -> None:
        """The next pane, or the one before."""
        if by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

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
