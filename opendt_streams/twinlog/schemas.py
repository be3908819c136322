"""The tables of the twinning log and their columns. Times are UTC; units are in the names, but in OpenDT's own columns."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import pyarrow as pa

from opendt_streams.model.decision import Score
from opendt_streams.model.result import TaskCounts

_TIME: Final = pa.timestamp("ms", tz="UTC")

AGG_RESULTS: Final = "agg_results"
RESULTS: Final = "results"
CLUSTERS: Final = "clusters"
CALIBRATION: Final = "calibration"
ALARMS: Final = "alarms"
TOPOLOGY: Final = "topology"
TELEMETRY: Final = "telemetry"

SCORES: Final = ("score_in_force", "score_before", "score_after")
SCORE_FIELDS: Final = tuple(f.name for f in fields(Score))
TASK_FIELDS: Final = tuple(f.name for f in fields(TaskCounts))

TABLES: Final[dict[str, pa.Schema]] = {
    # One row per sample instant, the whole datacenter. Up to `cached` OpenDT's columns and types (opendt-compat section 4).
    AGG_RESULTS: pa.schema(
        [
            ("timestamp", pa.timestamp("ns", tz="UTC")),
            ("run_number", pa.int64()),  # number of the window, from 1
            ("power_draw", pa.float32()),  # W, at the instant
            ("energy_usage", pa.float32()),  # J, since the row before
            ("carbon_intensity", pa.float32()),  # g/kWh
            ("carbon_emission", pa.float32()),  # g, since the row before
            ("cached", pa.bool_()),  # OpenDT reuses results of an unchanged workload; we never do
            ("datacenter", pa.string()),
            ("branch", pa.string()),
            ("window_start", _TIME),
            ("topology_event", pa.string()),
            ("measured_power_w", pa.float64()),  # mean of the samples that pair with the row; null where there is none
        ]
    ),
    # One row per window.
    RESULTS: pa.schema(
        [
            ("window_start", _TIME),
            ("window_end", _TIME),
            ("run_number", pa.int64()),
            ("datacenter", pa.string()),
            ("branch", pa.string()),
            ("topology_event", pa.string()),
            ("drain", pa.bool_()),
            *((f"tasks_{name}", pa.int64()) for name in TASK_FIELDS),
            ("rows", pa.int64()),
            ("mean_power_w", pa.float64()),  # energy over length
            ("energy_j", pa.float64()),
            ("carbon_g", pa.float64()),
            ("error", pa.string()),
        ]
    ),
    # One row per sample instant and cluster.
    CLUSTERS: pa.schema(
        [
            ("timestamp", _TIME),
            ("datacenter", pa.string()),
            ("branch", pa.string()),
            ("window_start", _TIME),
            ("cluster_index", pa.int64()),
            ("cluster", pa.string()),
            ("power_w", pa.float64()),
            ("energy_j", pa.float64()),
            ("carbon_intensity_g_per_kwh", pa.float64()),
            ("carbon_g", pa.float64()),
        ]
    ),
    # One row per decision.
    CALIBRATION: pa.schema(
        [
            ("instant", _TIME),
            ("datacenter", pa.string()),
            ("method", pa.string()),
            ("outcome", pa.string()),
            ("reason", pa.string()),
            ("topology_event", pa.string()),
            ("data_from", _TIME),
            ("data_until", _TIME),
            ("samples", pa.int64()),
            ("late_samples", pa.int64()),
            *((f"{score}_{name}", pa.int64() if name == "samples" else pa.float64()) for score in SCORES for name in SCORE_FIELDS),
            ("interval_half_width", pa.float64()),
            ("discrepancy_offset_w", pa.float64()),
            ("discrepancy_decay_per_hour", pa.float64()),
            ("parameters", pa.string()),  # JSON
            ("estimate", pa.string()),  # JSON
        ]
    ),
    ALARMS: pa.schema([("time", _TIME), ("datacenter", pa.string()), ("kind", pa.string()), ("text", pa.string())]),
    # One row per event of the ledger that has a verdict, rejected ones included.
    TOPOLOGY: pa.schema(
        [
            ("offset", pa.int64()),  # place in sim.topology; may differ between equal runs
            ("verdict", pa.string()),
            ("detail", pa.string()),
            ("effective", _TIME),  # the instant whose decision pinned it; null where none did
            ("id", pa.string()),
            ("parent", pa.string()),
            ("branch", pa.string()),
            ("kind", pa.string()),
            ("actor", pa.string()),
            ("reason", pa.string()),
            ("cause", pa.string()),
            ("changes", pa.string()),  # against the parent, one a line
            ("topology", pa.string()),  # JSON
        ]
    ),
    # One row per sample of a meter, the first of its time.
    TELEMETRY: pa.schema(
        [
            ("timestamp", _TIME),
            ("datacenter", pa.string()),
            ("cluster", pa.string()),  # both null: the whole datacenter
            ("host_group", pa.string()),
            ("power_w", pa.float64()),
        ]
    ),
}
