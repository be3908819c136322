"""Answering for a range of event time: metrics as columns over buckets. What it costs depends on the range, not on the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from opendt_streams.errors import BadInput, NotKnown
from opendt_streams.model.task import Float64, Int64
from opendt_streams.projection.columns import Columns
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.power import errors_percent
from opendt_streams.projection.resample import How, bucket_ends, resample

UNITS: Final[Mapping[str, str]] = {
    "simulated_power_w": "W",
    "measured_power_w": "W",
    "interval_low_w": "W",
    "interval_high_w": "W",
    "simulated_energy_j": "J",
    "carbon_g": "g",
    "carbon_intensity_g_per_kwh": "g/kWh",
    "utilisation": "1",
    "error_percent": "%",
    "tasks_running": "1",
    "tasks_queued": "1",
    "tasks_completed": "1",
}
MOST_ROWS: Final = 100_000  # of one answer: five weeks of rows every 30 s
_SUMS: Final = frozenset({"simulated_energy_j", "carbon_g", "tasks_completed"})
WHOLE_ONLY: Final = frozenset({"measured_power_w", "error_percent", "tasks_running", "tasks_queued", "tasks_completed"})


@dataclass(frozen=True, slots=True)
class Query:
    """(after, until] in buckets of `resolution_ms`; `cluster` None is the whole datacenter."""

    metrics: Sequence[str]
    after_ms: int
    until_ms: int
    resolution_ms: int
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`time_ms`: ends of the buckets; one column per metric, NaN where nothing is known."""

    resolution_ms: int
    time_ms: Int64
    columns: dict[str, Float64]


def answer(datacenter: Datacenter, query: Query) -> Answer:
    """Means of power-like metrics, sums of energy, carbon and completed tasks.

    Raises:
        BadInput: an unknown metric, more points than one answer may have.
        NotKnown: no such cluster, or nothing is known of clusters.
    """
    query = _clipped(datacenter, query)
    _check(datacenter, query)
    return in_buckets(datacenter, query)


def in_buckets(datacenter: Datacenter, query: Query) -> Answer:
    """The same of a query that is right, for every bucket of its range, whatever is known of it."""
    ends = bucket_ends(query.after_ms, query.until_ms, query.resolution_ms)
    columns = {}
    for metric in query.metrics:
        time_ms, values = _RAW[metric](datacenter, query)
        how: How = "sum" if metric in _SUMS else "mean"
        columns[metric] = resample(time_ms, values, ends, query.resolution_ms, how)
    return Answer(query.resolution_ms, ends, columns)


def _clipped(datacenter: Datacenter, query: Query) -> Query:
    """The range as far as there is anything to say of it, in buckets that hold a row each at least."""
    step_ms = max(query.resolution_ms, datacenter.grid.sample_interval_ms)
    first_ms, newest_ms = datacenter.span_ms()
    after_ms = min(max(query.after_ms, first_ms), newest_ms)
    return replace(query, after_ms=after_ms, until_ms=max(after_ms, min(query.until_ms, newest_ms)), resolution_ms=step_ms)


def iso_times(time_ms: Int64) -> list[str]:
    """ISO 8601, for whole seconds at once."""
    if not len(time_ms):
        return []
    texts = np.datetime_as_string(time_ms.astype("datetime64[ms]"), unit="s")
    return [f"{text}Z" for text in texts.tolist()]


def _check(datacenter: Datacenter, query: Query) -> None:
    if query.cluster is not None and query.cluster not in datacenter.simulated.of:
        known = ", ".join(name for name in datacenter.simulated.of if name is not None) or "none simulated yet"
        raise NotKnown(f"no cluster {query.cluster!r}", expected=known, where="cluster")
    for metric in query.metrics:
        if metric not in UNITS:
            raise BadInput(f"no metric {metric!r}", expected=", ".join(UNITS), where="metric")
        if query.cluster is not None and metric in WHOLE_ONLY:
            raise NotKnown(f"{metric} is known of the whole datacenter only", where="cluster", hint="Leave cluster out.")
    rows = (query.until_ms - query.after_ms) // query.resolution_ms + 1
    if rows > MOST_ROWS:
        hint = "Take a coarser resolution or a shorter range."
        raise BadInput(f"{rows} rows", expected=f"at most {MOST_ROWS}", where="resolution", hint=hint)


def _simulated(metric: str) -> Callable[[Datacenter, Query], tuple[Int64, Float64]]:
    def raw(datacenter: Datacenter, query: Query) -> tuple[Int64, Float64]:
        return _rows(datacenter.simulated.of[query.cluster], metric, query)

    return raw


def _tasks(metric: str) -> Callable[[Datacenter, Query], tuple[Int64, Float64]]:
    return lambda datacenter, query: _rows(datacenter.tasks, metric, query)


def _rows(columns: Columns, metric: str, query: Query) -> tuple[Int64, Float64]:
    rows = columns.between(*_whole_buckets(query))
    return columns.time_ms[rows], columns.values(metric)[rows]


def _measured(datacenter: Datacenter, query: Query) -> tuple[Int64, Float64]:
    head = datacenter.facts.head
    return datacenter.measured.between(*_whole_buckets(query), head.topology if head else None)


def _errors(datacenter: Datacenter, query: Query) -> tuple[Int64, Float64]:
    time_ms, measured_w = _measured(datacenter, query)
    simulated = datacenter.simulated.of[None]
    return time_ms, errors_percent(simulated, time_ms, measured_w, datacenter.grid.sample_interval_ms)


def _interval(sign: int) -> Callable[[Datacenter, Query], tuple[Int64, Float64]]:
    """The prediction with the 90 % interval that its instant's decision published: a share of the power, up or down."""

    def raw(datacenter: Datacenter, query: Query) -> tuple[Int64, Float64]:
        time_ms, power_w = _rows(datacenter.simulated.of[query.cluster], "simulated_power_w", query)
        instants = datacenter.intervals
        at = np.searchsorted(instants.time_ms, time_ms) - 1  # the row at an instant belongs to the hour before
        half_width = np.full(len(time_ms), np.nan)
        half_width[at >= 0] = instants.values("half_width")[at[at >= 0]]
        return time_ms, np.maximum(power_w * (1 + sign * half_width), 0.0)

    return raw


def _whole_buckets(query: Query) -> tuple[int, int]:
    """The range, widened to whole buckets: a bucket that is cut in half would be no mean of its rows."""
    resolution = query.resolution_ms
    return query.after_ms // resolution * resolution, -(-query.until_ms // resolution) * resolution


_RAW: Final[Mapping[str, Callable[[Datacenter, Query], tuple[Int64, Float64]]]] = {
    **{
        name: _simulated(name)
        for name in ("simulated_power_w", "simulated_energy_j", "carbon_g", "carbon_intensity_g_per_kwh", "utilisation")
    },
    **{name: _tasks(name) for name in ("tasks_running", "tasks_queued", "tasks_completed")},
    "measured_power_w": _measured,
    "error_percent": _errors,
    "interval_low_w": _interval(-1),
    "interval_high_w": _interval(+1),
}
