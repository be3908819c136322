"""A datacenter's topics made by hand, as far as the API's projection reads them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from opendt_streams.model.canonical import canonical
from opendt_streams.model.decision import Decision
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.result import ClusterSeries, GroupBasis, Series, TaskCounts, WindowResult
from opendt_streams.model.topology_json import read_topology
from opendt_streams.settings import load
from opendt_streams.topology.events import make_event
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResumePoint
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import RESUME, decision_value, event_value, result_value

SITE = "site"
GRID = load().settings.grid
T0 = 1_700_006_400_000  # a full hour
STEP, WINDOW, HOUR = GRID.sample_interval_ms, GRID.window_ms, GRID.publish_every_ms
TOPOLOGY = read_topology(
    {
        "clusters": [
            {
                "name": "C",
                "hosts": [
                    {
                        "name": "H",
                        "count": 2,
                        "cpu": {"coreCount": 4, "coreSpeed": 1000},
                        "memory": {"memorySize": 1000},
                        "cpuPowerModel": {"modelType": "linear", "power": 1.0, "idlePower": 10.0, "maxPower": 20.0},
                    }
                ],
            }
        ]
    },
    "opendc",
)


def first_event() -> TopologyEvent:
    return make_event(parent=None, kind="baselined", actor="simulator", reason="first", cause=f"{SITE}|x|baseline", topology=TOPOLOGY)


def result(number: int, rng: Random) -> WindowResult:
    """The window of that number: ten rows of some power."""
    start = T0 + number * WINDOW
    rows = tuple(range(start + STEP, start + WINDOW + 1, STEP))
    power = tuple(float(rng.randrange(20, 40)) for _ in rows)
    series = Series(power, tuple(w * STEP / 1000 for w in power), (100.0,) * len(rows), tuple(w * STEP / 3.6e7 for w in power))
    basis = GroupBasis(0, 0, 2, 4, 4000.0, ((2000.0,),) * len(rows), ((1,),) * len(rows), (2000.0,), (WINDOW,))
    tasks = TaskCounts(submitted=1, running=number)
    clusters = (ClusterSeries("C", series),)
    return WindowResult(
        f"{SITE}|main|{start}", SITE, "main", start, start + WINDOW, first_event().id, False, tasks, rows, series, clusters, (basis,)
    )


def logs(windows: int, seed: int = 1, measured_w: Callable[[int], float] = lambda _: 30.0) -> dict[str, list[Record]]:
    """Results, one measurement per row (`measured_w` of its time in ms), decisions at every full hour, and the ledger."""
    rng = Random(seed)
    found: dict[str, list[Record]] = {topic: [] for topic in topics.ALL_TOPICS}

    def put(topic: str, value: object, headers: dict[str, str] | None = None) -> None:
        log = found[topic]
        log.append(Record(topic, 0, len(log), b"site", canonical(value), tuple(h.to_kafka(headers or {})), T0 + len(log)))

    put(topics.LEDGER, event_value(first_event()), {"ce_source": "opendt/simulator", "ce_time": "2026-01-01T00:00:00Z"})
    for number in range(windows):
        made = result(number, rng)
        put(topics.RESULTS, result_value(made), {h.LEDGER: "1"})
        samples = {"timestamp_ms": list(made.row_ms), "power_w": [measured_w(time_ms) for time_ms in made.row_ms]}
        put(topics.POWER, {"message_type": "power", "samples": samples})
        if made.window_end_ms % HOUR == 0:
            put(topics.CALIBRATION, decision_value(decision(made.window_end_ms)), _pinned())
    return found


def decision(instant_ms: int) -> Decision:
    return Decision(
        f"{SITE}|{instant_ms}",
        SITE,
        instant_ms,
        "recursive",
        "kept",
        "no change",
        {"0/0": {"modelType": "linear", "idlePower": 10.0, "maxPower": 20.0}},
        {},
        samples=120,
        late_samples=0,
        interval_half_width=0.1,
    )


def _pinned() -> dict[str, str]:
    return {h.PIN: "1", h.RESUME: h.json_header(RESUME.dump_python(ResumePoint(0, 0, None, None, 0)))}
