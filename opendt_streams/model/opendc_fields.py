"""Fields of OpenDC's input files: what each kind of them takes, as kotlinx.serialization 1.6 does in its strict default.

A specification is an `Object`: names with kinds and defaults, the same as the Kotlin class. Reading a tree by it gives plain values with
every default filled in. What is sealed there (policies, failure models) is read from a tree in memory, in which a number in quotes may
have blanks around it; everything else straight from the file. Both are as in OpenDC.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from opendt_streams.errors import BadInput
from opendt_streams.model.opendc_json import Bare, Members, Node

_INT: Final = 2**31
_LONG: Final = 2**63
_WHOLE: Final = re.compile(r"(-?)([0-9]+)(?:[eE]([+-]*)([0-9]*))?", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"([+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?", re.ASCII)
_JAVA_BLANKS: Final = "".join(map(chr, range(33)))

REQUIRED: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, for messages; `sealed`: within what is read from a tree in memory."""

    root: str
    path: str = ""
    sealed: bool = False

    def key(self, name: str) -> Place:
        return replace(self, path=f"{self.path}.{name}" if self.path else name)

    def entry(self, index: int) -> Place:
        return replace(self, path=f"{self.path}[{index}]")

    def error(self, what: str, expected: str | None = None) -> BadInput:
        return BadInput(what, expected=expected, where=self.path or self.root)


Kind: TypeAlias = Callable[[Node, Place], Any]


def shown(node: Node) -> str:
    """As it stands in the file, shortened."""
    match node:
        case str():
            return f'"{node}"' if len(node) <= 40 else f'"{node[:40]}..."'
        case Bare():
            return node.text[:40]
        case list():
            return "a list"
    return "an object"


def text(node: Node, place: Place) -> str:
    if not isinstance(node, str):
        raise place.error(f"{shown(node)} is no text", "text in double quotes")
    return node


def truth(node: Node, place: Place) -> bool:
    """Without quotation marks, in any case."""
    if not isinstance(node, Bare) or node.text.lower() not in ("true", "false"):
        raise place.error(f"{shown(node)} is not a truth value", "true or false, without quotation marks")
    return node.text.lower() == "true"


def _whole(node: Node, place: Place, bound: int) -> int:
    """Digits, a sign and an exponent, with or without quotation marks; no point."""
    found = node if isinstance(node, str) else node.text if isinstance(node, Bare) else ""
    if place.sealed:
        found = re.split(r'[\x00-\x20,:{}\[\]"\\]', found.lstrip(" \t\n\r"), maxsplit=1)[0]
    match = _WHOLE.fullmatch(found)
    if match is None:
        raise place.error(f"{shown(node)} is not a whole number", "digits without a point, such as 4")
    number = int(match[2])
    if match[3] is not None:
        exponent = min(int(match[4] or 0), 300)  # from there on it is 0 or far out of range
        scaled = float(number) * 10.0 ** (-exponent if match[3].endswith("-") else exponent)
        if scaled != math.floor(scaled):
            raise place.error(f"{shown(node)} is not a whole number", "digits without a point, such as 4")
        number = int(scaled)
    number = -number if match[1] else number
    if not -bound <= number < bound:
        raise place.error(f"{shown(node)} is out of range", f"a whole number of {-bound} to {bound - 1}")
    return number


def whole(node: Node, place: Place) -> int:
    """Kotlin's Int."""
    return _whole(node, place, _INT)


def long(node: Node, place: Place) -> int:
    """Kotlin's Long."""
    return _whole(node, place, _LONG)


def decimal(node: Node, place: Place) -> float:
    """Kotlin's Double: what Java's Double.parseDouble reads, with or without quotation marks, and finite."""
    found = node if isinstance(node, str) else node.text if isinstance(node, Bare) else ""
    number = parse_double(found)
    if number is None:
        raise place.error(f"{shown(node)} is not a number", "a number, such as 0.5")
    if not math.isfinite(number):
        raise place.error(f"{shown(node)} is not finite", "a finite number")
    return number


def parse_double(found: str) -> float | None:
    """Java's Double.parseDouble; None where it refuses."""
    found = found.strip(_JAVA_BLANKS)
    if _DECIMAL.fullmatch(found):
        return float(found.rstrip("fFdD"))
    if match := _HEXADECIMAL.fullmatch(found):
        return float.fromhex(match[1])
    return {"NaN": math.nan, "+NaN": math.nan, "-NaN": math.nan}.get(found, math.inf if found.lstrip("+-") == "Infinity" else None)


def unit(read: Callable[[str], float], expected: str) -> Kind:
    """A quantity: a number, or text with a unit. OpenDC looks at the text that is left when quotation marks are taken away."""

    def quantity(node: Node, place: Place) -> float:
        found = node if isinstance(node, str) else node.text if isinstance(node, Bare) else None
        if found is None:
            raise place.error(f"{shown(node)} is not a quantity", expected)
        try:
            return read(found)
        except BadInput as error:
            raise place.error(error.what, error.expected) from None

    return quantity


def choice(names: Sequence[str], what: str) -> Kind:
    """One of an enum's names, in its very case."""

    def chosen(node: Node, place: Place) -> str:
        found = node.text if isinstance(node, Bare) and place.sealed else node
        if not isinstance(found, str) or found not in names:
            name = repr(found) if isinstance(found, str) else shown(node)
            raise place.error(f"unknown {what} {name}", "one of " + ", ".join(names))
        return found

    return chosen


def nullable(kind: Kind) -> Kind:
    def read(node: Node, place: Place) -> Any:
        return None if node == Bare("null") else kind(node, place)

    return read


def entries(kind: Kind) -> Kind:
    def read(node: Node, place: Place) -> list[Any]:
        if not isinstance(node, list):
            raise place.error(f"{shown(node)} where a list belongs", "a list, in [ ]")
        return [kind(entry, place.entry(i)) for i, entry in enumerate(node)]

    return read


def by_name(key: Kind, kind: Kind) -> Kind:
    """Kotlin's Map."""

    def read(node: Node, place: Place) -> dict[str, Any]:
        if not isinstance(node, Members):
            raise place.error(f"{shown(node)} where an object belongs", "an object, in { }")
        return {key(name, place): kind(value, place.key(name)) for name, value in node.pairs}

    return read


@dataclass(frozen=True, slots=True)
class Object:
    """The fields of a class: their kinds, and the defaults of those that may be left out. `check` says what else must hold."""

    fields: Mapping[str, tuple[Kind, Any]]
    check: Callable[[dict[str, Any], Place], None] = field(default=lambda found, place: None)

    def __call__(self, node: Node, place: Place) -> dict[str, Any]:
        if not isinstance(node, Members):
            found = "nothing" if node == Bare("null") else shown(node)
            raise place.error(f"{found} where an object belongs", "an object with " + ", ".join(self.fields))
        return self.read(node.last().items() if place.sealed else node.pairs, place)

    def read(self, pairs: Any, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name not in self.fields:
                raise place.error(f"unknown key {name!r}", "one of " + ", ".join(self.fields))
            found[name] = self.fields[name][0](value, place.key(name))
        for name, (_, default) in self.fields.items():
            if name not in found:
                if default is REQUIRED:
                    raise place.error(f"the key {name} is missing")
                found[name] = default() if callable(default) else default
        self.check(found, place)
        return found


def sealed(kinds: Mapping[str, Object]) -> Kind:
    """One of several classes, told apart by the key `type`; the result has that key, too."""

    def read(node: Node, place: Place) -> dict[str, Any]:
        place = replace(place, sealed=True)
        if not isinstance(node, Members):
            found = "nothing" if node == Bare("null") else shown(node)
            raise place.error(f"{found} where an object belongs", "an object with a type of " + ", ".join(kinds))
        members = node.last()
        if "type" not in members:
            raise place.error("the key type is missing", "one of " + ", ".join(kinds))
        name = choice(tuple(kinds), "type")(members.pop("type"), place.key("type"))
        return {"type": name} | kinds[name].read(members.items(), place)

    return read
