"""JSON as OpenDC's files are read: text to a tree that keeps how everything was written.

OpenDC reads its files with kotlinx.serialization 1.6 in its strict default, and each field decides what its literal means: `4.0` is no
whole number there but `"4"` and `40e-1` are, and `1GHz` without quotes is a frequency. Python's own reader has forgotten all of that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from opendt_streams.errors import BadInput

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_BARE: Final = re.compile(r'[^\x00-\x20,:{}\[\]"\\]+')
_PLAIN: Final = re.compile(r'[^"\\]*')
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_DEEPEST: Final = 200  # no document of OpenDC's nests deeper than 9


@dataclass(frozen=True, slots=True)
class Bare:
    """What stands there without quotation marks: a number, true, false, null or anything else."""

    text: str


@dataclass(frozen=True, slots=True)
class Members:
    """An object, in the order of the file: a key may come more than once, and then the last one counts."""

    pairs: tuple[tuple[str, Node], ...]

    def last(self) -> dict[str, Node]:
        return dict(self.pairs)


Node: TypeAlias = "str | Bare | list[Node] | Members"


def parse(data: bytes) -> Node:
    """
    Raises:
        BadInput: this is no JSON to OpenDC: a byte order mark, a comment, a comma too many, text behind the end. Names the line.
    """
    text = data.decode("utf-8", errors="replace")
    parser = _Parser(text)
    node = parser.value(0)
    parser.end()
    return node


def written(node: Node) -> str:
    """As text that reads alike: literals as they were."""
    match node:
        case str():
            return json.dumps(node)
        case Bare():
            return node.text
        case Members():
            return "{" + ", ".join(f"{json.dumps(key)}: {written(value)}" for key, value in node.pairs) + "}"
    return "[" + ", ".join(map(written, node)) + "]"


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._skip()

    def value(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise self._error("objects or lists are nested too deep", f"at most {_DEEPEST} levels")
        match self._peek():
            case "{":
                return self._object(depth)
            case "[":
                return self._list(depth)
            case '"':
                return self._string()
        return self._bare()

    def end(self) -> None:
        if self._at < len(self._text):
            raise self._error(f"{self._peek()!r} stands behind the end", "nothing else in the file")

    def _object(self, depth: int) -> Members:
        pairs: list[tuple[str, Node]] = []
        self._take("{")
        if self._peek() != "}":
            while True:
                if self._peek() != '"':
                    raise self._error(self._found(), "a key in double quotes")
                key = self._string()
                self._take(":")
                pairs.append((key, self.value(depth + 1)))
                if self._peek() != ",":
                    break
                self._take(",")
        self._take("}")
        return Members(tuple(pairs))

    def _list(self, depth: int) -> list[Node]:
        found: list[Node] = []
        self._take("[")
        if self._peek() != "]":
            while True:
                found.append(self.value(depth + 1))
                if self._peek() != ",":
                    break
                self._take(",")
        self._take("]")
        return found

    def _bare(self) -> Bare:
        match = _BARE.match(self._text, self._at)
        if match is None:
            raise self._error(self._found(), "a value")
        if match[0].startswith("\ufeff"):
            raise self._error("the file begins with a byte order mark", "UTF-8 without one")
        self._at = match.end()
        self._skip()
        return Bare(match[0])

    def _string(self) -> str:
        parts = []
        self._at += 1
        while True:
            plain = _PLAIN.match(self._text, self._at)
            assert plain is not None  # it matches nothing at least
            parts.append(plain[0])
            self._at = plain.end()
            if self._at >= len(self._text):
                raise self._error("the file ends within a text", "closing quotation marks")
            self._at += 1
            if self._text[self._at - 1] == '"':
                break
            parts.append(self._escaped())
        self._skip()
        return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _escaped(self) -> str:
        kind = self._text[self._at : self._at + 1]
        self._at += 1
        if kind == "u":
            digits = self._text[self._at : self._at + 4]
            if not re.fullmatch("[0-9a-fA-F]{4}", digits):
                raise self._error(f"\\u{digits} is no character", "four hexadecimal digits")
            self._at += 4
            return chr(int(digits, 16))
        if kind not in _ESCAPES or not kind:
            raise self._error(f"\\{kind} is no character", 'one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u')
        return _ESCAPES[kind]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise self._error(self._found(), repr(sign))
        self._at += 1
        self._skip()

    def _found(self) -> str:
        return f"{self._peek()!r}" if self._peek() else "the file ends"

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _error(self, what: str, expected: str) -> BadInput:
        line, column = self._text.count("\n", 0, self._at) + 1, self._at - self._text.rfind("\n", 0, self._at)
        return BadInput(f"this is not JSON as OpenDC reads it: {what}", expected=expected, where=f"line {line} column {column}")
