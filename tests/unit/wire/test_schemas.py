"""The generated schemas: up to date, taking every real message, refusing broken ones."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from opendt_streams.assembly import started_now
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology_json import read_topology
from opendt_streams.settings import load
from opendt_streams.wire import encode, topics
from opendt_streams.wire import kinds as k
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import Invalid
from opendt_streams.wire.schemas import differences, documents, json_schema, main
from opendt_streams.wire.system import MAX_DEAD_LETTER_BYTES, dead_letter_value
from tests.unit.twin import said
from tests.unit.twin.scenario import Faults, scenario
from tests.unit.twin.world import World

ROOT = Path(__file__).resolve().parents[3]
T = said.T0

OPENDT = {  # opendt-compat section 1.1
    "task": '{"message_type":"task","timestamp":"2022-10-06T22:00:00+00:00","task":{"id":2133112,'
    '"submission_time":"2022-10-06T22:00:00Z","duration":27935000,"cpu_count":16,"cpu_capacity":33600.0,"mem_capacity":100000,'
    '"fragments":[{"task_id":2133112,"duration":30000,"cpu_count":16,"cpu_usage":33600.0}]}}',
    "heartbeat": '{"message_type":"heartbeat","timestamp":"2022-10-06T22:00:00+00:00","task":null}',
    "power": '{"power_draw":22008.0,"energy_usage":660240.0,"timestamp":"2022-10-06T22:00:30Z"}',
    "topology-snapshot": '{"timestamp":"2026-01-17T10:00:00","topology":{"clusters":[]}}',
}
OURS = {
    "task": encode.task_message(Task(7, T, 9000, 2, 4200.0, 512_000, fragments([3000, 6000], [10.5, 0.0]))),
    "heartbeat": encode.heartbeat_message(T, "0" * 64),
    "end": encode.end_message(),
    "topology-snapshot": encode.snapshot_message(T, read_topology(said.topology(3)), {}),
    "power": json.dumps({"message_type": "power", "timestamp": T, "power_draw": 5, "meter": {"cluster": "C"}}).encode(),
    "silence": b'{"message_type":"silence","instant":"2022-10-06T23:00:00Z"}',
}
TOPIC_OF = {kind.name: channel.topic for channel in k.CHANNELS for kind in channel.kinds}


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json_schema(next(kind for kind in k.KINDS if kind.name == name))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def fits(name: str, document: object) -> bool:
    return bool(validator(name).is_valid(document))


def test_the_folder_is_what_the_models_say() -> None:
    assert differences(ROOT / "schemas", documents()) == [], "run `make schemas`"


def test_generation_is_deterministic() -> None:
    assert documents() == documents()


def test_check_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / "task" / "v1.json").write_text("{}")
    (tmp_path / "end" / "v1.json").unlink()
    (tmp_path / "rumour").mkdir()
    (tmp_path / "rumour" / "v1.json").write_text("{}")
    assert main(["--check", str(tmp_path)]) == 1
    said_lines = capsys.readouterr().err.replace(f"{tmp_path}/", "").splitlines()
    assert said_lines == ["end/v1.json: missing", "rumour/v1.json: no such message", "task/v1.json: differs"]


@pytest.mark.parametrize("name", OPENDT)
def test_opendt_messages_fit(name: str) -> None:
    assert fits(name, json.loads(OPENDT[name]))


@pytest.mark.parametrize("name", OURS)
def test_our_messages_fit(name: str) -> None:
    assert fits(name, json.loads(OURS[name]))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_machines_read_and_write_fits(seed: int) -> None:
    """All records of random runs, garbage and edits included: what `decode` takes, a schema of its topic takes."""
    rng, faults = Random(seed), Faults(edit=True, silence=True, garbage=True)
    world = World(scenario(rng, 3, faults))
    assert world.run(rng, faults)
    taken = set()
    for channel in k.CHANNELS:
        if channel.topic in (topics.CONFIG, topics.DEAD_LETTER):
            continue
        for record in world.logs[channel.topic]:
            if isinstance(record.message, Invalid):
                continue
            fitting = {kind.name for kind in channel.kinds if fits(kind.name, record.document)}
            assert fitting, record.value
            taken |= fitting
    assert taken >= {"task", "heartbeat", "topology-snapshot", "topology-event", "window-result", "results-end"}
    assert taken >= {"calibration-decision", "calibration-end"}


def test_the_services_own_records_fit() -> None:
    started = started_now("simulator", load().settings)
    assert fits("started", started)
    assert started["id"] == started_now("simulator", load().settings)["id"] != started_now("calibrator", load().settings)["id"]
    small = dead_letter_value("dc.power", 0, 7, "not JSON", b"\xff")
    assert fits("dead-letter", small)
    assert (small["id"], small["raw_base64"]) == ("dc.power|0|7", "/w==")
    large = dead_letter_value("dc.power", 0, 7, "too large", bytes(MAX_DEAD_LETTER_BYTES + 1))
    assert fits("dead-letter", large)
    assert "raw_base64" not in large
    assert large["length"] == MAX_DEAD_LETTER_BYTES + 1


def changed(document: bytes | str, path: str, value: object) -> Any:
    """The document with what is at a dotted path replaced, or taken away for `...`."""
    whole = inner = json.loads(document)
    *sections, last = path.split(".")
    for section in sections:
        inner = inner[section]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return whole


BROKEN = [
    ("task", OURS, "message_type", "job"),
    ("task", OURS, "message_type", ...),
    ("task", OURS, "task.duration", -1),
    ("task", OURS, "task.duration", "1 s"),
    ("task", OURS, "task.submission_time", "2022-10-06T22:00:00"),
    ("task", OURS, "task.fragments.duration_ms", ...),
    ("task", OURS, "task.fragments.cpu_usage_mhz", [1, "x"]),
    ("task", OPENDT, "task.id", "job 5"),
    ("task", OPENDT, "task.fragments", {}),
    ("task", OPENDT, "task.mem_capacity", ...),
    ("heartbeat", OURS, "timestamp", "2022-10-06T22:00:00"),
    ("heartbeat", OURS, "timestamp", ...),
    ("heartbeat", OURS, "snapshot", "abc"),
    ("power", OURS, "power_draw", -0.5),
    ("power", OURS, "timestamp", "2022-10-06"),
    ("power", OURS, "meter", "C"),
    ("power", OPENDT, "power_draw", "22 kW"),
    ("power", OPENDT, "message_type", "reading"),
    ("topology-snapshot", OURS, "topology", []),
    ("topology-snapshot", OURS, "carbon", {"a": {"timestamp_ms": [], "intensity_g_per_kwh": []}}),
    ("topology-snapshot", OPENDT, "timestamp", ...),
    ("end", OURS, "message_type", "fin"),
    ("silence", OURS, "instant", ...),
]


@pytest.mark.parametrize(("name", "source", "path", "value"), BROKEN, ids=lambda v: v if isinstance(v, str) else None)
def test_broken_messages_do_not_fit_and_are_not_read(name: str, source: dict[str, Any], path: str, value: object) -> None:
    broken = changed(source[name], path, value)
    assert not fits(name, broken)
    assert isinstance(decode(TOPIC_OF[name], json.dumps(broken).encode(), {}), Invalid)


@pytest.mark.parametrize("value", [{"unplaceable": "many"}, {"unplaceable": None}, {}])
def test_a_broken_end_of_results_is_no_end(value: dict[str, object]) -> None:
    document = {"message_type": "end", "id": "dc|end", "datacenter": "dc", **value}
    assert not fits("results-end", document)
    assert isinstance(decode(topics.RESULTS, json.dumps(document).encode(), {}), Invalid)
