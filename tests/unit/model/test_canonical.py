"""Canonical JSON against the reference implementation, over whatever JSON can say."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from opendt_streams.model.canonical import canonical, digest, sha256_hex

EXACT = 2**53
NUMBERS = st.integers(-EXACT + 1, EXACT - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_it_is_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(1e-7)
@example(1e-6)
@example(9.999e-5)
@example(1e-4)
@example(1e21)
@example(1e20)
@example(1e16)
@example(float(EXACT))
@example(EXACT - 1.0)
@example(EXACT - 0.5)
@example(5e-324)
@example(1.7976931348623157e308)
@example(0.1 + 0.2)
def test_floats_are_written_as_rfc_8785_writes_them(number: float) -> None:
    assert canonical(number) == rfc8785.dumps(number)
    assert canonical([number, {"x": (number,)}]) == rfc8785.dumps([number, {"x": [number]}])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (-0.0, b"0"),
        (5.0, b"5"),
        (1e-7, b"1e-7"),
        (1e21, b"1e+21"),
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        ({"\u20ac": 1, "\r": 2, "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"): 3, "\ufb33": 4}, None),
        ('\u2028</script>\x00\x7f"\\/', None),
        ({"": {}}, b'{"":{}}'),
        ((1, (2,)), b"[1,[2]]"),
    ],
)
def test_examples(value: Any, written: bytes | None) -> None:
    assert canonical(value) == (written or rfc8785.dumps(value))


def test_keys_sort_by_utf_16_code_units() -> None:
    """An emoji is written with surrogates (0xd83d), so it sorts before a ligature (0xfb33) although its code point is larger."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_never_enter(number: float) -> None:
    with pytest.raises(ValueError, match=r"(?i)nan|inf"):
        canonical({"x": [number]})


@pytest.mark.parametrize("number", [EXACT, -EXACT, EXACT + 1, 10**30])
def test_integers_that_are_not_exact_as_floats_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="exceeds"):
        canonical([number])


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_a_digest_is_the_sha256_of_the_canonical_bytes() -> None:
    assert digest({"a": 1.0}) == sha256_hex(b'{"a":1}')
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
