"""The rules of the ledger: which verdict an event gets (PROTOCOL 5.2). Whoever folds the ledger, in whatever form, asks here."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from opendt_streams.model.event import MAIN, RULES


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    STALE = "stale: another event came first on this branch"
    BAD_DIGEST = "digest: id or result is not the digest of what the event says"
    INVALID = "invalid topology"
    UNKNOWN_RULES = "unknown rules"
    NO_PARENT = "the first event of a ledger must be a baseline on main"
    BRANCH_EXISTS = "branched needs an accepted parent and a new branch"
    NOT_ONLY_POWER = "a calibration may touch nothing but cpuPowerModels"


class Claim(Protocol):
    """What the rules look at in an event. The costly questions are methods, asked in order and only as far as needed."""

    @property
    def rules(self) -> int: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def branch(self) -> str: ...
    @property
    def kind(self) -> str: ...
    def digests_hold(self) -> bool:
        """Whether `id` and `result` are the digests of what the event says."""

    def flaw(self) -> str | None:
        """What is wrong with its topology."""

    def keeps_hardware(self) -> bool:
        """Whether it changes nothing but power models of its parent; asked only where the parent is accepted."""


def judge(claim: Claim, head: str | None, *, parent_accepted: bool) -> tuple[Verdict, str | None]:
    """The verdict, and what is wrong in words where the verdict alone does not say it. `head`: id of the newest event of its branch."""
    if claim.rules != RULES:
        return Verdict.UNKNOWN_RULES, f"rules {claim.rules}; this version judges rules {RULES}"
    if not claim.digests_hold():
        return Verdict.BAD_DIGEST, None
    if (flaw := claim.flaw()) is not None:
        return Verdict.INVALID, flaw
    if claim.kind == "branched":
        return (Verdict.ACCEPTED if parent_accepted and head is None else Verdict.BRANCH_EXISTS), None
    if claim.parent != head:
        return Verdict.STALE, f"parent {claim.parent}, head {head}"
    if head is None:
        return (Verdict.ACCEPTED if claim.kind == "baselined" and claim.branch == MAIN else Verdict.NO_PARENT), None
    if claim.kind == "calibrated" and not claim.keeps_hardware():
        return Verdict.NOT_ONLY_POWER, None
    return Verdict.ACCEPTED, None
