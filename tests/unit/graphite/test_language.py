"""The target language: what it takes, and that nothing but a clear error comes of anything else."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opendt_api.graphite.language import Call, Expression, Path, parse
from opendt_api.graphite.tree import Branch, Leaf, Read, find, node_name

from opendt_streams.errors import BadInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("opendt.SURF.simulated_power_w", Path("opendt.SURF.simulated_power_w")),
        (" opendt.*.{a,b}[0-9]?.%2E ", Path("opendt.*.{a,b}[0-9]?.%2E")),
        ("constantLine(100)", Call("constantLine", (100.0,))),
        ("scale( a.b , -1.5e2 )", Call("scale", (Path("a.b"), -150.0))),
        ("alias(a, 'x, \"y\"')", Call("alias", (Path("a"), 'x, "y"'))),
        (r'aliasSub(a.*, "(^.*$)", "\1 A")', Call("aliasSub", (Path("a.*"), "(^.*$)", r"\1 A"))),
        ("f(g(), 30min.x, 1.2.3)", Call("f", (Call("g", ()), Path("30min.x"), Path("1.2.3")))),
    ],
)
def test_targets_as_trees(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends too early"),
        ("f(", "ends too early"),
        ("f(a", "ends too early"),
        ("f(a,)", "expected a metric path"),
        ("f(a b)", "expected ','"),
        ("a b", "expected the end"),
        ("a)", "expected the end"),
        ("f('a)", "closing quote"),
        ("3", "is no series"),
        ("'a'", "is no series"),
        ("f(" * 30 + "a" + ")" * 30, "deep"),
        ("a" * 5_000, "at most 4000"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse(text)


@given(st.text(alphabet="ab.*{},()'\" 1-", max_size=60))
@example("{" * 40)
def test_any_text_is_a_tree_or_a_clear_error(text: str) -> None:
    with suppress(BadInput):
        assert isinstance(parse(text), Path | Call)


_NOTHING: Read = lambda span: np.empty(len(span.ends_ms))  # noqa: E731
ROOT: Branch = {"a": {"x": Leaf(_NOTHING), "y%2E1": Leaf(_NOTHING)}, "b1": {"x": {"z": Leaf(_NOTHING)}}, "b2": Leaf(_NOTHING)}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["a", "b1", "b2"]),
        ("a.*", ["a.x", "a.y%2E1"]),
        ("{a,b1}.x", ["a.x", "b1.x"]),
        ("b?", ["b1", "b2"]),
        ("b[2-9]", ["b2"]),
        ("b{1,2}", ["b1", "b2"]),
        ("a.y%2E1", ["a.y%2E1"]),
        ("a.x.z", []),
        ("a..x", []),
        ("", []),
        ("b1.*.*", ["b1.x.z"]),
        ("a.", []),
        ("nothing", []),
        ("a.X", []),
    ],
)
def test_patterns_find_nodes(pattern: str, expected: list[str]) -> None:
    assert [found.path for found in find(ROOT, pattern)] == expected


@given(st.text(alphabet="ab.*{},[]!?", max_size=40))
def test_any_pattern_finds_or_is_refused(pattern: str) -> None:
    with suppress(BadInput):
        assert len(find(ROOT, pattern)) <= 6


@given(st.text(max_size=20), st.text(max_size=20))
def test_names_stay_apart_and_are_one_node(one: str, other: str) -> None:
    assert (node_name(one) == node_name(other)) == (one == other)
    assert not set(node_name(one)) & set(" .*{}[]?(),'\"")
