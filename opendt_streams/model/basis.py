"""Power and energy of a host group from its utilisation basis, for any power parameters, without simulating.

OpenDC's power depends on demand alone (opendc-semantics section 14.4), so hosts per distinct demand and milliseconds per distinct
demand say everything. Sums run in the order of the basis (`bincount` and `cumsum` add one element after the other).
"""

from __future__ import annotations

import numpy as np

from opendt_streams.model.power_models import watts
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import PowerModel


def basis_power_w(basis: GroupBasis, model: PowerModel) -> Float64:
    """Power of the whole group [W], one value per row of the window, shape (rows,)."""
    rows = len(basis.demand_mhz)
    row = np.repeat(np.arange(rows), [len(d) for d in basis.demand_mhz])
    demand = np.array([x for d in basis.demand_mhz for x in d], dtype=np.float64)
    hosts = np.array([n for c in basis.host_count for n in c], dtype=np.float64)
    idle = basis.hosts - np.bincount(row, weights=hosts, minlength=rows)
    busy_w = np.bincount(row, weights=hosts * watts(model, demand, basis.cores, basis.capacity_mhz), minlength=rows)
    return np.asarray(idle * _idle_w(basis, model) + busy_w, dtype=np.float64)


def basis_energy_j(basis: GroupBasis, model: PowerModel, window_ms: int) -> float:
    """Energy of the whole group over the window of `window_ms` milliseconds [J]."""
    host_ms = np.array(basis.window_host_ms, dtype=np.float64)
    demand = np.array(basis.window_demand_mhz, dtype=np.float64)
    idle_ms = basis.hosts * window_ms - sum(basis.window_host_ms)
    each_j = host_ms * 0.001 * watts(model, demand, basis.cores, basis.capacity_mhz)
    return idle_ms * 0.001 * _idle_w(basis, model) + (float(np.cumsum(each_j)[-1]) if len(each_j) else 0.0)


def _idle_w(basis: GroupBasis, model: PowerModel) -> float:
    return float(watts(model, np.zeros(1), basis.cores, basis.capacity_mhz)[0])
