"""A recording of a run is that of its workload, whatever the run decided; people's edits are noticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology import HostGroup, Topology
from opendt_streams.model.topology_json import read_topology
from opendt_streams.offline.driving import drive
from opendt_streams.offline.from_log import READS, record_log
from opendt_streams.offline.recording import Hardware, Recording
from opendt_streams.offline.simulating import record_workload
from opendt_streams.topology.events import make_event
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message, ResultRecorded
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.sample import write_sample
from tests.unit.offline.in_memory import twin_logs
from tests.unit.offline.methods import Counts
from tests.unit.twin.logs import Logs

GRID = Grid()


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    path = tmp_path_factory.mktemp("run")
    write_sample(path, 4, days=1, hosts=6)
    return read_workload(path)


@pytest.fixture(scope="module")
def logs(workload: Workload) -> Logs:
    return twin_logs(workload, GRID)


def messages(logs: Logs) -> Iterator[tuple[str, int, Message]]:
    return ((topic, offset, record.message) for topic in READS for offset, record in enumerate(logs[topic]))


def test_it_is_the_recording_of_the_workload(workload: Workload, logs: Logs) -> None:
    run, simulated = record_log(workload.name, GRID, messages(logs)), record_workload(workload)
    assert run.hardware == simulated.hardware
    assert run.power == simulated.power
    assert [w.basis for w in run.windows] == [w.basis for w in simulated.windows]
    one, other = (drive(r, Counts(), times.HOUR) for r in (run, simulated))
    assert one.decisions == other.decisions
    assert np.array_equal(one.row_w, other.row_w)


def test_a_repeated_result_counts_once(workload: Workload, logs: Logs) -> None:
    again = {**logs, topics.RESULTS: [*logs[topics.RESULTS][:50], *logs[topics.RESULTS][20:]]}
    assert record_log(workload.name, GRID, messages(again)).windows == record_log(workload.name, GRID, messages(logs)).windows


def test_edits_and_other_hardware_are_noticed(workload: Workload, logs: Logs) -> None:
    """From the tenth window on somebody's power parameters, from the twentieth on one host more."""
    first = logs[topics.LEDGER][0].message
    assert isinstance(first, TopologyEvent)
    sheet = read_topology(first.topology)
    other = sheet.with_power_models({})
    grown = Topology((replace(other.clusters[0], host_groups=(_one_more(other), *other.clusters[0].host_groups[1:])), *other.clusters[1:]))
    events = [first]
    for topology in (other, grown):
        events.append(make_event(parent=events[-1].id, kind="edited", actor="p", reason="", cause="c", topology=topology))
    results = [r.message.result for r in logs[topics.RESULTS] if isinstance(r.message, ResultRecorded)]
    used = [replace(r, topology_event=events[0 if i < 10 else 1 if i < 20 else 2].id) for i, r in enumerate(results)]
    said: list[tuple[str, int, Message]] = [(topics.LEDGER, i, event) for i, event in enumerate(events)]
    said += [(topics.RESULTS, i, ResultRecorded(result, 1)) for i, result in enumerate(used)]
    said += [m for m in messages(logs) if m[0] == topics.POWER]
    run = record_log(workload.name, GRID, said)
    assert run.edits == 2
    assert run.hardware == (Hardware(0, sheet), Hardware(20, grown))


def _one_more(topology: Topology) -> HostGroup:
    group = topology.clusters[0].host_groups[0]
    return replace(group, count=group.count + 1)


@pytest.mark.parametrize(("topic", "says"), [(topics.RESULTS, "no results yet"), (topics.POWER, "nothing was measured")])
def test_without_results_or_power_there_is_nothing_to_do(logs: Logs, topic: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        record_log("dc", GRID, messages({**logs, topic: []}))


def test_a_workload_without_meter_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path, 4, days=1, hosts=4)
    (tmp_path / "consumption.parquet").unlink()
    with pytest.raises(BadInput, match="nothing was measured"):
        record_workload(read_workload(tmp_path))


def test_it_needs_a_window() -> None:
    with pytest.raises(BadInput, match="no results to calibrate on"):
        Recording("dc", GRID, (), (), ())
