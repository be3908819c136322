"""Whether a workload's files can be true of each other: other units, other times, clocks, holes, hardware that is not simulated.

What is odd here can be run; the live twin says the same of what it is sent (`notices`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.plausible import LEVEL, ODD_ABOVE, ODD_BELOW, SENTINELS, Draw, draw_of, lag_between, possible, unit_of
from opendt_streams.model.power import Meter
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology
from opendt_streams.model.unmodelled import Unmodelled
from opendt_streams.workload.findings import Findings
from opendt_streams.workload.power import CONSUMPTION, PowerSeries
from opendt_streams.workload.site import TOPOLOGY
from opendt_streams.workload.tasks import FRAGMENTS, TaskTable

COVERED: Final = 0.5
SLOT_MS: Final = 5 * times.MINUTE
LONGEST_LAG_MS: Final = 12 * times.HOUR
_FEWEST_TASKS: Final = 5
_SHORTEST_TASK_MS: Final = 2 * times.MINUTE
_MOST_SLOTS: Final = 100_000


def hardware(found: tuple[Unmodelled, ...], findings: Findings) -> None:
    """Batteries and GPUs, which the twin does not simulate."""
    for part in found:
        what = f"the battery of the cluster {part.name}" if part.part == "battery" else f"the GPU of the hosts {part.name}"
        hint = "`opendt run` simulates the rest; `opendt engine run` refuses it."
        findings.warning(TOPOLOGY, f"{what} is not simulated", "CPUs, memory and grid power", column=part.where, hint=hint)


def durations(tasks: TaskTable, findings: Findings) -> None:
    """Tasks that are all over in no time: their durations are in seconds."""
    length_ms = tasks.fragment_duration_ms
    span_ms = int(tasks.submission_ms[-1] - tasks.submission_ms[0])
    some = tasks.fragment_counts > 0
    if int(some.sum()) < _FEWEST_TASKS or not len(length_ms) or span_ms < times.HOUR:
        return
    longest_ms = int(np.add.reduceat(length_ms, tasks.fragment_offsets[:-1][some]).max())
    if longest_ms < _SHORTEST_TASK_MS:
        what = f"the longest task runs for {longest_ms / times.SECOND:g} s, in {span_ms / times.HOUR:.1f} h of submissions"
        findings.warning(FRAGMENTS, what, "milliseconds", column="duration", hint="Are the durations in seconds?")


def measured_power(power: PowerSeries, tasks: TaskTable, topology: Topology | None, findings: Findings) -> None:
    """Each meter against the hosts that it measures, and against the time in which tasks come and run."""
    for index, meter in enumerate(power.meters):
        mine = power.meter == index
        time_ms, power_w = power.time_ms[mine], power.power_w[mine]
        if topology is None:
            continue
        can = draw_of(meter, topology)
        if can.most_w > 0 and _watts(meter, time_ms, power_w, can, findings) and meter.host_group is None and meter.cluster is None:
            _clock(time_ms[possible(power_w, can.most_w)], power_w[possible(power_w, can.most_w)], tasks, findings)
    _times(power, tasks, findings)


def _watts(meter: Meter, time_ms: Int64, power_w: Float64, can: Draw, findings: Findings) -> bool:
    """Whether the level is one that these hosts can have."""
    fine = possible(power_w, can.most_w)
    expected = f"{can.idle_w:,.0f} W (all idle) to {can.most_w:,.0f} W, what the topology's hosts draw"
    if not fine.all():
        first = int(np.flatnonzero(~fine)[0])
        what = f"{int((~fine).sum()):,} of {len(fine):,} samples of the meter {meter.name} cannot be: they exceed what its hosts can draw; "
        what += f"the first is {power_w[first]:,.10g} W at {times.iso(int(time_ms[first]))}"
        hint = "They are left out of scores, measured energy and calibration."
        if float(power_w[first]) in SENTINELS:
            hint = "Devices show this number when they know nothing. " + hint
        findings.warning(CONSUMPTION, what, expected, column="power_draw", hint=hint)
    shown = power_w[fine & (power_w > 0)] if fine.any() else power_w
    if not len(shown):
        return False
    mean = float(np.mean(shown))
    nearest = min(max(mean, can.idle_w), can.most_w)
    if mean < ODD_BELOW * can.idle_w or mean > ODD_ABOVE * can.most_w:
        unit = unit_of(mean / nearest) if nearest > 0 else None
        what = f"the mean of the meter {meter.name} is {mean:,.4g} W, where its hosts draw {can.idle_w:,.0f} W when all are idle"
        findings.warning(
            CONSUMPTION,
            what + ("" if mean < can.idle_w else f" and {can.most_w:,.0f} W at most"),
            expected,
            column="power_draw",
            hint=f"Is it in {unit}?" if unit else "Another unit, another site, or hosts that the topology does not have?",
        )
        return False
    odd = fine & (power_w > 0) & ((power_w < ODD_BELOW * can.idle_w) | (power_w > ODD_ABOVE * can.most_w))
    if odd.any():
        first = int(odd.argmax())
        what = f"{int(odd.sum()):,} samples of the meter {meter.name} are hard to believe; the first is {power_w[first]:,.10g} W "
        findings.warning(CONSUMPTION, what + f"at {times.iso(int(time_ms[first]))}", expected, column="power_draw")
    return 1 / LEVEL < mean / nearest < LEVEL if nearest > 0 else True


def _times(power: PowerSeries, tasks: TaskTable, findings: Findings) -> None:
    """The meters' time against that of the tasks."""
    ends = _task_ends(tasks)
    first_ms, last_ms = int(tasks.submission_ms[0]), max(int(ends.max()), int(tasks.submission_ms[-1]))
    power_first, power_last = int(power.time_ms[0]), int(power.time_ms[-1])
    expected = f"the time of the tasks, {times.iso(first_ms)} to {times.iso(last_ms)}"
    steps = np.diff(np.unique(power.time_ms))
    pace = f", at steps of {int(np.median(steps))} ms" if len(steps) else ""
    quick = bool(len(steps)) and int(np.median(steps)) < times.SECOND
    hint = "Are the times in seconds, where milliseconds belong?" if quick else "A time zone, or consumption_offset_ms in workload.yaml?"
    if power_first > last_ms or power_last < first_ms:
        apart_ms = power_first - last_ms if power_first > last_ms else first_ms - power_last
        where = "after" if power_first > last_ms else "before"
        what = f"power lies {_long(apart_ms)} {where} the tasks: {times.iso(power_first)} to {times.iso(power_last)}{pace}"
        findings.warning(CONSUMPTION, what, expected, column="timestamp", hint=hint)
        return
    span_ms = int(tasks.submission_ms[-1]) - first_ms
    both_ms = max(min(power_last, last_ms) - max(power_first, first_ms), 0)
    if span_ms > SLOT_MS and both_ms < COVERED * span_ms:
        what = f"power covers {_long(both_ms)} of the {_long(span_ms)} in which tasks come{pace}"
        findings.warning(CONSUMPTION, what, expected, column="timestamp", hint=hint if quick else None)


def _clock(time_ms: Int64, power_w: Float64, tasks: TaskTable, findings: Findings) -> None:
    """The curve of the meter against that of the demand, as if every task began when it was submitted."""
    if not len(time_ms):
        return
    first_ms = times.floor(min(int(time_ms[0]), int(tasks.submission_ms[0])), SLOT_MS)
    slots = (max(int(time_ms[-1]), int(tasks.submission_ms[-1])) - first_ms) // SLOT_MS + 1
    if slots > _MOST_SLOTS:
        return
    at = (time_ms - first_ms) // SLOT_MS
    count = np.bincount(at, minlength=slots)
    total = np.bincount(at, weights=power_w, minlength=slots)
    measured = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    lag = lag_between(_demand(tasks, first_ms, int(slots)), measured, LONGEST_LAG_MS // SLOT_MS)
    if lag is not None:
        minutes = abs(lag) * SLOT_MS // times.MINUTE
        what = (
            f"the meter seems to be {minutes} min {'late' if lag > 0 else 'early'}: its curve is that of the tasks' demand of another time"
        )
        hint = "A clock, a time zone, or consumption_offset_ms in workload.yaml?"
        findings.warning(CONSUMPTION, what, "the time of the tasks", column="timestamp", hint=hint)


def _demand(tasks: TaskTable, first_ms: int, slots: int) -> Float64:
    """Mean demand per slot [MHz], as if every task began when it was submitted."""
    starts = _fragment_starts(tasks) - first_ms
    ends = starts + tasks.fragment_duration_ms
    # The integral of demand up to each slot's end, from how each fragment's part in it grows linearly.
    edges = np.arange(slots + 1, dtype=np.int64) * SLOT_MS
    grown = _ramp(starts, tasks.fragment_usage_mhz, edges) - _ramp(ends, tasks.fragment_usage_mhz, edges)
    return np.diff(grown) / SLOT_MS


def _ramp(at_ms: Int64, weight: Float64, edges: Int64) -> Float64:
    """Sum of weight x max(0, edge - at) per edge."""
    order = np.argsort(at_ms, kind="stable")
    at, w = at_ms[order].astype(np.float64), weight[order]
    sums, moments = np.concatenate([[0.0], np.cumsum(w)]), np.concatenate([[0.0], np.cumsum(w * at)])
    before = np.searchsorted(at, edges, side="right")
    return np.asarray(edges * sums[before] - moments[before])


def _fragment_starts(tasks: TaskTable) -> Int64:
    """When each fragment begins, if its task begins at its submission."""
    ends = np.cumsum(tasks.fragment_duration_ms)
    offsets = tasks.fragment_offsets
    before = np.concatenate([[0], ends])[offsets[:-1]]
    per_fragment = np.repeat(tasks.submission_ms - before, np.diff(offsets))
    return np.asarray(ends - tasks.fragment_duration_ms + per_fragment, dtype=np.int64)


def _task_ends(tasks: TaskTable) -> Int64:
    """When each task is over, if it begins at its submission."""
    ends = np.concatenate([[0], np.cumsum(tasks.fragment_duration_ms)])
    offsets = tasks.fragment_offsets
    return np.asarray(tasks.submission_ms + ends[offsets[1:]] - ends[offsets[:-1]], dtype=np.int64)


def _long(ms: int) -> str:
    """A length of time in words."""
    for unit, name in ((times.DAY, "days"), (times.HOUR, "h"), (times.MINUTE, "min")):
        if ms >= 2 * unit:
            return f"{ms / unit:.1f} {name}".replace(".0 ", " ")
    return f"{ms / times.SECOND:g} s"
