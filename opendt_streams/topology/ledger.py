"""The fold of sim.topology: every reader of the same log reaches the same verdicts, heads and history (PROTOCOL section 5)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from enum import StrEnum

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import digest
from opendt_streams.model.event import MAIN, RULES, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import event_id


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    STALE = "stale: another event came first on this branch"
    BAD_DIGEST = "digest: id or result is not the digest of what the event says"
    INVALID = "invalid topology"
    UNKNOWN_RULES = "unknown rules"
    NO_PARENT = "the first event of a ledger must be a baseline on main"
    BRANCH_EXISTS = "branched needs an accepted parent and a new branch"
    NOT_ONLY_POWER = "a calibration may touch nothing but cpuPowerModels"


@dataclass(frozen=True, slots=True)
class Judged:
    """An event in the log with its verdict. `detail` says more where the verdict alone does not."""

    offset: int
    event: TopologyEvent
    verdict: Verdict
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted event and the topology that it describes."""

    offset: int
    event: TopologyEvent
    topology: Topology


@dataclass(slots=True)
class Ledger:
    """State after the events before `offset`. Accepted events never change their verdict; a repeated id has none of its own."""

    offset: int = 0
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    heads: dict[str, Accepted] = field(default_factory=dict)
    main: list[Accepted] = field(default_factory=list)
    by_cause: dict[str, Accepted] = field(default_factory=dict)
    _accepted: dict[str, Accepted] = field(default_factory=dict)

    def add(self, offset: int, event: TopologyEvent) -> Judged | None:
        """Fold one record; None for the second record of a known id, which has no verdict."""
        self.offset = offset + 1
        if event.id in self.verdicts:
            return None
        verdict, topology, detail = self._judge(event)
        self.verdicts[event.id] = verdict
        if topology is not None:
            accepted = Accepted(offset, event, topology)
            self._accepted[event.id] = self.heads[event.branch] = accepted
            if event.branch == MAIN:
                self.main.append(accepted)
                self.by_cause.setdefault(event.cause, accepted)
        return Judged(offset, event, verdict, detail)

    def skip(self, offset: int) -> None:
        """A record that is no event (a dead letter): only the offset moves on."""
        self.offset = offset + 1

    @property
    def head(self) -> Accepted | None:
        """The newest accepted event of main."""
        return self.heads.get(MAIN)

    def head_at(self, pin: int) -> Accepted | None:
        """The newest accepted event of main below ledger offset `pin`."""
        found = bisect_left(self.main, pin, key=lambda a: a.offset)
        return self.main[found - 1] if found else None

    def accepted(self, event_id_: str) -> Accepted | None:
        return self._accepted.get(event_id_)

    def _judge(self, event: TopologyEvent) -> tuple[Verdict, Topology | None, str | None]:
        """Verdict; the topology if accepted; what is wrong in words where that is not in the verdict."""
        parent = self._accepted.get(event.parent or "")
        if event.rules != RULES:
            return Verdict.UNKNOWN_RULES, None, f"rules {event.rules}; this version judges rules {RULES}"
        if event.result != digest(event.topology) or event.id != event_id(event):
            return Verdict.BAD_DIGEST, None, None
        try:
            topology = read_topology(event.topology, "opendc")
        except BadInput as error:
            return Verdict.INVALID, None, str(error)
        if event.kind == "branched":
            if parent is None or event.branch in self.heads:
                return Verdict.BRANCH_EXISTS, None, None
            return Verdict.ACCEPTED, topology, None
        head = self.heads.get(event.branch)
        if event.parent != (head.event.id if head else None):
            return Verdict.STALE, None, f"parent {event.parent}, head {head.event.id if head else None}"
        if parent is None:
            if event.kind == "baselined" and event.branch == MAIN:
                return Verdict.ACCEPTED, topology, None
            return Verdict.NO_PARENT, None, None
        if event.kind == "calibrated" and topology.without_power_models() != parent.topology.without_power_models():
            return Verdict.NOT_ONLY_POWER, None, None
        return Verdict.ACCEPTED, topology, None
