"""The part of YAML that programs write their hyperparameters in: mappings, lists and scalars.

Lightning's hparams.yaml and Hydra's config.yaml come from a stranger's folder, so nothing is executed: tags such as
`!!python/object` are skipped, and what they mark is read as the plain mapping, list or text that it is. Anchors and
aliases work; complex keys, several documents and merge keys do not.
"""

import re
from typing import Any

MAX_DEPTH = 40
"""Levels of nesting; a deeper file is refused."""

_TAG = re.compile(r"!\S*(?:\s+|$)")
_ANCHOR = re.compile(r"&(\S+)(?:\s+|$)")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_KEY = re.compile(
    r"""(?P<key>(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ \t]*"""
    r"""|(?:[^\s\[\]{}#&*!|>'"%@`,?:-]|[-?:](?=[^\s#:]))(?:[^#:]|(?<!\s)#)*(?::(?!\s|$)(?:[^#:]|(?<!\s)#)*)*):(?:\s+|$)"""
)
_QUOTED = {"'": re.compile(r"(?:[^']|'')*'(?!')"), '"': re.compile(r'(?:[^"\\]|\\.)*"')}
_IN_QUOTES = re.compile(r"(?<![^\s\[{,:])(?:'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\")")
_INTEGER = re.compile(r"[-+]?\d[\d_]*\Z")
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*)?\.?\d*(?:[eE][-+]?\d+)?\Z")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "e": "\x1b", " ": " ", "_": "\xa0"}
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None, "~": None}
_SPECIAL = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}


class YamlError(ValueError):
    """A line that is not of this part of YAML."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line


def parse(text: str) -> Any:
    """The value of a document: dicts, lists, texts, numbers, booleans and None. Raises YamlError."""
    return _Parser(text).document()


def scalar(text: str) -> Any:
    """A plain scalar: a number, a boolean, None or the text itself. `1e-3` is a number, as it is in Hydra."""
    if not text or text.casefold() in _WORDS:
        return _WORDS.get(text.casefold())
    if _INTEGER.match(text) and len(text) < 40:
        return int(text.replace("_", ""))
    if text.casefold() in _SPECIAL:
        return _SPECIAL[text.casefold()]
    if _NUMBER.match(text) and any(sign.isdigit() for sign in text) and text[0] not in "eE":
        return float(text.replace("_", ""))
    return text


class _Parser:
    """A cursor over the lines. Blank lines and comments are left out, except within block scalars."""

    def __init__(self, text: str) -> None:
        self._raw = text.split("\n")
        self._lines: list[tuple[int, int, str]] = []
        for number, line in enumerate(self._raw):
            content = line.strip()
            if content and not content.startswith(("#", "%")) and not re.match(r"(---|\.\.\.)(\s|$)", line):
                self._lines.append((number, len(line) - len(line.lstrip(" ")), content))
        self._at = 0
        self._anchors: dict[str, Any] = {}

    def document(self) -> Any:
        if not self._lines:
            return None
        value = self._block(self._lines[0][1], 0)
        if self._at < len(self._lines):
            raise self.error("it is indented unlike the lines before it")
        return value

    def error(self, why: str, line: int | None = None) -> YamlError:
        """What is wrong with a line: that under the cursor, if none is given."""
        if line is None:
            line = self._lines[min(self._at, len(self._lines) - 1)][0]
        return YamlError(line + 1, why)

    def _here(self, indent: int) -> str | None:
        """The line under the cursor if it has this indent."""
        if self._at < len(self._lines) and self._lines[self._at][1] == indent:
            return self._lines[self._at][2]
        return None

    def _block(self, indent: int, depth: int) -> Any:
        """What begins under the cursor, at this indent."""
        if depth > MAX_DEPTH:
            raise self.error("it is nested too deeply")
        line = self._lines[self._at][2]
        if _is_item(line):
            return self._list(indent, depth)
        if _KEY.match(line):
            return self._mapping(indent, depth)
        self._at += 1
        return self._value(line, indent - 1, depth)

    def _mapping(self, indent: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (line := self._here(indent)) is not None and not _is_item(line):
            key = _KEY.match(line)
            if key is None:
                raise self.error("there is no key")
            self._at += 1
            found[_text_of(key["key"].rstrip())] = self._value(line[key.end() :], indent, depth, in_mapping=True)
        return found

    def _list(self, indent: int, depth: int) -> list[Any]:
        found: list[Any] = []
        while (line := self._here(indent)) is not None and _is_item(line):
            rest = line[1:].lstrip()
            if rest and (_KEY.match(rest) or _is_item(rest)):
                number = self._lines[self._at][0]
                inner = indent + len(line) - len(rest)
                self._lines[self._at] = (number, inner, rest)
                found.append(self._block(inner, depth + 1))
            else:
                self._at += 1
                found.append(self._value(rest, indent, depth))
        return found

    def _value(self, text: str, indent: int, depth: int, *, in_mapping: bool = False) -> Any:
        """A value that begins with `text`, behind a key or a dash at this indent; the cursor is on the next line."""
        anchor = ""
        for _ in range(2):  # a tag and an anchor, in either order
            if match := _TAG.match(text) or _ANCHOR.match(text):
                anchor = match[1] if match.re is _ANCHOR else anchor
                text = text[match.end() :]
        value = self._content(text, indent, depth, in_mapping=in_mapping)
        if anchor:
            self._anchors[anchor] = value
        return value

    def _content(self, text: str, indent: int, depth: int, *, in_mapping: bool) -> Any:
        if text[:1] in ("'", '"'):
            return self._quoted(text)
        if text[:1] in ("[", "{"):
            return _Flow(self._balanced(text), self).value()
        if text[:1] in ("|", ">"):
            return self._literal(indent, folds=text[0] == ">")
        text = _COMMENT.sub("", text).strip()
        if text[:1] == "*":
            return self._alias(text[1:])
        if text:
            return scalar(self._continued(text, indent))
        if self._at < len(self._lines):
            _, inner, line = self._lines[self._at]
            if inner > indent or (in_mapping and inner == indent and _is_item(line)):
                return self._block(inner, depth + 1)
        return None

    def _alias(self, name: str) -> Any:
        if name not in self._anchors:
            raise self.error(f"*{name} refers to nothing", self._lines[self._at - 1][0])
        return self._anchors[name]

    def _continued(self, text: str, indent: int) -> str:
        """A plain text with the deeper lines that continue it."""
        parts = [text]
        while self._at < len(self._lines) and self._lines[self._at][1] > indent:
            parts.append(_COMMENT.sub("", self._lines[self._at][2]).strip())
            self._at += 1
        return " ".join(parts)

    def _quoted(self, text: str) -> str:
        """A quoted text, with the lines over which it goes on."""
        quote, begin, parts, rest = text[0], self._at - 1, [text[0]], text[1:]
        while not (match := _QUOTED[quote].match(rest)):
            parts += [rest, " "]
            rest = self._next_line(begin, "a quoted text does not end")
        return _text_of("".join((*parts, match[0])))

    def _balanced(self, text: str) -> str:
        """A list or mapping in brackets, with the lines over which it goes on."""
        begin, parts, missing = self._at - 1, [text], _open_brackets(text)
        while missing > 0:
            parts.append(self._next_line(begin, "a bracket is not closed"))
            missing += _open_brackets(parts[-1])
        return " ".join(parts)

    def _next_line(self, begin: int, why: str) -> str:
        if self._at >= len(self._lines):
            raise self.error(why, self._lines[begin][0])
        self._at += 1
        return self._lines[self._at - 1][2]

    def _literal(self, indent: int, *, folds: bool) -> str:
        """A block of text: all following lines that are deeper, as they are."""
        first = self._lines[self._at - 1][0] + 1
        lines: list[str] = []
        for line in self._raw[first:]:
            if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
                break
            lines.append(line.strip())
        while self._at < len(self._lines) and self._lines[self._at][0] < first + len(lines):
            self._at += 1
        return (" " if folds else "\n").join(lines).strip()


class _Flow:
    """A value in brackets: `[1, 2]`, `{a: 1}`."""

    _TOKEN = re.compile(
        r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\[\]{},]|:(?=\s|$)|(?:[^\[\]{},:\s]|:(?!\s|$))(?:[^\[\]{},:]|:(?!\s|$))*|:)"""
    )

    def __init__(self, text: str, parser: _Parser) -> None:
        self._tokens = self._TOKEN.findall(text)
        self._at = 0
        self._error = parser.error

    def value(self, depth: int = 0) -> Any:
        """The value that begins here. Raises YamlError."""
        word = self._take()
        if depth > MAX_DEPTH:
            raise self._error("it is nested too deeply")
        if word == "[":
            found: list[Any] = []
            while self._peek() != "]":
                found.append(self.value(depth + 1))
                self._skip_comma()
            self._take()
            return found
        if word == "{":
            mapping: dict[str, Any] = {}
            while self._peek() != "}":
                key = self._key()
                colon = self._peek() == ":"
                if colon:
                    self._take()
                mapping[key] = self.value(depth + 1) if colon and self._peek() not in (",", "}") else None
                self._skip_comma()
            self._take()
            return mapping
        if word[:1] in ("'", '"'):
            return _text_of(word)
        return scalar(_TAG.sub("", word.strip(), count=1).strip())

    def _key(self) -> str:
        word = self._take()
        if word in ("[", "{", "?"):
            raise self._error("a key is no text")
        return _text_of(word.strip())

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise self._error("a bracket is not closed")
        token: str = self._tokens[self._at]
        return token

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _skip_comma(self) -> None:
        if self._peek() == ",":
            self._take()


def _open_brackets(line: str) -> int:
    """Brackets that a line opens, less those that it closes."""
    bare = _IN_QUOTES.sub("", line)
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")


def _is_item(line: str) -> bool:
    return line == "-" or line.startswith("- ")


def _text_of(text: str) -> str:
    """A text without its quotes."""
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        return _ESCAPE.sub(lambda match: _unescaped(match[1]), text[1:-1])
    return text


def _unescaped(code: str) -> str:
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\N{REPLACEMENT CHARACTER}"
    return _ESCAPES.get(code, code)
