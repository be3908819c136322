"""The datacenter's messages in our own form, as bytes: what dc-mock and any producer of yours would send. Deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from opendt_streams.model import times
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.power import Meter
from opendt_streams.model.task import Float64, Int64, Task
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import to_document
from opendt_streams.model.unmodelled import Unmodelled, with_unmodelled


def task_message(task: Task) -> bytes:
    """dc.workload: a task at its submission."""
    return _bytes(
        {
            "message_type": "task",
            "timestamp": times.iso(task.submission_ms),
            "task": {
                "id": task.id,
                "submission_time": times.iso(task.submission_ms),
                "duration": task.duration_ms,
                "cpu_count": task.cpu_count,
                "cpu_capacity": task.cpu_capacity_mhz,
                "mem_capacity": task.mem_capacity,
                "fragments": {"duration_ms": task.fragments.duration_ms, "cpu_usage_mhz": task.fragments.cpu_usage_mhz},
            },
        }
    )


def heartbeat_message(time_ms: int, snapshot: str | None = None) -> bytes:
    """dc.workload and dc.power: everything before this time has been said."""
    named = {"snapshot": snapshot} if snapshot else {}
    return _bytes({"message_type": "heartbeat", "timestamp": times.iso(time_ms), **named})


def end_message() -> bytes:
    return _bytes({"message_type": "end"})


def power_message(time_ms: Int64, power_w: Float64, meters: Sequence[Meter] = ()) -> bytes:
    """dc.power: samples as columns; of the whole datacenter, or each of the meter of its row.

    Samples of several meters up to a time belong into one message: the first one that reaches an instant closes it for all.
    """
    columns: dict[str, Any] = {"timestamp_ms": time_ms, "power_w": power_w}
    if any(m.cluster is not None for m in meters):
        columns["cluster"] = [m.cluster for m in meters]
    if any(m.host_group is not None for m in meters):
        columns["host_group"] = [m.host_group for m in meters]
    return _bytes({"message_type": "power", "samples": columns})


def snapshot_message(time_ms: int, topology: Topology, carbon: Mapping[str, CarbonTrace], besides: Sequence[Unmodelled] = ()) -> bytes:
    """dc.topology: the hardware, what it has `besides` (nobody simulates that, but it is said), and the carbon traces that it names."""
    traces = {name: {"timestamp_ms": t.time_ms, "intensity_g_per_kwh": t.intensity_g_per_kwh} for name, t in carbon.items()}
    document = with_unmodelled(to_document(topology), besides)
    return _bytes({"message_type": "topology-snapshot", "timestamp": times.iso(time_ms), "topology": document, "carbon": traces})


def _bytes(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
