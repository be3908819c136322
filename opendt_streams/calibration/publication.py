"""Whether new parameters go out: the publication rule of field guide section 1.1.

A fit on all data is published unless the telemetry is frozen, a number is not finite, the newest minutes speak against the fit
(veto), or nothing would change (deadband). "Only if better on the newest minutes" would cost accuracy: they carry the information.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from opendt_streams.calibration.projection import Projected, Vector
from opendt_streams.model import times
from opendt_streams.model.task import Float64

HELD_OUT_MS: Final = 30 * times.MINUTE
VETO: Final = 1.5
DEADBAND: Final = 0.001
CLEARLY_BEYOND: Final = 1.0
"""Standard deviations by which the data must want to leave the box before that is an alarm."""

_NAMES: Final = ("idle", "busy", "slope")


def held_out_from(instant_ms: int, publish_every_ms: int) -> int:
    """The samples after this time test the fit: the last 30 min, or half of a shorter interval."""
    return instant_ms - min(HELD_OUT_MS, publish_every_ms // 2)


def veto(before_percent: float | None, after_percent: float | None) -> str | None:
    """Why the held-out samples speak against the fit, if they do: its MAPE on them is more than 1.5 times that of what is in force."""
    if before_percent is None or after_percent is None or after_percent <= VETO * before_percent:
        return None
    return f"veto: {after_percent:.2f} % on the newest samples, {before_percent:.2f} % as it is"


def changes_nothing(new_w: Float64, in_force_w: Float64) -> bool:
    """Whether power changes by less than 0.1 % in every row."""
    return bool(np.all(np.abs(new_w - in_force_w) < DEADBAND * np.abs(in_force_w)))


def bound_alarm(projected: Projected, law: str, lower: Vector, upper: Vector, *, shaped: bool) -> str | None:
    """What the data wants beyond the physical bounds, if it clearly does. How far a shape may move at once is no such bound."""
    if projected.distance <= CLEARLY_BEYOND:
        return None
    bounds = {-1: ("lower", lower), 1: ("upper", upper)}
    held = dict.fromkeys(
        f"{_NAMES[i % 3]} at its {bounds[side][0]} bound, {bounds[side][1][i % 3]:g} times the datasheet"
        for i, side in enumerate(projected.sides)
        if side and not (shaped and i % 3 == 1)
    )
    return f"{law}: {'; '.join(held)}" if held else None
