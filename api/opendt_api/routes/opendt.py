"""OpenDT's own routes in its own form, for its dashboard and scripts. They speak of the datacenter that this API writes."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from opendt_api import parameters as p
from opendt_api.context import Context, Shared
from opendt_api.problems import Problem, ProblemError, answering
from opendt_api.routes.topology import REFUSALS, fulfil
from opendt_streams.model import times
from opendt_streams.model.task import Float64, Int64
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.series import MOST_ROWS, answer, iso_times
from opendt_streams.projection.series import Query as Range
from opendt_streams.topology.change import Edit, Wish
from opendt_streams.topology.patching import whole
from opendt_streams.wire import topics

router = APIRouter(tags=["OpenDT"])
Interval = Annotated[int, Query(ge=1, le=3_600)]


@router.get("/health")
async def health(context: Shared) -> dict[str, str]:
    return {"status": "healthy", "kafka": "connected" if context.ready() else "disconnected", "config": "loaded"}


@router.get("/api/power", responses={404: {"model": Problem}})
async def power(context: Shared, interval_seconds: Interval = 60, start_time: p.Time = None) -> dict[str, Any]:
    """Simulated and measured power, linearly interpolated on a grid from the first sample that both have.

    An answer ends after 100,000 rows: the next one starts where its `end_time` is.
    """
    site = _site(context)
    simulated = site.simulated.of[None]
    measured_ms, measured_w = site.measured.between(-(2**62), 2**62, site.facts.head.topology if site.facts.head else None)
    if not len(simulated) or not len(measured_ms):
        raise ProblemError(404, "nothing is both simulated and measured yet")
    first = max(simulated.time_ms[0], measured_ms[0], p.time_ms(start_time, "start_time") or 0)
    last = min(simulated.time_ms[-1], measured_ms[-1])
    step = interval_seconds * times.SECOND
    at = np.arange(first, min(last, first + (MOST_ROWS - 1) * step) + 1, step)
    columns = [np.interp(at, simulated.time_ms, simulated.values("simulated_power_w")), np.interp(at, measured_ms, measured_w)]
    rows = await run_in_threadpool(_power_rows, at, *columns)  # many rows take their time, which is nobody else's
    return {"data": rows, "metadata": {"run_id": site.name, "workload": site.name, **_metadata(rows, interval_seconds)}}


@router.get("/api/co2_emission", responses={404: {"model": Problem}})
async def co2_emission(context: Shared, interval_seconds: Interval = 60, start_time: p.Time = None) -> dict[str, Any]:
    """Means per interval; emission is power times intensity, in g per hour. Both are null without a carbon trace."""
    site = _site(context)
    progress = site.progress
    if progress.first_window_ms is None or progress.newest_end_ms is None:
        raise ProblemError(404, "nothing is simulated yet")
    first = max(progress.first_window_ms, p.time_ms(start_time, "start_time") or 0)
    rows: list[dict[str, Any]] = []
    if first < progress.newest_end_ms:
        names = ("simulated_power_w", "carbon_intensity_g_per_kwh")
        found = answer(site, Range(names, first, progress.newest_end_ms, interval_seconds * times.SECOND))
        rows = await run_in_threadpool(_carbon_rows, found.time_ms, *(found.columns[name] for name in names))
    return {"data": rows, "metadata": {"run_id": site.name, **_metadata(rows, interval_seconds)}}


@router.put("/api/topology", responses=REFUSALS)
async def put_topology(document: dict[str, Any], request: Request, context: Shared) -> dict[str, Any]:
    """A whole topology, on top of whatever the head is: as an event of whoever the token belongs to."""
    with answering(409):
        made = whole(document)
    wish = Wish(
        Edit(lambda _: made, f"put-{request.headers.get('idempotency-key') or context.now_ms()}"),
        request.state.principal,
        "PUT /api/topology",
    )
    await fulfil(context, _site(context), wish)
    return {
        "status": "updated",
        "message": "The topology is an event of the ledger now.",
        "clusters": len(made.clusters),
        "total_hosts": made.host_count,
        "total_cores": sum(group.count * group.cores for _, _, group in made.host_groups),
        "topic": topics.LEDGER,
    }


def _power_rows(time_ms: Int64, simulated_w: Float64, measured_w: Float64) -> list[dict[str, Any]]:
    columns = zip(time_ms.tolist(), simulated_w.tolist(), measured_w.tolist(), strict=True)
    return [{"timestamp": times.iso(t), "simulated_power": s, "actual_power": m} for t, s, m in columns]


def _carbon_rows(time_ms: Int64, power_w: Float64, intensity_g_per_kwh: Float64) -> list[dict[str, Any]]:
    columns = zip(iso_times(time_ms), power_w.tolist(), intensity_g_per_kwh.tolist(), strict=True)
    return [
        {
            "timestamp": t,
            "carbon_intensity": None if math.isnan(intensity) else intensity,
            "power_draw": w,
            "carbon_emission": None if math.isnan(intensity) else w * intensity / times.SECOND,
        }
        for t, w, intensity in columns
        if not math.isnan(w)
    ]


def _site(context: Context) -> Datacenter:
    site = context.projection.datacenters.get(context.datacenter)
    if site is None:
        raise ProblemError(404, f"nothing is known of {context.datacenter} yet")
    return site


def _metadata(rows: list[dict[str, Any]], interval_seconds: int) -> dict[str, Any]:
    edges = (rows[0]["timestamp"], rows[-1]["timestamp"]) if rows else (None, None)
    return {"interval_seconds": interval_seconds, "count": len(rows), "start_time": edges[0], "end_time": edges[1]}
