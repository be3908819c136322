"""Windows without an answer of the engine: failures that are facts of a run, and no function of its inputs.

An engine that is a program of its own can run out of time or memory. After its attempts the window's result says so and the twin goes on
(docs/decisions/0013-no-answer.md). From then on that result is an input: whoever computes the window again, after a restart or in a replay,
takes it over from the log instead of asking the engine anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from opendt_streams.engine.port import NO_ANSWER
from opendt_streams.wire.messages import Message, ResultRecorded

Unanswered: TypeAlias = Mapping[int, str]  # start of the window -> the error of its result
NONE: Final[Unanswered] = MappingProxyType({})


def is_no_answer(error: str | None) -> bool:
    """Whether the error of a result says that the engine gave no answer."""
    return error is not None and error.startswith(NO_ANSWER)


def unanswered_windows(messages: Iterable[Message]) -> Unanswered:
    """Those of one datacenter's sim.results; the first record of a window counts (PROTOCOL 2.2)."""
    first: dict[int, str | None] = {}
    for message in messages:
        if isinstance(message, ResultRecorded):
            first.setdefault(message.result.window_start_ms, message.result.error)
    return {start_ms: error for start_ms, error in first.items() if error is not None and is_no_answer(error)}
