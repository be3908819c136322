"""The target language: metric paths with wildcards, and functions of them, as Graphite writes them.

target := call | path | number | string        call := name "(" [target {"," target}] ")"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from opendt_streams.errors import BadInput

MOST_CHARACTERS: Final = 4_000
_MOST_DEPTH: Final = 20
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?=\s*\()", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?(?=\s*[,)]|\s*\Z)", re.ASCII)
_PATH: Final = re.compile(r"(?:[^\s(){},'\"]|\{[^\s(){}'\"]*\})+")
_BLANK: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Path:
    """Nodes joined by dots; a node may hold `*`, `?`, `[…]` and `{a,b}`."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Expression, ...]


Expression = Path | Call | float | str


def parse(text: str) -> Expression:
    """A target as a tree.

    Raises:
        BadInput: says what was expected, and before which character.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadInput(f"a target of {len(text)} characters", expected=f"at most {MOST_CHARACTERS}", where="target")
    reader = _Reader(text)
    found = reader.expression(0)
    if reader.at < len(text):
        raise reader.wrong("the end of the target")
    if isinstance(found, float | str):
        raise BadInput(f"{text!r} is no series", expected="a metric path or a function", where="target")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._blanks()

    def expression(self, depth: int) -> Expression:
        if depth > _MOST_DEPTH:
            raise BadInput(f"functions within functions, more than {_MOST_DEPTH} deep", where="target")
        if self.text[self.at : self.at + 1] in ("'", '"') and self.at < len(self.text):
            return self._string()
        if (name := self._take(_NAME)) is not None:
            return self._call(name, depth)
        if (number := self._take(_NUMBER)) is not None:
            return float(number)
        if (path := self._take(_PATH)) is not None:
            return Path(path)
        raise self.wrong("a metric path, a function, a number or a string")

    def wrong(self, expected: str) -> BadInput:
        rest = self.text[self.at : self.at + 20]
        return BadInput(f"{rest!r} at character {self.at + 1}" if rest else "the target ends too early", expected=expected, where="target")

    def _call(self, name: str, depth: int) -> Call:
        self._skip("(")
        arguments: list[Expression] = []
        while self.text[self.at : self.at + 1] != ")":
            if arguments:
                self._skip(",")
            arguments.append(self.expression(depth + 1))
        self._skip(")")
        return Call(name, tuple(arguments))

    def _string(self) -> str:
        """Up to the same quote; a backslash stands for itself, as in Graphite."""
        end = self.text.find(self.text[self.at], self.at + 1)
        if end < 0:
            raise self.wrong("a closing quote")
        found = self.text[self.at + 1 : end]
        self.at = end + 1
        self._blanks()
        return found

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        self._blanks()
        return found[0]

    def _skip(self, character: str) -> None:
        if self.text[self.at : self.at + 1] != character:
            raise self.wrong(f"{character!r}")
        self.at += 1
        self._blanks()

    def _blanks(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
