"""A run in which people change the topology while it goes on: what they asked, what they were told, and the topics afterwards.

A datacenter's messages are sent hour by hour, and the next hour only after the decision of the last: so people act at known instants.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

from typer.testing import CliRunner

from opendt_streams.cli.main import app
from opendt_streams.errors import OpenDTError
from opendt_streams.model import times
from opendt_streams.model.canonical import sha256_hex
from opendt_streams.model.topology import Topology
from opendt_streams.wire import topics
from opendt_streams.wire.encode import end_message, heartbeat_message, snapshot_message
from opendt_streams.wire.messages import DecisionRecorded, Heartbeat, Snapshot
from tests.integration.streams.harness import CALIBRATOR, SIMULATOR, START_MS, Logs, Twin, said_between
from tests.integration.streams.producer import Producer, producer

NEW_HARDWARE_HOUR: Final = 11
HOURS: Final = 12
HOSTS: Final = "/clusters/0/hosts/0/count"
IDLE_W: Final = 111.0
MORE_HOSTS: Final = 3
AGAIN_HOSTS: Final = 77


@dataclass(frozen=True, slots=True)
class Edited:
    """`answers`: what `--json` said, by the name of the change, and the exit code."""

    twin: Twin
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: Logs = field(default_factory=dict)


def topology(*arguments: str, said: object = None) -> tuple[int, str]:
    """Exit code and what `opendt topology` says; `said` is on its stdin."""
    result = CliRunner().invoke(app, ["topology", *arguments], input=None if said is None else json.dumps(said))
    if isinstance(result.exception, OpenDTError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


async def edited_run(twin: Twin, source: Logs) -> Edited:
    """Half a day of the datacenter that `source` recorded."""
    run = Edited(twin)
    async with twin, producer(twin) as kafka:
        await twin.start(SIMULATOR, CALIBRATOR)
        for hour in range(HOURS + 1):
            await send_hour(kafka, source, hour)
            if hour:
                await decided(twin, hour)
            await _people(run, hour)
        for topic in (topics.WORKLOAD, topics.POWER):
            await kafka.send(topic, end_message(), b"demo")
        await kafka.arrived()
        await twin.ended()
        run.logs.update(await twin.logs())
    return run


async def _people(run: Edited, hour: int) -> None:
    match hour:
        case 2:
            await _say(run, "power", "edit", "--patch", "-", said=[_set("/clusters/0/hosts/0/cpuPowerModel/idlePower", IDLE_W)])
        case 4:
            await _say(run, "structure", "edit", "--topology", "-", said=await _with_more_hosts(run))
            await _say(run, "stale", "edit", "--patch", "-", "--parent", run.answers["power"]["event"], said=[_set(HOSTS, 1)])
        case 5:
            await _say(run, "what-if", "edit", "--patch", "-", "--branch", "what-if/none", said=[_set(HOSTS, 1)])
        case 6:
            await _say(run, "revert", "revert", "--to", run.answers["power"]["event"][:12])
        case 8:
            await _say(run, "again", "edit", "--patch", "-", said=[_set(HOSTS, AGAIN_HOSTS)])


async def _say(run: Edited, name: str, command: str, *arguments: str, said: object = None) -> None:
    folder = ("--run-dir", str(run.twin.folder))
    reason = ("--reason", name, "--actor", "ann", "--json")
    code, answer = await asyncio.to_thread(topology, command, *folder, *reason, *arguments, said=said)
    run.answers[name] = json.loads(answer) | {"exit_code": code}


async def _with_more_hosts(run: Edited) -> Any:
    code, shown = await asyncio.to_thread(topology, "show", "--run-dir", str(run.twin.folder), "--json")
    assert code == 0
    document = json.loads(shown)["topology"]
    document["clusters"][0]["hosts"][0]["count"] += MORE_HOSTS
    return document


def _set(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


async def decided(twin: Twin, hour: int) -> None:
    instant = START_MS + hour * times.HOUR
    await twin.until(topics.CALIBRATION, lambda r: isinstance(m := r.message(), DecisionRecorded) and m.decision.instant_ms == instant)


async def send_hour(kafka: Producer, source: Logs, hour: int) -> None:
    """What the datacenter says in the hour up to `hour`; its newer hardware is named from NEW_HARDWARE_HOUR on."""
    newer = newer_snapshot(source)
    if hour == NEW_HARDWARE_HOUR:
        await kafka.send(topics.PHYSICAL, newer, b"demo")
        await kafka.arrived()
    for record in said_between(source, START_MS + (hour - 1) * times.HOUR, START_MS + hour * times.HOUR):
        message, value = record.message(), record.value
        if isinstance(message, Heartbeat) and message.snapshot is not None and hour >= NEW_HARDWARE_HOUR:
            value = heartbeat_message(message.time_ms, sha256_hex(newer))
        await kafka.send(record.topic, value, record.key)
    await kafka.arrived()


def newer_hardware(source: Logs) -> Topology:
    """One host less in the first group."""
    first = source[topics.PHYSICAL][0].message()
    assert isinstance(first, Snapshot)
    cluster = first.topology.clusters[0]
    group = replace(cluster.host_groups[0], count=cluster.host_groups[0].count - 1)
    return Topology((replace(cluster, host_groups=(group, *cluster.host_groups[1:])), *first.topology.clusters[1:]))


def newer_snapshot(source: Logs) -> bytes:
    first = source[topics.PHYSICAL][0].message()
    assert isinstance(first, Snapshot)
    return snapshot_message(START_MS + NEW_HARDWARE_HOUR * times.HOUR, newer_hardware(source), first.carbon)
