"""The collection of what a user must know, on topics made by hand: each kind, and that order and interleaving of reading change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from opendt_streams.model.decision import Alarm
from opendt_streams.model.power import WHOLE_DATACENTER, Meter, PowerSample
from opendt_streams.model.result import Series, TaskCounts, WindowResult
from opendt_streams.model.times import HOUR
from opendt_streams.notices.notice import KINDS, Notice, counts_by_kind
from opendt_streams.notices.notices import Notices
from opendt_streams.notices.telling import Telling
from opendt_streams.wire import topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import AlarmRecorded, End, Heartbeat, Invalid, Message, PowerBatch, ResultRecorded, ResultsEnded
from tests.unit.api.site import GRID, T0, WINDOW, first_event, result
from tests.unit.twin import said
from tests.unit.twinlog.worlds import logs_of

HOSTS = said.topology(2)
DAY_WINDOWS = 288
Told = tuple[str, Message]


def window(number: int, *, load: float = 0.5, **changed: Any) -> WindowResult:
    """Two hosts of 10 to 20 W each at a load."""
    made = result(number, Random(number))
    power = (20.0 + 20.0 * load,) * len(made.row_ms)
    series = Series(power, made.clusters[0].series.energy_j, made.clusters[0].series.carbon_intensity_g_per_kwh, power)
    basis = replace(made.basis[0], window_demand_mhz=(4000.0 * load,), window_host_ms=(2 * WINDOW,))
    return replace(made, total=series, clusters=(replace(made.clusters[0], series=series),), basis=(basis,), **changed)


def readings(windows: Sequence[int], power_w: float, meter: Meter = WHOLE_DATACENTER) -> PowerBatch:
    return PowerBatch(tuple(PowerSample(T0 + n * WINDOW + WINDOW // 2, power_w, meter) for n in windows))


def results(*windows: WindowResult) -> list[Told]:
    return [(topics.LEDGER, first_event()), *((topics.RESULTS, ResultRecorded(w, 1)) for w in windows)]


def found(*told: Told) -> list[Notice]:
    notices, offsets = Notices(GRID), dict.fromkeys(topics.ALL_TOPICS, 0)
    for topic, message in told:
        notices.take(topic, offsets[topic], message)
        offsets[topic] += 1
    return list(notices.found())


def only(kind: str, *told: Told) -> Notice:
    (notice,) = (n for n in found(*told) if n.kind == kind)
    return notice


def kinds(*told: Told) -> set[str]:
    return {notice.kind for notice in found(*told)}


def snapshot(document: dict[str, Any], carbon: dict[str, Any] | None = None) -> tuple[Message, bytes]:
    value = said.snapshot(T0, document, carbon)
    return decode(topics.PHYSICAL, value, {}), value


def test_a_calm_datacenter_has_nothing_to_tell() -> None:
    measured: list[Told] = [(topics.POWER, readings(range(24), 30.0))]
    assert found(*results(*(window(n) for n in range(24))), *measured) == []


# -- meters ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meter", "words", "action"),
    [
        (Meter("c"), 'no cluster "c". The clusters that there are: C.', 'Call it "C"'),
        (Meter("C", "h"), 'no host group "h". The host groups that there are: H.', 'Call it "H"'),
        (Meter("east"), 'no cluster "east"', "Name one of these clusters"),
        (Meter(None, "X"), 'no host group "X"', "Name one of these host groups"),
    ],
)
def test_a_meter_of_what_there_is_not_is_named_with_what_there_is(meter: Meter, words: str, action: str) -> None:
    notice = only("meter-unknown", *results(window(0)), (topics.POWER, readings([0], 30.0, meter)))
    assert words in notice.text and meter.name in notice.text and action in notice.action
    assert (notice.count, notice.time_ms) == (1, T0 + WINDOW // 2)


@pytest.mark.parametrize("sentinel", [float(2**32 - 1), 65_535.0, 6_553.5, 1e12])
def test_readings_that_cannot_be_are_counted_and_spoil_no_mean(sentinel: float) -> None:
    power = [(topics.POWER, readings(range(20), 30.0)), (topics.POWER, readings([20, 21, 22], sentinel))]
    told = found(*results(*(window(n) for n in range(24))), *power)
    assert [n.kind for n in told] == ["reading-impossible"]
    assert told[0].count == 3 and "3 of 23 readings" in told[0].text and "at most 40 W" in told[0].text
    assert told[0].time_ms == T0 + 20 * WINDOW + WINDOW // 2


@pytest.mark.parametrize(("power_w", "unit"), [(0.030, "kW"), (0.000_030, "MW"), (300.0, "another")])
def test_a_meter_in_another_unit_is_not_believed(power_w: float, unit: str) -> None:
    notice = only("meter-level", *results(*(window(n) for n in range(24))), (topics.POWER, readings(range(24), power_w)))
    assert unit in notice.text and "30" in notice.text


def test_a_meter_in_milliwatts_cannot_be_at_all() -> None:
    told = found(*results(*(window(n) for n in range(24))), (topics.POWER, readings(range(24), 30_000.0)))
    assert counts_by_kind(told) == {"reading-impossible": 24}


@pytest.mark.parametrize("lag", [12, -12])
def test_a_meter_an_hour_off_is_found_by_its_curve(lag: int) -> None:
    rng = Random(4)
    loads = [rng.choice([0.1, 0.4, 0.9]) for _ in range(DAY_WINDOWS)]
    loads = [loads[n // 5] for n in range(DAY_WINDOWS)]
    late = {n: 20.0 + 20.0 * loads[n - lag] for n in range(DAY_WINDOWS) if 0 <= n - lag < DAY_WINDOWS}
    power: list[Told] = [(topics.POWER, readings([n], w)) for n, w in late.items()]
    notice = only("meter-clock", *results(*(window(n, load=load) for n, load in enumerate(loads))), *power)
    assert f"60 min {'late' if lag > 0 else 'early'}" in notice.text


def test_a_meter_that_is_right_has_a_right_clock() -> None:
    rng = Random(4)
    loads = [rng.random() for _ in range(DAY_WINDOWS)]
    power: list[Told] = [(topics.POWER, readings([n], 18.0 + 19.0 * load + rng.random())) for n, load in enumerate(loads)]
    assert kinds(*results(*(window(n, load=load) for n, load in enumerate(loads))), *power) == set()


def test_readings_of_a_sliver_are_told_with_their_pace() -> None:
    batch = PowerBatch(tuple(PowerSample(T0 + 30 * n, 30.0) for n in range(1, 1000)))
    notice = only("power-coverage", *results(*(window(n) for n in range(48))), (topics.POWER, batch), (topics.POWER, End()))
    assert "1 of 48 windows" in notice.text and "30 ms apart" in notice.text


def test_zeros_and_readings_outside_are_counted() -> None:
    power = [(topics.POWER, readings([-3], 30.0)), (topics.POWER, readings(range(20), 30.0)), (topics.POWER, readings([20, 21], 0.0))]
    told = {n.kind: n.count for n in found(*results(*(window(n) for n in range(24))), *power)}
    assert told == {"reading-zero": 2, "power-outside": 1}


def test_without_any_meter_nothing_is_scored() -> None:
    assert "no-power" in kinds(*results(window(0)), (topics.POWER, End()))
    assert "no-power" not in kinds(*results(window(0)))


def test_decisions_that_wait_for_a_quiet_dc_power() -> None:
    beats: list[Told] = [(topics.WORKLOAD, Heartbeat(T0 + n * HOUR)) for n in range(4)]
    notice = only("waiting-for-power", *beats, *results(*(window(n) for n in range(12))), (topics.POWER, readings([0], 30.0)))
    assert notice.time_ms == T0 + HOUR


# -- what is waited for ------------------------------------------------------------------------------------------------


def test_a_snapshot_that_nobody_sent_is_named() -> None:
    sent, _ = snapshot(HOSTS)
    awaited = "ab" * 32
    told: list[Told] = [
        (topics.PHYSICAL, sent),
        (topics.WORKLOAD, Heartbeat(T0, awaited)),
        (topics.WORKLOAD, Heartbeat(T0 + HOUR, awaited)),
    ]
    notice = only("waiting-for-snapshot", *told)
    assert awaited in notice.text and "2023-11-15T00:00:00Z" in notice.text and notice.count == 2
    assert sent.digest in notice.text  # type: ignore[union-attr]


def test_a_snapshot_that_comes_ends_the_waiting() -> None:
    sent, _ = snapshot(HOSTS)
    digest = sent.digest  # type: ignore[union-attr]
    assert "waiting-for-snapshot" not in kinds((topics.WORKLOAD, Heartbeat(T0, digest)), (topics.PHYSICAL, sent))


def test_no_valid_topology_and_no_heartbeat() -> None:
    invalid = Invalid("no clusters", "cd" * 32)
    assert "waiting-for-topology" in kinds((topics.WORKLOAD, Heartbeat(T0)), (topics.PHYSICAL, invalid))
    assert "waiting-for-topology" in kinds((topics.WORKLOAD, Heartbeat(T0, "cd" * 32)), (topics.PHYSICAL, invalid))
    task = decode(topics.WORKLOAD, said.task(1, T0), {})
    assert only("waiting-for-heartbeat", (topics.WORKLOAD, task), (topics.WORKLOAD, task)).count == 2
    assert kinds((topics.WORKLOAD, Heartbeat(T0)), (topics.WORKLOAD, End()), (topics.PHYSICAL, snapshot(HOSTS)[0])) >= {"no-tasks"}


# -- hardware and carbon -----------------------------------------------------------------------------------------------


def test_batteries_and_gpus_are_not_simulated() -> None:
    document = said.topology(2)
    document["clusters"][0] |= {"battery": {"capacity": 0.1, "chargingSpeed": 1000}}
    document["clusters"][0]["hosts"][0] |= {"gpu": {"count": 4, "coreCount": 1, "coreSpeed": 1}}
    told = found((topics.WORKLOAD, Heartbeat(T0)), (topics.PHYSICAL, snapshot(document)[0]))
    count = document["clusters"][0]["hosts"][0].get("count", 1)
    assert {n.kind: n.count for n in told if "modelled" in n.kind} == {"battery-not-modelled": 1, "gpu-not-modelled": 4 * count}
    document["clusters"][0] |= {"battery": None}
    document["clusters"][0]["hosts"][0] |= {"gpu": None}
    assert not [n for n in found((topics.WORKLOAD, Heartbeat(T0)), (topics.PHYSICAL, snapshot(document)[0])) if "modelled" in n.kind]


def test_carbon_that_nobody_knows_and_traces_with_holes() -> None:
    document = said.topology(2)
    beat: Told = (topics.WORKLOAD, Heartbeat(T0))
    assert "names no carbon trace" in only("carbon-unknown", beat, (topics.PHYSICAL, snapshot(document)[0])).text
    document["clusters"][0] |= {"powerSource": {"carbonTracePath": "folder/grid.parquet"}}
    assert "grid.parquet" in only("carbon-unknown", beat, (topics.PHYSICAL, snapshot(document)[0])).text
    hours = [*range(3), *range(23, 30)]
    trace = {"timestamp_ms": [T0 + h * HOUR for h in hours], "intensity_g_per_kwh": [100.0] * len(hours)}
    told: list[Told] = [beat, (topics.PHYSICAL, snapshot(document, {"grid.parquet": trace})[0])]
    assert "21.0 h" in only("carbon-hole", *told).text
    assert kinds(*told, *results(*(window(n) for n in range(12)))) == set(), "a hole after what is simulated is none"


# -- results -----------------------------------------------------------------------------------------------------------


def test_windows_without_an_answer_come_first() -> None:
    failed = replace(window(0), total=None, clusters=(), row_ms=(), basis=(), error="no answer of the engine")
    told = found(*results(failed, window(1)))
    assert (
        told[0].kind == "window-failed"
        and told[0].text.startswith("1 of 2 windows got no answer")
        and "no answer of the engine" in told[0].text
    )
    assert found(*results(failed))[0].text.startswith("No window got an answer")


def test_tasks_that_were_late_repeated_empty_or_never_placed() -> None:
    counts = TaskCounts(submitted=3, late=2, duplicate=1, empty=4)
    told = found(*results(replace(window(0), tasks=counts)), (topics.RESULTS, ResultsEnded(5)))
    expected = {"task-late": 2, "task-duplicate": 1, "task-empty": 4, "task-unplaceable": 5}
    assert {n.kind: n.count for n in told if n.kind.startswith("task")} == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("telemetry", "meter-not-believed"), ("telemetry C01", "meter-not-believed"), ("bound", "parameter-bound"), ("edge", "calibration")],
)
def test_alarms_are_told(kind: str, expected: str) -> None:
    alarm = AlarmRecorded(Alarm("a", "site", kind, T0, "meter stuck since then"))
    notice = only(expected, (topics.CALIBRATION, alarm), (topics.CALIBRATION, alarm))
    assert "meter stuck since then" in notice.text and (notice.count, notice.time_ms) == (1, T0)


def test_dead_letters_are_counted_by_topic() -> None:
    notices = Notices(GRID)
    for offset, reason in ((7, "later"), (3, "not JSON"), (7, "later")):
        notices.letter(topics.POWER, offset, reason)
    (notice,) = notices.found()
    assert notice.count == 2 and "offset 3: not JSON" in notice.text


# -- laws --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_how_topics_are_interleaved_and_who_asks_in_between_changes_nothing(seed: int) -> None:
    logs, rng = logs_of(seed), Random(seed)
    plain, mixed = Notices(GRID), Notices(GRID)
    for topic in topics.ALL_TOPICS:
        for offset, record in enumerate(logs.get(topic, ())):
            if topic not in (topics.CONFIG, topics.DEAD_LETTER):
                plain.take(topic, offset, record.message)
    at = {t: 0 for t in topics.ALL_TOPICS if t not in (topics.CONFIG, topics.DEAD_LETTER)}
    while left := [t for t in at if at[t] < len(logs[t])]:
        topic = rng.choice(left)
        mixed.take(topic, at[topic], logs[topic][at[topic]].message)
        at[topic] += 1
        if rng.random() < 0.05:
            mixed.found()
            at[topic] -= min(at[topic], rng.randrange(3))
    assert mixed.found() == plain.found()


def test_every_notice_is_of_a_known_kind_and_says_what_to_do() -> None:
    for seed in range(12):
        notices = Notices(GRID)
        for topic in (topics.WORKLOAD, topics.PHYSICAL, *topics.TWIN_TOPICS, topics.POWER):
            for offset, record in enumerate(logs_of(seed)[topic]):
                notices.take(topic, offset, record.message)
        for notice in notices.found():
            assert notice.kind in KINDS and notice.text.endswith((".", "?", ".)")) and notice.action.endswith(".") and notice.count > 0


def test_logs_hear_of_each_once() -> None:
    telling, one = Telling(), Notice("no-power", "None.", "Do.")
    assert telling.new("a", [one]) == [], "it may be over at the next look"
    assert telling.new("b", []) == []
    assert telling.new("a", [one]) == [one]
    assert telling.new("a", [replace(one, count=2)]) == []
    assert telling.new("a", []) == []
