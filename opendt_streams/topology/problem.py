"""What is wrong with a ledger, or with what refers to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`field`: a field of the value, a header, or `value` where it is the record as a whole.

    `refused`: the event was not written by a service of the twin and none built on it: the twin may have read it as it is, and rejected it.
    """

    topic: str
    offset: int
    field: str
    what: str
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.topic} offset {self.offset}, {self.field}: {self.what}"
