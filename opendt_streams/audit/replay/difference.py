"""The first place in which two values differ, in words."""

from __future__ import annotations

from typing import Final

from opendt_streams.model.canonical import canonical
from opendt_streams.wire.twin import read_value

_LONGEST: Final = 60  # characters of a value in a sentence
_DIGESTS: Final = ("id", "result")  # of a ledger event: what they are digests of is told first


def first_difference(recorded: bytes, computed: bytes) -> tuple[str, str] | None:
    """(path inside the value, what stands there against what is computed); None where both say the same, however it is spelled."""
    if recorded == computed:
        return None
    ours, theirs = read_value(recorded), read_value(computed)
    if "rules" not in ours:
        return _walk(ours, theirs, "")
    our_digests, their_digests = ({key: value.pop(key, None) for key in _DIGESTS} for value in (ours, theirs))
    return _walk(ours, theirs, "") or _walk(our_digests, their_digests, "")


def _walk(recorded: object, computed: object, path: str) -> tuple[str, str] | None:
    if isinstance(recorded, dict) and isinstance(computed, dict):
        for key in dict.fromkeys([*recorded, *computed]):
            inner = f"{path}.{key}" if path else str(key)
            if key not in recorded or key not in computed:
                return inner, "only in the record" if key in recorded else "missing in the record"
            if (found := _walk(recorded[key], computed[key], inner)) is not None:
                return found
        return None
    if isinstance(recorded, list) and isinstance(computed, list):
        if len(recorded) != len(computed):
            return path, f"{len(recorded)} entries recorded, {len(computed)} computed"
        for i, pair in enumerate(zip(recorded, computed, strict=True)):
            if (found := _walk(*pair, f"{path}[{i}]")) is not None:
                return found
        return None
    if canonical(recorded) == canonical(computed):
        return None
    return path, f"recorded {_text(recorded)}, computed {_text(computed)}"


def _text(value: object) -> str:
    text = canonical(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
