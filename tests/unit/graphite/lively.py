"""A datacenter of which everything can be asked: parameters, scores, an alarm, a rejected event, heartbeats, a dead letter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Final

import httpx
from opendt_api.app import create_app
from opendt_api.context import Context
from opendt_api.security import Principals

from opendt_streams.model.canonical import canonical
from opendt_streams.model.decision import Alarm, Decision, Score
from opendt_streams.projection.projection import FOLLOWED, Projection
from opendt_streams.topology.events import make_event
from opendt_streams.wire import encode, topics
from opendt_streams.wire import headers as h
from opendt_streams.wire.messages import ResumePoint
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import dead_letter_value
from opendt_streams.wire.twin import RESUME, alarm_value, decision_value, event_value
from tests.unit.api import site
from tests.unit.api.site import GRID, HOUR, SITE, T0, WINDOW

WINDOWS: Final = 48
END: Final = T0 + WINDOWS * WINDOW
TOKEN: Final = "secret-token-of-grafana"
BOUND_AT: Final = T0 + 3 * HOUR
RECORDED: Final = "2026-01-01T00:00:00Z"


def logs(windows: int = WINDOWS) -> dict[str, list[Record]]:
    """Results and meters as in `tests.unit.api.site`, each recorded a second after the heartbeat that made it due."""
    found = site.logs(windows)
    found[topics.RESULTS] = [replace(r, timestamp_ms=T0 + i * 2_000 + 1_000) for i, r in enumerate(found[topics.RESULTS])]
    for i in range(windows):  # the heartbeat is half a window ahead of what it makes due
        beat = encode.heartbeat_message(T0 + (i + 1) * WINDOW + WINDOW // 2)
        found[topics.WORKLOAD].append(Record(topics.WORKLOAD, 0, i, b"site", beat, (), T0 + i * 2_000))
    found[topics.CALIBRATION] = []
    for instant_ms in range(T0 + HOUR, T0 + windows * WINDOW + 1, HOUR):
        if instant_ms == BOUND_AT:
            alarm = Alarm(f"{SITE}|bound|{instant_ms}", SITE, "bound", instant_ms, "idle power at its upper bound")
            _put(found, topics.CALIBRATION, alarm_value(alarm))
        _put(found, topics.CALIBRATION, decision_value(decision(instant_ms)), _pinned())
    stale = make_event(parent="0" * 64, kind="edited", actor="ann", reason="too late", cause="edit-1", topology=site.TOPOLOGY)
    for _ in range(2):  # the second is no event of its own
        _put(found, topics.LEDGER, event_value(stale), {"ce_source": "opendt/api", "ce_time": RECORDED})
    _put(found, topics.DEAD_LETTER, dead_letter_value(topics.POWER, 0, 7, "no JSON", b"{"))
    return found


def decision(instant_ms: int) -> Decision:
    number = (instant_ms - T0) // HOUR
    return Decision(
        f"{SITE}|{instant_ms}",
        SITE,
        instant_ms,
        "recursive",
        "calibrated" if number % 2 else "kept",
        "calibrated" if number % 2 else "no change",
        {"0/0": {"modelType": "busy-linear", "idlePower": 10.0 + number, "busyPower": 1.0, "slopePower": 9.0}},
        {"alarmed": ["bound"] if instant_ms >= BOUND_AT else []},
        samples=120,
        late_samples=number,
        score_in_force=Score(120, 2.0 * number, 99.0, -0.5, 3.0, 8.0, 1 - 2.0 * number / 8),
        interval_half_width=0.1,
    )


def client_of(
    found: dict[str, list[Record]] | None = None, *, host: str = "127.0.0.1", now_ms: int = END, datacenter: str = SITE
) -> httpx.AsyncClient:
    """The API in this process, over these topics; wall time stands still."""
    projection = projected(found, datacenter) if found is not None else _own()
    context = Context(projection, lambda: now_ms, ready=lambda: True, datacenter=datacenter)
    app = create_app(context, Principals({sha256(TOKEN.encode()).hexdigest(): "grafana"}), host=host, per_second=1e6)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=f"http://{host}:8000")


def projected(found: dict[str, list[Record]], datacenter: str) -> Projection:
    projection = Projection(GRID, lambda _: datacenter)
    for record in (r for topic in FOLLOWED for r in found[topic]):
        projection.take(record)
    return projection


@cache
def _own() -> Projection:
    """Of `logs()`, once for all tests: they only read it."""
    return projected(logs(), SITE)


def _put(found: dict[str, list[Record]], topic: str, value: object, headers: dict[str, str] | None = None) -> None:
    log = found[topic]
    log.append(Record(topic, 0, len(log), b"site", canonical(value), tuple(h.to_kafka(headers or {})), T0 + len(log)))


def _pinned() -> dict[str, str]:
    return {h.PIN: "1", h.RESUME: h.json_header(RESUME.dump_python(ResumePoint(0, 0, None, None, 0)))}
