"""Canonical JSON (RFC 8785) and digests over it: the one way in which values are compared, hashed and written to topics."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson
import rfc8785
from typing_extensions import TypeAliasType

# A named recursive type, so that Pydantic can make schemas of the records that hold it.
JSON = TypeAliasType("JSON", "None | bool | int | float | str | list[JSON] | dict[str, JSON] | tuple[JSON, ...]")

# orjson writes a float as RFC 8785 does between these magnitudes, once whole numbers have become integers;
# its keys sort as RFC 8785's do as long as they are ASCII, and its integers agree up to 2**53.
_SMALLEST_PLAIN: Final = 1e-4
LARGEST_EXACT: Final = 2**53
_SCALARS: Final = {int, str, bool, type(None)}


class _NeedsLibrary(Exception):
    pass


def canonical(value: object) -> bytes:
    """The RFC 8785 form of a JSON value. Non-finite numbers raise ValueError.

    The rfc8785 package is exact and slow (2 us a number); nearly every value of ours consists of plain numbers for
    which orjson gives the same bytes, so only what is out of the ordinary goes the long way. A property test holds the two equal.
    """
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except _NeedsLibrary:
        return rfc8785.dumps(value)  # type: ignore[arg-type]


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest(value: object) -> str:
    """sha256 of the canonical form, in hexadecimal."""
    return sha256_hex(canonical(value))


def _plain(value: object) -> object:
    kind = type(value)
    if kind is float:
        return _number(value)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        kinds = set(map(type, value))  # type: ignore[call-overload]
        if kinds <= _SCALARS:  # long columns of them are most of a stored state
            if int in kinds and any(type(x) is int and not -LARGEST_EXACT < x < LARGEST_EXACT for x in value):  # type: ignore[attr-defined]
                raise _NeedsLibrary
            return value
        return [_number(x) if type(x) is float else _plain(x) for x in value]  # type: ignore[attr-defined]
    if kind is dict:
        if not all(type(k) is str and k.isascii() for k in value):  # type: ignore[attr-defined]
            raise _NeedsLibrary
        return {k: _plain(v) for k, v in value.items()}  # type: ignore[attr-defined]
    if kind is int and not -LARGEST_EXACT < value < LARGEST_EXACT:  # type: ignore[operator]
        raise _NeedsLibrary
    if kind in (str, bool, int) or value is None:
        return value
    raise TypeError(f"{kind.__name__} is not a JSON type")


def _number(x: float) -> float | int:
    magnitude = abs(x)
    if not magnitude < LARGEST_EXACT:
        if magnitude != magnitude or magnitude == float("inf"):
            raise ValueError(f"{x} is not a JSON number")
        raise _NeedsLibrary
    if x.is_integer():
        return int(x)
    if magnitude < _SMALLEST_PLAIN:
        raise _NeedsLibrary
    return x
