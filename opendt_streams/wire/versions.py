"""Schema versions: which one a record has, and old documents brought up to the newest before they are validated.

The header `ce_type` names kind and version, `opendt.<kind>.v<number>`. A record without it, or with somebody else's, is of version 1: of
a datacenter's producers no header is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from opendt_streams.errors import BadInput

Document: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Document], Document]
Upcasters: TypeAlias = Mapping[str, tuple[Upcaster, ...]]

TYPE: Final = "ce_type"
FIRST: Final = 1
_OURS: Final = "opendt."
_NAMED: Final = re.compile(r"opendt\.([a-z]+(?:-[a-z]+)*)\.v([1-9][0-9]{0,8})", re.ASCII)

# Kind -> its upcasters: element i makes of a document of version i + 1 the next version's. Pure, and for ever: the log keeps every version.
# What a topology event's id covers is no matter of versions: a change of that is a new number in `rules`, and old events keep theirs.
UPCASTERS: Final[Upcasters] = {}


def type_name(kind: str) -> str:
    """The `ce_type` of what is written now."""
    return f"{_OURS}{kind}.v{newest(kind)}"


def newest(kind: str, upcasters: Upcasters = UPCASTERS) -> int:
    """The version of this kind that this code writes and validates."""
    return FIRST + len(upcasters.get(kind, ()))


def upcast(ce_type: str | None, document: Document, upcasters: Upcasters = UPCASTERS) -> Document:
    """The document as the newest version of its kind says it; the very same object where nothing is to be done.

    Raises:
        BadInput: the version is newer than this code knows, or `ce_type` begins as ours do and names none.
    """
    if ce_type is None or not ce_type.startswith(_OURS):
        return document
    named = _NAMED.fullmatch(ce_type)
    if named is None:
        raise BadInput(f"the header {TYPE} is {ce_type[:80]!r}", expected="opendt.<kind>.v<number>")
    kind, version = named[1], int(named[2])
    known = newest(kind, upcasters)
    if version > known:
        raise BadInput(
            f"{kind} of schema version {version}",
            expected=f"at most version {known}, the newest that this code knows",
            hint="Update opendt.",
        )
    for upcaster in upcasters.get(kind, ())[version - FIRST :]:
        document = upcaster(document)
    return document
