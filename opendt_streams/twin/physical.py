"""dc.topology: the snapshots read so far, and which one holds at an instant (PROTOCOL 5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from opendt_streams.twin.intake import Naming
from opendt_streams.wire.messages import Invalid, Snapshot


@dataclass(frozen=True, slots=True)
class Read:
    """A snapshot and the first offset at which its content stood: producers repeat it, with other bytes for the same content."""

    offset: int
    snapshot: Snapshot


@dataclass(slots=True)
class Physical:
    """Snapshots by the digest of their message; an invalid one counts as read and changes nothing. Contents are kept once each."""

    contents: dict[str, Read] = field(default_factory=dict)
    digests: dict[str, str | None] = field(default_factory=dict)  # message digest -> content, None for an invalid one
    first: str | None = None  # contents: the first valid one, and the newest
    newest: str | None = None

    def read(self, offset: int, message: Snapshot | Invalid) -> None:
        if isinstance(message, Invalid):
            self.digests.setdefault(message.digest, None)
            return
        self.contents.setdefault(message.content, Read(offset, message))
        self.digests[message.digest] = message.content
        self.first = self.first or message.content
        self.newest = message.content

    def knows(self, digest: str) -> bool:
        return digest in self.digests

    def at(self, instant_ms: int, named: Sequence[Naming]) -> Snapshot | None:
        """The snapshot named by the newest heartbeat at or before the instant, invalid ones passed over."""
        return self._first_valid((n for n in reversed(named) if n.time_ms <= instant_ms), self.newest)

    def initial(self, named: Sequence[Naming]) -> Snapshot | None:
        """The first valid snapshot that a heartbeat names; where none names any, the first one of dc.topology."""
        return self._first_valid(named or [Naming(0, None)], self.first)

    def carbon_source(self, instant_ms: int, named: Sequence[Naming]) -> Snapshot | None:
        """Whose carbon traces hold from an instant on. Where heartbeats name no snapshot it is the first one: which one is the newest
        depends on how fast dc.topology is read, and unlike the hardware it is written down nowhere.
        """
        at = self._first_valid((n for n in reversed(named) if n.time_ms <= instant_ms), self.first)
        return at or self.initial(named)

    def all_invalid(self, named: Sequence[Naming]) -> bool:
        """Whether heartbeats named snapshots, all read, and none of them valid: there will be no topology."""
        return bool(named) and all(n.snapshot is not None and self.digests.get(n.snapshot) is None for n in named)

    def still_needed(self, named: Sequence[Naming], instant_ms: int) -> list[Naming]:
        """What later instants can still ask for: the newest valid naming until now, and all after it."""
        past = [n for n in named if n.time_ms <= instant_ms and (n.snapshot is None or self.digests.get(n.snapshot))]
        return past[-1:] + [n for n in named if n.time_ms > instant_ms]

    def _first_valid(self, names: Iterable[Naming], unnamed: str | None) -> Snapshot | None:
        """The first of these that is valid; `unnamed` stands for those whose heartbeat named none."""
        for naming in names:
            if naming.snapshot is None:
                return self.contents[unnamed].snapshot if unnamed is not None else None
            if (content := self.digests.get(naming.snapshot)) is not None:
                return self.contents[content].snapshot
        return None
