"""The API as a browser meets it: on a port of this machine, around a projection that the test feeds, with a ledger in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType

import uvicorn
from opendt_api.app import create_app
from opendt_api.context import Context
from opendt_api.security import Principals

from opendt_streams.model.canonical import canonical
from opendt_streams.projection.projection import Projection
from opendt_streams.streams.ledger_writer import Answer, Effect, Newer
from opendt_streams.topology.change import Stale, Wish, events_of
from opendt_streams.topology.ledger import Verdict
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import event_value
from tests.unit.api.site import GRID, SITE

TOKEN = "secret-token-of-ann"
_KINDS = {topics.RESULTS: "result", topics.CALIBRATION: "decision", topics.LEDGER: "topology", topics.DEAD_LETTER: "dead-letter"}
_STARTED_S = 20


@dataclass(slots=True)
class Wall:
    """Wall time as the API sees it."""

    ms: int


@dataclass
class Served:
    """`with Served(records) as served`: everything the API has is in `records`, what `tell` adds comes live."""

    records: Iterable[Record]
    wall: Wall
    host: str = "127.0.0.1"
    port: int = 0
    projection: Projection = field(init=False)

    def __enter__(self) -> Served:
        self.projection = Projection(GRID, lambda _: SITE)
        for record in self.records:
            self.projection.take(record)
        self.context = Context(self.projection, lambda: self.wall.ms, ready=lambda: True, datacenter=SITE, writer=Folding(self))
        known = Principals({sha256(TOKEN.encode()).hexdigest(): "ann"})
        app = create_app(self.context, known, host=self.host, per_second=1e6)
        config = uvicorn.Config(app, "127.0.0.1", self.port, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        self.server, began = uvicorn.Server(config), threading.Event()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(began,), daemon=True)
        self._thread.start()
        assert began.wait(_STARTED_S), "the server does not start"
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.loop.call_soon_threadsafe(self._end)
        self._thread.join(_STARTED_S)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def tell(self, *records: Record) -> None:
        """Records come: into the projection, and to whoever listens."""
        self._in_loop(lambda: self._take_all(records))

    def take(self, record: Record) -> None:
        self.projection.take(record)
        self.context.listeners.tell(_KINDS.get(record.topic, "other"), {"offset": record.offset})

    def _take_all(self, records: Iterable[Record]) -> None:
        for record in records:
            self.take(record)

    def _in_loop(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def doing() -> None:
            what()
            done.set()

        self.loop.call_soon_threadsafe(doing)
        assert done.wait(_STARTED_S)

    def _serve(self, began: threading.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:  # cancels at its end what uvicorn leaves behind
            runner.run(self._run(began))

    async def _run(self, began: threading.Event) -> None:
        serving = asyncio.ensure_future(self.server.serve())
        while not self.server.started and not serving.done():
            await asyncio.wait([serving], timeout=0.01)
        began.set()
        await serving

    def _end(self) -> None:
        for queue in self.context.listeners.queues:
            queue.put_nowait(None)
        self.server.should_exit = True


class Folding:
    """A ledger writer whose log is the projection: what the real one does, without Kafka."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def write(self, wish: Wish) -> Answer:
        ledger = self._served.projection.datacenters[SITE].history().ledger
        assert ledger.head is not None
        try:
            event = events_of(ledger, wish)[-1]
        except Stale as stale:
            since = tuple(Newer(one, "2026-01-01T00:00:00Z", ("count: 2 -> 3",)) for one in stale.since)
            return Answer(None, None, Verdict.STALE, stale.parent.event.id, ledger.head, since=since)
        self._served.take(event_record(ledger.offset, event_value(event), self._served.wall.ms))
        history = self._served.projection.datacenters[SITE].history()
        return Answer(
            event, ledger.offset, Verdict.ACCEPTED, event.parent or "", history.ledger.heads[event.branch], history.entries[-1].changes
        )

    async def effect(self, answer: Answer) -> Effect:
        return Effect(None, self._served.projection.datacenters[SITE].progress.newest_end_ms, complete=False)


def event_record(offset: int, value: object, wall_ms: int) -> Record:
    headers = (("ce_source", b"opendt/api"), ("ce_time", b"2026-01-02T03:04:05Z"))
    return Record(topics.LEDGER, 0, offset, SITE.encode(), canonical(value), headers, wall_ms)
