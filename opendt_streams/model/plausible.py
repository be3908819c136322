"""What numbers can be: what hosts can draw at all, holes in a trace, a clock that is off.

Which reading of a meter is *impossible* is decided here and nowhere else. Scores, measured energy, tables and calibration leave those
out (`possible`); how many they were, and why, stands in a run's warnings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from opendt_streams.model import times
from opendt_streams.model.power import Meter
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import PowerModel, Topology

Flags: TypeAlias = NDArray[np.bool_]

BEYOND: Final = 10.0
"""How many times the most that its hosts can draw a reading may be. Generous: a datasheet forgets accelerators, fans and cooling."""
SENTINEL_BEYOND: Final = 2.0
"""The same for a number that devices show when they know nothing."""
SENTINELS: Final = frozenset(
    {
        *(float((2**bits - less) / scale) for bits in (15, 16, 31, 32, 63, 64) for less in (0, 1, 2) for scale in (1, 10, 100, 1000)),
        *(float(f"{'9' * nines}") / scale for nines in (4, 5, 6, 7, 8, 9, 10) for scale in (1, 10, 100)),
    }
)
ODD_ABOVE, ODD_BELOW = 2.0, 0.2
"""Times the most and the least (idle) that its hosts can draw beyond which a single reading is odd, though it counts."""
LEVEL: Final = 3.0
"""A meter that is so many times off in the mean shows something else than these hosts in watts."""

SHORTEST_HOLE_MS: Final = 2 * times.HOUR
_HOLE: Final = 3.0  # times the usual step of a trace

FEWEST_SLOTS: Final = 72
LEAST_LAG: Final = 3
_EXPLAINED: Final = 0.5  # share of the variance that nothing explains that a lag must leave at most
_ALIKE: Final = 0.8  # correlation from which on two curves are the same one
_WELL: Final = 0.95  # and from which on their clocks are right


@dataclass(frozen=True, slots=True)
class Draw:
    """What hosts draw by their power models when all are idle, and at most [W]."""

    idle_w: float
    most_w: float


def draw_of(meter: Meter, topology: Topology) -> Draw:
    """Of the hosts that a meter measures; nothing where it measures none."""
    idle = most = 0.0
    for c, _, group in topology.host_groups:
        if meter.measures(topology.clusters[c].name, group.name):
            least_w, most_w = _ends(group.power_model, group.cores, group.capacity_mhz)
            idle, most = idle + group.count * least_w, most + group.count * most_w
    return Draw(idle, most)


def measures_anything(meter: Meter, topologies: Iterable[Topology]) -> bool:
    return any(meter.measures(t.clusters[c].name, group.name) for t in topologies for c, _, group in t.host_groups)


def possible(power_w: Float64, most_w: float) -> Flags:
    """Which readings can be power of hosts that draw `most_w` at most; of hosts that draw nothing nobody knows."""
    finite = np.isfinite(power_w)
    if not most_w > 0:
        return finite
    with np.errstate(invalid="ignore"):
        below, suspect = power_w <= BEYOND * most_w, power_w > SENTINEL_BEYOND * most_w
    found = finite & below
    for i in np.flatnonzero(found & suspect).tolist():
        found[i] = float(power_w[i]) not in SENTINELS
    return found


def is_possible(power_w: float, most_w: float) -> bool:
    """The same of one reading."""
    if not math.isfinite(power_w):
        return False
    if not most_w > 0 or power_w <= SENTINEL_BEYOND * most_w:
        return True
    return power_w <= BEYOND * most_w and power_w not in SENTINELS


def unit_of(ratio: float) -> str | None:
    """The unit that a meter seems to be in, which shows `ratio` times the watts that are drawn."""
    power = math.log10(ratio) if ratio > 0 and math.isfinite(ratio) else 0.0
    names = {-6: "MW", -3: "kW", 3: "mW", 6: "µW"}
    return next((name for exponent, name in names.items() if abs(power - exponent) <= math.log10(LEVEL)), None)


def holes(time_ms: Int64, after_ms: int | None = None, until_ms: int | None = None) -> list[tuple[int, int]]:
    """(from, until) of the steps of a trace that are far longer than its usual ones, as far as they touch (after, until)."""
    if len(time_ms) < 3:
        return []
    steps = np.diff(time_ms)
    long = steps >= max(_HOLE * float(np.median(steps)), SHORTEST_HOLE_MS)
    found = [(int(time_ms[i]), int(time_ms[i + 1])) for i in np.flatnonzero(long).tolist()]
    return [(a, b) for a, b in found if (after_ms is None or b > after_ms) and (until_ms is None or a < until_ms)]


def lag_between(expected: Float64, measured: Float64, most_lag: int) -> int | None:
    """By how many slots `measured` trails `expected` (both per slot, NaN where unknown); None where its clock is right, or nothing says so.

    Only the pattern counts, not the level. Lags below `LEAST_LAG` are not looked for.
    """
    both = np.isfinite(expected) & np.isfinite(measured)
    if int(both.sum()) < FEWEST_SLOTS:
        return None
    here = _correlation(expected, measured)
    if here > _WELL:
        return None
    lags = [n for n in range(-most_lag, most_lag + 1) if abs(n) >= LEAST_LAG]
    found = [_correlation(*_shifted(expected, measured, n)) for n in lags]
    best = int(np.argmax(found))
    if found[best] < _ALIKE or 1 - found[best] ** 2 > _EXPLAINED * (1 - max(here, 0.0) ** 2):
        return None
    return lags[best]


def _shifted(expected: Float64, measured: Float64, lag: int) -> tuple[Float64, Float64]:
    return (expected[:-lag], measured[lag:]) if lag > 0 else (expected[-lag:], measured[:lag])


def _correlation(a: Float64, b: Float64) -> float:
    """Of the slots that both know; -1 where these are too few or one of them never moves."""
    both = np.isfinite(a) & np.isfinite(b)
    if int(both.sum()) < FEWEST_SLOTS // 2:
        return -1.0
    x, y = a[both] - a[both].mean(), b[both] - b[both].mean()
    norm = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    scale = float(np.abs(a[both]).mean() * np.abs(b[both]).mean()) * int(both.sum())
    return float((x * y).sum()) / norm if norm > 1e-9 * scale and norm > 0 else -1.0


@lru_cache(maxsize=4096)
def _ends(model: PowerModel, cores: int, capacity_mhz: float) -> tuple[float, float]:
    """(idle, most) of one host [W]; curves need not rise."""
    drawn = watts(model, np.linspace(0.0, capacity_mhz, 21), cores, capacity_mhz)
    return float(drawn[0]), float(drawn.max())
