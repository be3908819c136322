"""Which datacenters there are, how far each has come, and how well it is predicted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field

from opendt_api import parameters as p
from opendt_api.context import Context, Shared, Site
from opendt_streams.calibration.metrics import OfficialScore
from opendt_streams.model import times
from opendt_streams.projection.accuracy import accuracy as accuracy_of
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.documents import host_group_names
from opendt_streams.projection.series import iso_times

T = TypeVar("T")
router = APIRouter(prefix="/api/v1", tags=["datacenters"])
STALE_MS: Final = 60 * times.SECOND  # of wall time without a new result, while the twin has not come to its end


class Span(BaseModel):
    """Event time; null while there is no window."""

    from_: str | None = Field(alias="from", examples=["2022-10-06T22:00:00Z"])
    until: str | None = Field(examples=["2022-10-08T04:05:00Z"])


class Amounts(BaseModel):
    """Simulated energy and carbon. Null: unknown."""

    energy_kwh: float | None
    carbon_kg: float | None


class Drain(Amounts):
    """What came after the data, until nothing ran any more. It is in no other total."""

    seconds: float


class Totals(Amounts):
    """Over `span`, which ends where the data did or have come to so far. Carbon is unknown where a cluster has no carbon trace."""

    span: Span
    clusters: dict[str, Amounts]
    drain: Drain


class State(BaseModel):
    """How far a datacenter's twin has come. Times are event time, `newest_result_recorded` is wall time."""

    datacenter: str = Field(examples=["SURF"])
    complete: bool = Field(description="The twin has come to the end of its streams.")
    stale: bool = Field(description="Nothing came for a minute of wall time, and the twin is not complete.")
    first_window: str | None
    newest_window_end: str | None = Field(examples=["2022-10-08T04:05:00Z"])
    newest_result_recorded: str | None
    windows: int
    failed_windows: int
    watermark_workload: str | None = Field(description="How far dc.workload has come.")
    watermark_power: str | None = Field(description="How far dc.power has come.")
    lag_seconds: float | None = Field(description="Event time between the workload's watermark and the newest window.")
    decisions: int
    alarms: int
    topology_events: int
    totals: Totals
    clusters: list[str]
    host_groups: dict[str, str] = Field(
        description="What people call the host groups that decisions name by their places.", examples=[{"0/0": "C01/H01"}]
    )


class Datacenters(BaseModel):
    datacenters: list[State]


class Accuracy(BaseModel):
    """The official score of the whole run, with the baseline that it has to beat (docs/concepts.md). None: not scored yet."""

    datacenter: str
    mape_percent: float | None
    persistence_mape_percent: float | None
    skill: float | None = Field(description="1 - MAPE / persistence MAPE: 0 is no better than the last reading.")
    share_under_10_percent: float | None
    bias_percent: float | None
    cvrmse_percent: float | None
    energy_kwh_simulated: float | None = Field(description="Over the scored samples, as what was measured.")
    energy_kwh_measured: float | None
    carbon_kg: float | None = Field(description="Over the data, without the drain. Null: a cluster has no carbon trace.")


@router.get("/datacenters")
async def list_datacenters(context: Shared) -> Datacenters:
    """All datacenters whose records the topics hold."""
    return Datacenters(datacenters=[state_of(dc, context) for dc in context.projection.datacenters.values()])


@router.get("/datacenters/{dc}/state")
async def state(site: Site, context: Shared) -> State:
    """How far the twin of a datacenter has come."""
    return state_of(site, context)


class Figures(BaseModel):
    """Scores of a range of event time, by the official rule. None: nothing to score."""

    samples: int
    mape_percent: float | None
    persistence_mape_percent: float | None
    skill: float | None
    share_under_10_percent: float | None
    bias_percent: float | None
    cvrmse_percent: float | None
    energy_kwh_simulated: float | None
    energy_kwh_measured: float | None


class AccuracyIntervals(BaseModel):
    """`time`: ends of the publication intervals that have samples; null in a column where nothing could be scored."""

    datacenter: str = Field(examples=["SURF"])
    interval_seconds: float = Field(description="How long a publication interval is.", examples=[3600.0])
    range: Figures | None = Field(description="Of all samples of the range; null while nothing is simulated.")
    time: list[str] = Field(examples=[["2022-10-07T02:00:00Z"]])
    samples: list[int] = Field(examples=[[120]])
    columns: dict[str, list[float | None]] = Field(examples=[{"mape_percent": [1.2], "skill": [0.7]}])


@router.get("/datacenters/{dc}/accuracy")
async def accuracy(site: Site) -> Accuracy:
    """How well power was predicted, and how well "the last reading holds" would have done."""
    found = asdict(site.facts.summary())
    return Accuracy(datacenter=site.name, **{name: found[name] for name in Accuracy.model_fields if name != "datacenter"})


@router.get("/datacenters/{dc}/accuracy/intervals")
async def accuracy_intervals(site: Site, from_: p.From = None, to: p.Time = None) -> AccuracyIntervals:
    """How well a range was predicted: as a whole, and per publication interval. Default: the whole run, or up to its newest window."""
    first_ms, newest_ms = site.progress.first_window_ms, site.progress.newest_end_ms
    after_ms, until_ms = p.time_ms(from_, "from"), p.time_ms(to, "to")
    until_ms = until_ms if until_ms is not None else newest_ms or 0
    found = accuracy_of(site, (first_ms or until_ms) - 1 if after_ms is None else after_ms, until_ms)
    return AccuracyIntervals(
        datacenter=site.name,
        interval_seconds=site.grid.publish_every_ms / times.SECOND,
        range=None if found.whole is None else _figures(found.whole),
        time=iso_times(found.time_ms),
        samples=found.samples.tolist(),
        columns={name: [None if math.isnan(v) else v for v in values.tolist()] for name, values in found.columns.items()},
    )


def _figures(found: OfficialScore) -> Figures:
    energy = {"energy_kwh_simulated": found.energy_kwh_predicted, "energy_kwh_measured": found.energy_kwh_measured}
    return Figures(**asdict(found.score), **energy)


def state_of(site: Datacenter, context: Context) -> State:
    progress = site.progress
    last_ms = progress.newest_recorded_ms
    lag = None
    if progress.workload_ms is not None and progress.newest_end_ms is not None:
        lag = max(0.0, (progress.workload_ms - progress.newest_end_ms) / times.SECOND)
    return State(
        datacenter=site.name,
        complete=progress.complete,
        stale=not progress.complete and (last_ms is None or context.now_ms() - last_ms > STALE_MS),
        first_window=times.iso_or_none(progress.first_window_ms),
        newest_window_end=times.iso_or_none(progress.newest_end_ms),
        newest_result_recorded=times.iso_or_none(last_ms),
        windows=progress.windows,
        failed_windows=progress.failed,
        watermark_workload=times.iso_or_none(progress.workload_ms),
        watermark_power=times.iso_or_none(site.measured.newest_ms()),
        lag_seconds=lag,
        decisions=len(site.decisions),
        alarms=len(site.alarms),
        topology_events=len(site.index),
        totals=Totals(**site.facts.totals.document()),
        clusters=[name for name in site.simulated.of if name is not None],
        host_groups=host_group_names(site.facts.head.topology if site.facts.head else None),
    )


def page(entries: Sequence[T], cursor: int | None, limit: int, wanted: Callable[[T], bool] = lambda _: True) -> tuple[list[T], int | None]:
    """The newest first: entries before `cursor` (a count from the start, the end by default), and the next cursor."""
    at = len(entries) if cursor is None else min(cursor, len(entries))
    found: list[T] = []
    while at and len(found) < limit:
        at -= 1
        if wanted(entries[at]):
            found.append(entries[at])
    return found, at or None
