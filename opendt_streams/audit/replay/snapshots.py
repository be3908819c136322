"""Where a replay of a part may begin: simulators that an earlier, whole replay left behind, and the decisions on the log.

A snapshot is bound to the code, to the deciding settings, and to every record that it has read: it is used only where all three are the
same now. So it saves time and never adds trust; a test holds that both ways give the same outputs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from opendt_streams.assembly import deciding, restore_calibrator, restore_simulator
from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.sealing.digests import seal_of
from opendt_streams.engine.native import NATIVE
from opendt_streams.model import times
from opendt_streams.model.canonical import canonical, digest
from opendt_streams.settings import Settings
from opendt_streams.twin import simulator_state
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.unanswered import NONE, unanswered_windows
from opendt_streams.version import code_version
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, Message
from opendt_streams.wire.record import Record


class Snapshots:
    """The folder of one run's simulator snapshots, one per `every_ms` of event time."""

    def __init__(self, folder: Path, evidence: Evidence, settings: Settings, every_ms: int = times.DAY) -> None:
        self._folder, self._evidence, self._settings, self._every_ms = folder, evidence, settings, every_ms
        self._identity = digest({"code": code_version(), "deciding": deciding(settings)})
        self._prefixes = _Prefixes(evidence)
        self._newest_ms: int | None = None
        native = settings.engine.name == NATIVE.name
        self._unanswered = NONE if native else unanswered_windows(r.message() for r in evidence.own(topics.RESULTS))

    def offer(self, simulator: Simulator) -> None:
        """Store the simulator if it is time."""
        start = _goes_on_from(simulator)
        if start is None or (self._newest_ms is not None and start < self._newest_ms + self._every_ms):
            return
        self._newest_ms = start
        document = {
            "identity": self._identity,
            "read": {topic: self._prefixes.digest(topic, offset) for topic, offset in simulator.next.items()},
            "state": simulator_state.snapshot(simulator),
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{start}.snapshot"
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(zlib.compress(canonical(document), 1))
        unfinished.replace(path)

    def simulator(self, time_ms: int) -> tuple[int, Simulator] | None:
        """The newest one that has computed nothing after `time_ms`, and the start of the first window that it will compute."""
        stored = {int(path.stem): path for path in self._folder.glob("*.snapshot") if path.stem.isdigit()}
        for start in sorted((s for s in stored if s <= time_ms), reverse=True):
            document = orjson.loads(zlib.decompress(stored[start].read_bytes()))
            if document["identity"] == self._identity and self._read_the_same(document):
                return start, self._restore(document["state"])
        return None

    def _read_the_same(self, document: dict[str, Any]) -> bool:
        prefixes = _Prefixes(self._evidence)
        return all(prefixes.digest(t, document["state"]["next"][t]) == prefix for t, prefix in document["read"].items())

    def _restore(self, state: dict[str, Any]) -> Simulator:
        wanted = {topic: set(offsets) for topic, offsets in simulator_state.references(state).items()}
        read = {(t, r.offset): r.message() for t, offsets in wanted.items() for r in self._evidence.own(t) if r.offset in offsets}
        ledger = _before(self._evidence, topics.LEDGER, state["next"][topics.LEDGER])
        return restore_simulator(state, self._settings, ledger, lambda topic, offset: read[topic, offset], unanswered=self._unanswered)


def calibrator_at(time_ms: int, evidence: Evidence, settings: Settings) -> tuple[int, Calibrator] | None:
    """The calibrator as the newest decision at or before `time_ms` left it, with that instant; None without any such decision."""
    decisions = [(r, m) for r in evidence.own(topics.CALIBRATION) if isinstance(m := r.message(), DecisionRecorded)]
    decisions = [(r, m) for r, m in decisions if m.decision.instant_ms <= time_ms]
    if not decisions:
        return None
    record, message = max(decisions, key=lambda d: (d[1].decision.instant_ms, -d[0].offset))  # the first record of the newest instant
    calibrator = restore_calibrator(
        evidence.info.datacenter, settings, _before(evidence, topics.LEDGER, message.pin), [(record.offset, message)]
    )
    return message.decision.instant_ms, calibrator


def _before(evidence: Evidence, topic: str, offset: int) -> Iterator[tuple[int, Message]]:
    return ((record.offset, record.message()) for record in evidence.own(topic) if record.offset < offset)


def _goes_on_from(simulator: Simulator) -> int | None:
    """Start of the first window whose result is still to be written."""
    return simulator.held.window_start_ms if simulator.held is not None else simulator.window_ms


@dataclass(slots=True)
class _Prefix:
    records: Iterator[Record]
    ahead: Record | None
    digest: Any


class _Prefixes:
    """Digests of everything before an offset; each topic is read once as the offsets grow."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._topics: dict[str, _Prefix] = {}

    def digest(self, topic: str, offset: int) -> str:
        prefix = self._topics.get(topic)
        if prefix is None:
            records = self._evidence.records(topic)
            prefix = self._topics[topic] = _Prefix(records, next(records, None), sha256())
        while prefix.ahead is not None and prefix.ahead.offset < offset:
            prefix.digest.update(seal_of(prefix.ahead).digest)
            prefix.ahead = next(prefix.records, None)
        return str(prefix.digest.hexdigest())
