"""The tree of metrics: nodes joined by dots, and finding those that a pattern means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from itertools import product
from typing import Final
from urllib.parse import quote

from opendt_api.graphite.span import Span
from opendt_streams.errors import BadInput
from opendt_streams.model.task import Float64

MOST_FOUND: Final = 1_000
_MOST_ALTERNATIVES: Final = 100
_BRACES: Final = re.compile(r"\{([^{}]*)\}")

Read = Callable[[Span], Float64]
"""One value per bucket, NaN where nothing is known."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A metric: how its values come, and what it is of (`tags`, which Grafana's alerts have as labels)."""

    read: Read
    tags: Mapping[str, str] = field(default_factory=dict)


Branch = Mapping[str, "Branch | Leaf"]


@dataclass(frozen=True, slots=True)
class Found:
    path: str
    node: Branch | Leaf

    @property
    def text(self) -> str:
        return self.path.rpartition(".")[2]


def node_name(name: str) -> str:
    """A name as one node: letters, digits, `_` and `-` stay, everything else is percent-encoded, dots too."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def find(root: Branch, pattern: str) -> list[Found]:
    """Nodes of a pattern, in the order of the tree.

    Raises:
        BadInput: the pattern means too many.
    """
    steps = [re.compile("|".join(translate(part) for part in _alternatives(step))) for step in _nodes(pattern)]
    found: list[Found] = []
    for match in _walk(root, "", steps):
        found.append(match)
        if len(found) > MOST_FOUND:
            raise BadInput(f"{pattern!r} means more than {MOST_FOUND} metrics", hint="Name more of the path.", where="target")
    return found


def _walk(branch: Branch, prefix: str, steps: list[re.Pattern[str]]) -> Iterator[Found]:
    for name, node in branch.items():
        if steps and steps[0].match(name):
            path = f"{prefix}{name}"
            if len(steps) == 1:
                yield Found(path, node)
            elif not isinstance(node, Leaf):
                yield from _walk(node, f"{path}.", steps[1:])


def _nodes(pattern: str) -> list[str]:
    """Cut at dots, but not at those within braces."""
    return re.findall(r"(?:\{[^{}]*\}|[^.{}])+|(?<=\.)(?=\.|\Z)|\A(?=\.)|[{}]", pattern)


def _alternatives(step: str) -> list[str]:
    """`{a,b}*` as `a*` and `b*`."""
    parts = _BRACES.split(step)
    choices = [[part] if i % 2 == 0 else part.split(",") for i, part in enumerate(parts)]
    found = 1
    for choice in choices:
        found *= len(choice)
    if found > _MOST_ALTERNATIVES:
        raise BadInput(f"{step!r} has {found} alternatives", expected=f"at most {_MOST_ALTERNATIVES}", where="target")
    return ["".join(combination) for combination in product(*choices)]
