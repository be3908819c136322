"""How the values of a metric come from the projection: one per bucket of a span. What it costs depends on the span."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opendt_api.graphite.span import Span
from opendt_api.graphite.tree import Read
from opendt_streams.model import times
from opendt_streams.model.task import Float64, Int64
from opendt_streams.projection.columns import Columns
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.resample import How, resample
from opendt_streams.projection.series import Query, in_buckets


def metric(site: Datacenter, name: str, cluster: str | None = None) -> Read:
    """A metric of the REST API's series, as that resamples it."""
    return lambda span: in_buckets(site, Query([name], span.after_ms, span.until_ms, span.step_ms, cluster)).columns[name]


def windows(site: Datacenter, name: str) -> Read:
    """Counts per bucket, and the mean lag."""
    columns = site.windows
    if name == "lag_seconds":
        return lambda span: _in_buckets(columns, lambda rows: _lags_s(site, rows), span, "mean")
    if name == "simulated":
        return lambda span: _in_buckets(columns, lambda rows: np.ones(rows.stop - rows.start), span, "sum")
    return per_instant(columns, name)


def per_instant(columns: Columns, name: str) -> Read:
    """Sums per bucket."""
    return lambda span: _in_buckets(columns, lambda rows: columns.values(name)[rows], span, "sum")


def hour_before(site: Datacenter, columns: Columns, name: str) -> Read:
    """What a row says of the publication interval that it ends: held over it, or the mean of several."""
    every_ms = site.grid.publish_every_ms
    return lambda span: _held(columns, name, span, every_ms, before=True)


def hour_after(site: Datacenter, columns: Columns, name: str) -> Read:
    """What holds from a row's instant for one publication interval, or the mean of several."""
    every_ms = site.grid.publish_every_ms
    return lambda span: _held(columns, name, span, every_ms, before=False)


def skill(site: Datacenter) -> Read:
    """1 - MAPE / MAPE of persistence, of the means over the bucket: hours in which nothing moves do not decide it."""
    own, other = (hour_before(site, site.hourly.scores, name) for name in ("mape_percent", "persistence_mape_percent"))

    def read(span: Span) -> Float64:
        mape, persistence = own(span), other(span)
        found = np.full(len(mape), np.nan)
        known = persistence > 0
        found[known] = 1 - mape[known] / persistence[known]
        return found

    return read


def alarms(site: Datacenter) -> Read:
    """How many were given in a bucket: none where nothing but decisions were."""
    decided = per_instant(site.hourly.decided, "samples")

    def read(span: Span) -> Float64:
        time_ms = np.array(site.hourly.alarm_ms, dtype=np.int64)  # few: one per kind and trouble
        given = resample(time_ms, np.ones(len(time_ms)), span.ends_ms, span.step_ms, "sum")
        return np.where(np.isnan(given) & ~np.isnan(decided(span)), 0.0, given)

    return read


def now(value: float | None) -> Read:
    """What has no history: what is so now, at the end of any span."""

    def read(span: Span) -> Float64:
        found = np.full(len(span.ends_ms), np.nan)
        found[-1] = np.nan if value is None else value
        return found

    return read


def _in_buckets(columns: Columns, values: Callable[[slice], Float64], span: Span, how: How) -> Float64:
    ends_ms = span.ends_ms
    rows = columns.between(int(ends_ms[0]) - span.step_ms, int(ends_ms[-1]))
    return resample(columns.time_ms[rows], values(rows), ends_ms, span.step_ms, how)


def _held(columns: Columns, name: str, span: Span, every_ms: int, *, before: bool) -> Float64:
    if span.step_ms >= every_ms:
        return _in_buckets(columns, lambda rows: columns.values(name)[rows], span, "mean")
    ends_ms, time_ms = span.ends_ms, columns.time_ms
    at = np.searchsorted(time_ms, ends_ms, side="left") if before else np.searchsorted(time_ms, ends_ms, side="right") - 1
    found = np.full(len(ends_ms), np.nan)
    there = (at >= 0) & (at < len(time_ms))
    at, ends_ms = at[there], ends_ms[there]
    near = np.abs(time_ms[at] - ends_ms) < every_ms
    found[there] = np.where(near, columns.values(name)[at], np.nan)
    return found


def _lags_s(site: Datacenter, rows: slice) -> Float64:
    """How far dc.workload was ahead of each window when the window's result was recorded; NaN where nothing had been heard."""
    recorded_ms: Int64 = site.windows.values("recorded_ms")[rows].astype(np.int64)
    at = np.searchsorted(site.heard.time_ms, recorded_ms, side="right") - 1
    lags = np.full(len(at), np.nan)
    heard = at >= 0
    ahead_ms = site.heard.values("watermark_ms")[at[heard]] - site.windows.time_ms[rows][heard]
    lags[heard] = np.maximum(ahead_ms, 0) / times.SECOND
    return lags
