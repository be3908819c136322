"""The fold of sim.topology: every reader of the same log reaches the same verdicts, heads and history (PROTOCOL section 5)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import digest
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.topology.events import event_id
from opendt_streams.topology.judging import Verdict, judge

__all__ = ["Accepted", "Judged", "Ledger", "Verdict"]


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
        parent, head = self._accepted.get(event.parent or ""), self.heads.get(event.branch)
        claim = _Claim(event, parent)
        verdict, detail = judge(claim, head.event.id if head else None, parent_accepted=parent is not None)
        return verdict, claim.topology if verdict is Verdict.ACCEPTED else None, detail


@dataclass(slots=True)
class _Claim:
    """An event before the rules, and its parent if that is accepted."""

    event: TopologyEvent
    accepted_parent: Accepted | None
    topology: Topology | None = None

    @property
    def rules(self) -> int:
        return self.event.rules

    @property
    def parent(self) -> str | None:
        return self.event.parent

    @property
    def branch(self) -> str:
        return self.event.branch

    @property
    def kind(self) -> str:
        return self.event.kind

    def digests_hold(self) -> bool:
        return self.event.result == digest(self.event.topology) and self.event.id == event_id(self.event)

    def flaw(self) -> str | None:
        try:
            self.topology = read_topology(self.event.topology, "opendc")
        except BadInput as error:
            return str(error)
        return None

    def keeps_hardware(self) -> bool:
        assert self.topology is not None
        assert self.accepted_parent is not None
        return self.topology.without_power_models() == self.accepted_parent.topology.without_power_models()
