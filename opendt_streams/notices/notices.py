"""The collection: a projection of the topics. Fed in the order of each topic, in any interleaving of them, it says the same."""

from __future__ import annotations

from collections.abc import Iterator

from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.notices.notice import Notice, many
from opendt_streams.notices.outcome import Outcome
from opendt_streams.notices.readings import Readings
from opendt_streams.notices.streams import Workload
from opendt_streams.topology.ledger import Ledger
from opendt_streams.windows.grid import Grid
from opendt_streams.windows.watermark import Watermark
from opendt_streams.wire import topics
from opendt_streams.wire.messages import AlarmRecorded, DecisionRecorded, End, Heartbeat, Message, PowerBatch, ResultRecorded, ResultsEnded


class Notices:
    """Of one datacenter. `ledger` is the fold of sim.topology, if whoever feeds this folds it anyway: each event first."""

    def __init__(self, grid: Grid, ledger: Ledger | None = None) -> None:
        self._grid = grid
        self._ledger, self._own_ledger = ledger or Ledger(), ledger is None
        self._workload, self._outcome = Workload(grid.max_jump_ms), Outcome()
        self._readings = Readings(grid, self._outcome, self._ledger)
        self._power_mark = Watermark(grid.max_jump_ms)
        self._next: dict[str, int] = {}
        self._letters: dict[str, tuple[int, int, str]] = {}  # by topic: how many, the first one's offset, and its reason
        self._letter_ids: set[tuple[str, int]] = set()

    def take(self, topic: str, offset: int, message: Message | None) -> None:
        """The next message of a topic; what was taken before is skipped. None: a task on dc.workload, which nobody need decode for this."""
        if offset < self._next.get(topic, 0):
            return
        self._next[topic] = offset + 1
        if topic == topics.WORKLOAD:
            self._workload.said(message)
        elif message is None:
            return
        elif topic == topics.PHYSICAL:
            self._workload.read(message)
        elif topic == topics.POWER:
            self._take_power(message)
        elif topic == topics.LEDGER:
            self._take_event(offset, message)
        elif topic == topics.RESULTS:
            if isinstance(message, ResultRecorded) and self._outcome.result(message.result):
                self._readings.settle()
            elif isinstance(message, ResultsEnded):
                self._outcome.results_ended(message.unplaceable)
        elif topic == topics.CALIBRATION:
            if isinstance(message, DecisionRecorded):
                self._outcome.decision(message.decision)
            elif isinstance(message, AlarmRecorded):
                self._outcome.alarm(message.alarm)

    def letter(self, topic: str, offset: int, reason: str) -> None:
        """A record that could not be processed, by its place; in any order, each once."""
        if (topic, offset) in self._letter_ids:
            return
        self._letter_ids.add((topic, offset))
        count, first, why = self._letters.get(topic, (0, offset, reason))
        self._letters[topic] = (count + 1, *((first, why) if first <= offset else (offset, reason)))

    def _take_power(self, message: Message) -> None:
        mark = self._power_mark
        match message:
            case End():
                mark.ended = self._readings.ended = True
            case PowerBatch(samples) if not mark.ended:
                newest = max(s.time_ms for s in samples)
                if not mark.refuses(newest):  # else it is a dead letter
                    mark.advance(newest)
                    self._readings.take(samples)
            case Heartbeat(time_ms) if not mark.ended and not mark.refuses(time_ms):
                mark.advance(time_ms)
                self._readings.reached(time_ms)

    def _take_event(self, offset: int, message: Message) -> None:
        if self._own_ledger:
            if isinstance(message, TopologyEvent):
                self._ledger.add(offset, message)
            else:
                self._ledger.skip(offset)
        self._readings.settle()

    # -- what follows ----------------------------------------------------------------------------------------------------

    def found(self) -> tuple[Notice, ...]:
        """Everything that is to be known now, the most urgent first."""
        return tuple(sorted(self._all(), key=lambda notice: notice.place))

    @property
    def answered(self) -> int:
        """Windows that were simulated."""
        return self._outcome.answered

    def _all(self) -> Iterator[Notice]:
        yield from self._workload.notices(self._span_ms())
        yield from self._outcome.notices()
        yield from self._readings.notices()
        yield from self._behind()
        for topic, (count, first, reason) in self._letters.items():
            yield Notice(
                "dead-letter",
                f"{many(count, 'message')} of {topic} could not be processed; the first, at offset {first}: {reason.rstrip('.')}.",
                "Send them again as they should be; sys.dead-letter has each with its reason.",
                count,
                None,
                topic,
            )

    def _span_ms(self) -> tuple[int, int] | None:
        outcome = self._outcome
        if outcome.first_ms is None or outcome.data_end_ms is None:
            return None
        return outcome.first_ms, outcome.data_end_ms

    def _behind(self) -> Iterator[Notice]:
        """Decisions, and with them the windows after, wait for dc.power to reach their instant."""
        heard_ms, power_ms, outcome = self._workload.newest_ms, self._power_mark.time_ms, self._outcome
        instant_ms = outcome.end_ms
        if heard_ms is None or instant_ms is None or self._power_mark.ended or outcome.ended or not self._grid.is_instant(instant_ms):
            return
        decided = outcome.decided_ms is not None and outcome.decided_ms >= instant_ms
        if decided or heard_ms < instant_ms + self._grid.publish_every_ms or (power_ms is not None and power_ms >= instant_ms):
            return
        reached = f"has come to {times.iso(power_ms)}" if power_ms is not None else "has said nothing"
        yield Notice(
            "waiting-for-power",
            f"The decision of {times.iso(instant_ms)}, and the windows after it, wait for dc.power, which {reached}; dc.workload has come "
            f"to {times.iso(heard_ms)}.",
            "Send readings or heartbeats on dc.power; after calibrator.max_wait the twin goes on without.",
            1,
            instant_ms,
        )
