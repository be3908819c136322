"""Watts of one host as a function of its CPU demand: the one place where the formulas of the power models are written.

Formulas: opendc-semantics section 8 (OpenDC's seven); `busy-linear`: DESIGN section 5. Engines and calibration both evaluate these.
"""

from __future__ import annotations

import numpy as np

from opendt_streams.errors import BadInput
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import PowerModel


def utilisation(demand_mhz: Float64, capacity_mhz: float) -> Float64:
    """u = min(D/C, 1), elementwise, and never below 0: a tiny negative demand from float drift must not reach a fractional power."""
    return np.clip(demand_mhz / capacity_mhz, 0.0, 1.0)


def watts(model: PowerModel, demand_mhz: Float64, cores: int, capacity_mhz: float) -> Float64:
    """Power of one host [W] at each demand [MHz]; same shape as `demand_mhz`.

    `cores` and `capacity_mhz` are those of the host; only `busy-linear` reads `cores` (its knee is one busy core).

    Raises:
        BadInput: `asymptotic` with asym_util 0, which has no value at u = 0.
    """
    u = utilisation(np.asarray(demand_mhz, dtype=np.float64), capacity_mhz)
    idle = model.idle_power_w
    dynamic = model.max_power_w - idle
    match model.model_type:
        case "constant":
            return np.full_like(u, model.power_w)
        case "sqrt":
            return idle + dynamic * np.sqrt(u)
        case "linear":
            return idle + dynamic * u
        case "square":
            return idle + dynamic * (u * u)
        case "cubic":
            return idle + dynamic * (u * u * u)
        case "mse":
            return idle + dynamic * (2.0 * u - np.power(u, model.calibration_factor))
        case "asymptotic":
            if not model.asym_util > 0:
                raise BadInput("the power model asymptotic has no value with asymUtil 0", expected="asymUtil above 0")
            x = u * u * u if model.dvfs else u
            return idle + dynamic / 2.0 * (1.0 + x - np.exp(-x / model.asym_util))
        case "busy-linear":
            return idle + model.busy_power_w * np.minimum(1.0, cores * u) + model.slope_power_w * u
