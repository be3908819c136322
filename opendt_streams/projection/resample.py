"""From rows to buckets (t - resolution, t], named by their ends, which are multiples of the resolution since the epoch."""

from __future__ import annotations

from typing import Literal

import numpy as np

from opendt_streams.model.task import Float64, Int64

How = Literal["mean", "sum"]


def bucket_ends(after_ms: int, until_ms: int, resolution_ms: int) -> Int64:
    """Ends of the buckets that hold any of (after, until]."""
    first = after_ms // resolution_ms + 1
    last = -(-until_ms // resolution_ms)
    return np.arange(first, last + 1, dtype=np.int64) * resolution_ms


def resample(time_ms: Int64, values: Float64, ends_ms: Int64, resolution_ms: int, how: How) -> Float64:
    """One value per bucket; NaN where the bucket holds no row. A mean is that of the known rows; a sum with an unknown part is unknown."""
    if how == "mean":
        known = ~np.isnan(values)
        time_ms, values = time_ms[known], values[known]
    found = np.full(len(ends_ms), np.nan)
    if not len(ends_ms) or not len(time_ms):
        return found
    bucket = -(-time_ms // resolution_ms) - ends_ms[0] // resolution_ms
    inside = (bucket >= 0) & (bucket < len(ends_ms))
    bucket, values = bucket[inside], values[inside]
    sums = np.bincount(bucket, weights=values, minlength=len(ends_ms))
    counts = np.bincount(bucket, minlength=len(ends_ms))
    filled = counts > 0
    found[filled] = sums[filled] / counts[filled] if how == "mean" else sums[filled]
    return found
