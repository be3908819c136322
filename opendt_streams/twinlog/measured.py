"""The measured power of a row: what `agg_results` shows beside the simulated one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opendt_streams.calibration.pairing import datacenter_power, newest_rows
from opendt_streams.model.power import WHOLE_DATACENTER, PowerSample
from opendt_streams.model.topology import Topology


def measured_w(
    row_ms: Sequence[int], samples: Sequence[PowerSample], topology: Topology | None, sample_interval_ms: int
) -> dict[int, float]:
    """Mean power [W] of the samples that pair with each row: the one at its instant, else those after it and before the next row.

    Samples are in order of time. Rows without a sample have no entry. Without a topology only meters of the whole datacenter can be read.
    """
    if topology is None:
        samples, topology = [s for s in samples if s.meter == WHOLE_DATACENTER], Topology(())
    at_ms, power_w = datacenter_power(samples, topology)
    rows = newest_rows(np.array(row_ms, dtype=np.int64), at_ms, max_age_ms=sample_interval_ms)
    exact: dict[int, float] = {}
    after: dict[int, list[float]] = {}
    for row, t, watts in zip(rows.tolist(), at_ms.tolist(), power_w.tolist(), strict=True):
        if row < 0:
            continue
        if row_ms[row] == t:
            exact[t] = watts
        else:
            after.setdefault(row_ms[row], []).append(watts)
    return {t: sum(values) / len(values) for t, values in after.items()} | exact
