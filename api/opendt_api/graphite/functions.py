"""What a target means: series over the buckets of a span. Functions are Graphite's, those that the dashboards and Grafana need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from opendt_api.graphite.language import Call, Expression, Path, parse
from opendt_api.graphite.span import Span
from opendt_api.graphite.tree import Branch, Leaf, find
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.task import Float64

MOST_VALUES: Final = 400_000
GRAFANAS_PATTERN: Final = "(^.*$)"
_GRAFANAS_REPLACEMENT: Final = "\\1"


@dataclass(frozen=True, slots=True)
class Series:
    """`name` is what people see, `path` what it comes from."""

    name: str
    path: str
    tags: Mapping[str, str]
    values: Float64


@dataclass(frozen=True, slots=True)
class Function:
    """`parameters`: (name, Graphite's type, required) each, the series first."""

    text: str
    group: str
    parameters: tuple[tuple[str, str, bool], ...]
    apply: Callable[..., list[Series]]


def evaluate(root: Branch, targets: Iterable[str], span: Span) -> list[Series]:
    """The series of the targets, in their order; none where nothing has that name.

    Raises:
        BadInput: a target that cannot be understood, or targets that ask for too much.
    """
    found: list[Series] = []
    for target in targets:
        found.extend(_evaluated(root, parse(target), span))  # a list: `parse` refuses bare numbers and strings
        _require_few(len(found), span)
    return found


def _require_few(series: int, span: Span) -> None:
    if series * len(span.ends_ms) > MOST_VALUES:
        hint = "Take a shorter range, fewer maxDataPoints, or name more of the paths."
        raise BadInput(f"{series} series of {len(span.ends_ms)} points", expected=f"at most {MOST_VALUES} values", hint=hint)


def _evaluated(root: Branch, expression: Expression, span: Span) -> Any:
    match expression:
        case Path(pattern):
            return _read(root, pattern, span)
        case Call(name, arguments):
            function = FUNCTIONS.get(name)
            if function is None:
                raise BadInput(f"no function {name!r}", expected=", ".join(sorted(FUNCTIONS)), where="target")
            given = [_evaluated(root, argument, span) for argument in arguments]
            _check(name, function, given)
            return function.apply(span, *given)
        case constant:
            return constant


def _read(root: Branch, pattern: str, span: Span) -> list[Series]:
    leaves = [(match.path, match.node) for match in find(root, pattern) if isinstance(match.node, Leaf)]
    _require_few(len(leaves), span)
    return [Series(path, path, leaf.tags, leaf.read(span)) for path, leaf in leaves]


_KINDS: Final[Mapping[str, type]] = {"seriesList": list, "string": str, "float": float, "integer": float, "node": float}


def _check(name: str, function: Function, given: Sequence[Any]) -> None:
    last = function.parameters[-1]
    expected = [*function.parameters, *[last] * (len(given) - len(function.parameters))] if last[1] == "node" else function.parameters
    if not sum(required for _, _, required in function.parameters) <= len(given) <= len(expected):
        raise BadInput(f"{name} got {len(given)} arguments", expected=_signature(name, function), where="target")
    for value, (parameter, kind, _) in zip(given, expected, strict=False):
        whole = kind not in ("integer", "node") or (isinstance(value, float) and value.is_integer())
        if not isinstance(value, _KINDS[kind]) or not whole:
            raise BadInput(f"{parameter} of {name} is no {kind}", expected=_signature(name, function), where="target")


def _signature(name: str, function: Function) -> str:
    return f"{name}({', '.join(f'{p} ({kind})' for p, kind, _ in function.parameters)})"


def _alias(_: Span, series: list[Series], name: str) -> list[Series]:
    return [replace(s, name=name) for s in series]


def _alias_by_node(_: Span, series: list[Series], *nodes: float) -> list[Series]:
    return [replace(s, name=".".join(_node(s.path, int(node)) for node in nodes)) for s in series]


def _node(path: str, number: int) -> str:
    nodes = path.split(".")
    return nodes[number] if -len(nodes) <= number < len(nodes) else ""


def _alias_sub(_: Span, series: list[Series], search: str, replacement: str) -> list[Series]:
    """Not any regular expression: only the one with which Grafana appends a query's letter to the names."""
    if search != GRAFANAS_PATTERN:
        raise BadInput(f"aliasSub searches {search!r}", expected=f"{GRAFANAS_PATTERN!r}; for other names use alias or aliasByNode")
    return [replace(s, name=replacement.replace(_GRAFANAS_REPLACEMENT, s.name)) for s in series]


def _constant_line(span: Span, value: float) -> list[Series]:
    return [Series(f"{value:g}", f"{value:g}", {}, np.full(len(span.ends_ms), value))]


def _scale(_: Span, series: list[Series], factor: float) -> list[Series]:
    return [replace(s, name=f"scale({s.name},{factor:g})", values=s.values * factor) for s in series]


def _scale_to_seconds(span: Span, series: list[Series], seconds: float) -> list[Series]:
    factor = seconds * times.SECOND / span.step_ms
    return [replace(s, name=f"scaleToSeconds({s.name},{seconds:g})", values=s.values * factor) for s in series]


def _integral(_: Span, series: list[Series]) -> list[Series]:
    def summed(values: Float64) -> Float64:
        known = ~np.isnan(values)
        return np.where(known, np.cumsum(np.where(known, values, 0.0)), np.nan)

    return [replace(s, name=f"integral({s.name})", values=summed(s.values)) for s in series]


def _keep_last_value(_: Span, series: list[Series], limit: float = np.inf) -> list[Series]:
    def kept(values: Float64) -> Float64:
        index = np.arange(len(values))
        last = np.maximum.accumulate(np.where(np.isnan(values), -1, index))
        near = (last >= 0) & (index - last <= limit)
        return np.where(near, values[last], np.nan)

    return [replace(s, name=f"keepLastValue({s.name})", values=kept(s.values)) for s in series]


_SERIES: Final = ("seriesList", "seriesList", True)
FUNCTIONS: Final[Mapping[str, Function]] = {
    "alias": Function("Names the series.", "Alias", (_SERIES, ("newName", "string", True)), _alias),
    "aliasByNode": Function("Names the series by nodes of its path.", "Alias", (_SERIES, ("nodes", "node", True)), _alias_by_node),
    "aliasSub": Function(
        "Grafana's own use of it.", "Alias", (_SERIES, ("search", "string", True), ("replace", "string", True)), _alias_sub
    ),
    "constantLine": Function("The same value everywhere.", "Special", (("value", "float", True),), _constant_line),
    "integral": Function("The sum so far, from the beginning of the range.", "Transform", (_SERIES,), _integral),
    "keepLastValue": Function("Fills gaps with the value before.", "Special", (_SERIES, ("limit", "integer", False)), _keep_last_value),
    "scale": Function("Multiplies by a factor.", "Transform", (_SERIES, ("factor", "float", True)), _scale),
    "scaleToSeconds": Function(
        "Sums of a bucket as what they are in so many seconds.", "Transform", (_SERIES, ("seconds", "integer", True)), _scale_to_seconds
    ),
}


def definitions() -> dict[str, Any]:
    """As Graphite's /functions lists them; Grafana's query editor offers these."""
    return {
        name: {
            "name": name,
            "function": _signature(name, function),
            "description": function.text,
            "module": "opendt_api.graphite.functions",
            "group": function.group,
            "params": [
                {"name": p, "type": kind, "required": required, **({"multiple": True} if kind == "node" else {})}
                for p, kind, required in function.parameters
            ],
        }
        for name, function in FUNCTIONS.items()
    }
