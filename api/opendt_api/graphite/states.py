"""What is so now, for stat panels and alert rules: it has no history, and no place in event time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from opendt_api.context import Context
from opendt_api.routes.datacenters import state_of
from opendt_streams.model import times
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.series import Query, answer

NEWEST_MS: Final = times.HOUR
"""Event time over which the newest error is taken."""


def states(site: Datacenter, context: Context) -> Mapping[str, float | None]:
    """Of a datacenter; times are milliseconds of event time, as Grafana's date units have them."""
    state, progress = state_of(site, context), site.progress
    decided = site.hourly.decided
    standing = {kind: float(decided.values(kind)[-1]) if len(decided) else 0.0 for kind in ("bound", "telemetry")}
    return {
        "complete": float(state.complete),
        "stale": float(state.stale),
        "lag_seconds": state.lag_seconds,
        "windows": state.windows,
        "failed_windows": state.failed_windows,
        "decisions": state.decisions,
        "alarms": state.alarms,
        "warnings": len(state.warnings),
        "topology_events": state.topology_events,
        "first_window_ms": progress.first_window_ms,
        "newest_window_end_ms": progress.newest_end_ms,
        "watermark_workload_ms": progress.workload_ms,
        "watermark_power_ms": site.measured.newest_ms(),
        "newest_result_recorded_ms": progress.newest_recorded_ms,
        "error_percent": _newest_error(site),
        "bound_binding": standing["bound"],
        "telemetry_bad": standing["telemetry"],
    }


def api_states(context: Context) -> Mapping[str, float]:
    """Of the process that answers."""
    return {
        "ready": float(context.ready()),
        "records": context.projection.records,
        "dead_letters": len(context.projection.dead_letters),
    }


def _newest_error(site: Datacenter) -> float | None:
    """Mean absolute error of the newest hour of event time that has both powers."""
    end_ms, measured_ms = site.progress.newest_end_ms, site.measured.newest_ms()
    if end_ms is None or measured_ms is None:
        return None
    until_ms = min(end_ms, measured_ms)
    query = Query(["error_percent"], until_ms - NEWEST_MS, until_ms, site.grid.sample_interval_ms)
    errors = answer(site, query).columns["error_percent"]
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if len(known) else None
