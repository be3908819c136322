"""Why a message is none."""

from __future__ import annotations

from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import Invalid


def reason(topic: str, value: bytes | None, headers: dict[str, str] | None = None) -> str:
    message = decode(topic, value, headers or {})
    assert isinstance(message, Invalid), message
    return message.reason
