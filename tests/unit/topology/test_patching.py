"""JSON Patch on topologies: any patch gives a topology or an error that says which operation, never anything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model.topology_json import to_document
from opendt_streams.topology.patching import patch_between, patched, whole
from tests.unit.topology.ledgers import topology

COUNT = "/clusters/0/hosts/0/count"
_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_PATHS = st.sampled_from(
    ["", "/", "/clusters", "/clusters/0", "/clusters/-", "/clusters/1", COUNT, COUNT + "/x", "/clusters/0/name/0", "~", "x"]
)
_OPERATION = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "fly"]) | _JSON,
        "path": _PATHS | _JSON,
        "from": _PATHS | _JSON,
        "value": _JSON,
    },
)


def test_a_patch_changes_what_it_names() -> None:
    assert patched(topology(2), [{"op": "replace", "path": COUNT, "value": 7}]) == topology(7)
    assert patched(topology(2), []) == topology(2)


def test_operations_are_applied_in_order_and_all_or_none() -> None:
    count_then_test = [{"op": "replace", "path": COUNT, "value": 7}, {"op": "test", "path": COUNT, "value": 7}]
    assert patched(topology(2), count_then_test) == topology(7)
    with pytest.raises(BadInput, match=r"patch\[1\] /clusters/0/hosts/0/count: cannot be applied"):
        patched(topology(2), [count_then_test[0], {"op": "test", "path": COUNT, "value": 8}])


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({"op": "replace", "path": "/clusters/0/hosts/9/count", "value": 3}, r"patch\[0\] /clusters/0/hosts/9/count"),
        ({"op": "replace", "path": COUNT, "value": 0}, r"clusters\[0\].hosts\[0\].count"),
        ({"op": "add", "path": "/clusters/0/hosts/0/colour", "value": "red"}, r"clusters\[0\].hosts\[0\]: unknown key 'colour'"),
        ({"op": "replace", "path": "", "value": 3}, "the topology: int where an object belongs"),
        ({"op": "fly", "path": COUNT}, r"patch\[0\] .*fly"),
        ("replace", r"patch\[0\]: str where an operation belongs"),
    ],
)
def test_what_cannot_be_applied_is_named(operation: object, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        patched(topology(2), [operation])


@pytest.mark.parametrize("patch", [{}, {"op": "replace", "path": COUNT, "value": 7}, None, "x"])
def test_a_patch_is_a_list(patch: object) -> None:
    with pytest.raises(BadInput, match="RFC 6902"):
        patched(topology(2), patch)


def test_copies_of_copies_end_before_memory_does() -> None:
    doubling = [{"op": "copy", "from": "/clusters/0/hosts", "path": "/clusters/0/hosts/-"}] * 64
    with pytest.raises(BadInput, match="more than 10485760 bytes"):
        patched(topology(2), doubling)


def test_depth_is_no_stack_trace() -> None:
    deep: Any = 1
    for _ in range(800):
        deep = [deep]
    with pytest.raises(BadInput):
        patched(topology(2), [{"op": "add", "path": "/x", "value": deep}])


@given(st.lists(_OPERATION, max_size=4) | _JSON)
def test_any_patch_gives_a_topology_or_is_refused(patch: object) -> None:
    try:
        made = patched(topology(2), patch)
    except BadInput:
        return
    assert whole(to_document(made)) == made


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.sampled_from([50.0, 51.5]))
def test_the_patch_between_two_topologies_makes_one_of_the_other(hosts: int, groups: int, more: int, others: int, idle_w: float) -> None:
    before, after = topology(hosts, groups=groups), topology(more, idle_w=idle_w, groups=others)
    patch = patch_between(before, after)
    assert patched(before, list(patch)) == after
    assert (patch == []) == (before == after)
