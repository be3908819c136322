"""How well a range of event time was predicted: as a whole, and one publication interval after the other, by the official rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.calibration.metrics import OfficialScore, official_score, persistence_w, score
from opendt_streams.calibration.pairing import newest_rows
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.decision import Score
from opendt_streams.model.task import Float64, Int64
from opendt_streams.projection.datacenter import Datacenter

MOST_INTERVALS: Final = 10_000
SCORES: Final = ("mape_percent", "persistence_mape_percent", "skill", "bias_percent")
_LEAD_MS: Final = times.DAY  # how old the reading that persistence holds at the start of the range may be


@dataclass(frozen=True, slots=True)
class Accuracy:
    """`whole`: None where nothing was simulated. `time_ms`: ends of the intervals; columns: `SCORES`, NaN where one has none."""

    whole: OfficialScore | None
    time_ms: Int64
    samples: Int64
    columns: dict[str, Float64]


def accuracy(datacenter: Datacenter, after_ms: int, until_ms: int) -> Accuracy:
    """Samples in (after, until], as far as there are any. What it costs depends on the range.

    Raises:
        BadInput: more intervals than one answer may have.
    """
    every, first_ms = datacenter.grid.publish_every_ms, datacenter.progress.first_window_ms
    until_ms = min(until_ms, datacenter.span_ms()[1])
    if first_ms is not None:
        after_ms = max(after_ms, datacenter.grid.first_instant(first_ms))
    if first_ms is None or after_ms >= until_ms:
        return Accuracy(None, np.empty(0, np.int64), np.empty(0, np.int64), {name: np.empty(0) for name in SCORES})
    if (until_ms - after_ms) // every > MOST_INTERVALS:
        raise BadInput("too long a range", expected=f"at most {MOST_INTERVALS} publication intervals", where="from")
    head = datacenter.facts.head
    sample_ms, measured_w = datacenter.measured.between(after_ms - _LEAD_MS, until_ms, head.topology if head else None)
    predicted_w = _predicted_w(datacenter, sample_ms)
    whole = official_score(sample_ms, measured_w, predicted_w, after_ms, every)
    held_w = persistence_w(sample_ms, measured_w, every)
    ends, scores = [], []
    for end in range(times.floor(after_ms, every) + every, until_ms + every, every):
        lo, hi = np.searchsorted(sample_ms, [max(after_ms, end - every), end], side="right")
        if hi > lo:
            ends.append(end)
            scores.append(score(predicted_w[lo:hi], measured_w[lo:hi], held_w[lo:hi]))
    return Accuracy(whole, np.array(ends, np.int64), np.array([s.samples for s in scores], np.int64), _columns(scores))


def _predicted_w(datacenter: Datacenter, sample_ms: Int64) -> Float64:
    simulated = datacenter.simulated.of[None]
    rows = newest_rows(simulated.time_ms, sample_ms, max_age_ms=datacenter.grid.sample_interval_ms)
    found = np.full(len(sample_ms), np.nan)
    found[rows >= 0] = simulated.values("simulated_power_w")[rows[rows >= 0]]
    return found


def _columns(scores: list[Score]) -> dict[str, Float64]:
    return {name: np.array([np.nan if (v := getattr(s, name)) is None else v for s in scores], dtype=np.float64) for name in SCORES}
