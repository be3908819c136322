"""Sites to choose by name: each shows one thing that calibration has to cope with. `opendt data sites` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opendt_streams.errors import BadInput
from opendt_streams.workload.truth.description import SiteTruth

_SIX_HOURS: Final = {"from_hour": 40.5, "for_hours": 6}


def _law(law: str, about: str, **more: Any) -> SiteTruth:
    return SiteTruth(law=law, about=about, **more)


def _fault(kind: str, about: str, **more: Any) -> SiteTruth:
    return SiteTruth.model_validate({"about": about, "faults": [{"kind": kind, **_SIX_HOURS, **more}]})


def _changing(about: str, *changes: Mapping[str, Any], **more: Any) -> SiteTruth:
    return SiteTruth.model_validate({"about": about, "changes": changes, **more})


_IDLE_STEP: Final = {"parameter": "idle", "by": 0.2, "at_hour": 48.25}

SITES: Final[dict[str, SiteTruth]] = {
    "steady": SiteTruth(about="one host group, nothing changes"),
    "groups": SiteTruth(about="four host groups in two clusters behind one meter", host_groups=4, clusters=2),
    "uneven-groups": SiteTruth(about="the same, and groups differ by 15 % in their factors", host_groups=4, clusters=2, spread=0.15),
    "cluster-meters": SiteTruth(
        about="four host groups, a meter per cluster, factors 15 % apart", host_groups=4, clusters=2, meters="cluster", spread=0.15
    ),
    "group-meters": SiteTruth(about="three host groups, a meter each, 15 % apart", host_groups=3, meters="host-group", spread=0.15),
    "linear": _law("linear", "truth is linear in utilisation"),
    "sqrt": _law("sqrt", "truth goes with the root of utilisation"),
    "square": _law("square", "truth goes with the square of utilisation"),
    "cubic": _law("cubic", "truth goes with the cube of utilisation"),
    "mse": _law("mse", "truth is OpenDC's mse with exponent 1.8"),
    "asymptotic": _law("asymptotic", "truth is OpenDC's asymptotic, one-core rule"),
    "datasheet-off": SiteTruth(about="40 % more when idle than the datasheet says, a fifth less with load", idle=1.4, range=0.8),
    "noisy": SiteTruth(about="readings scatter by 2 %", noise=0.02),
    "coarse": SiteTruth(about="a meter in steps of 50 W that repeats itself up to 16 times", resolution_w=50, refresh=0.2, longest_hold=16),
    "step": _changing("idle power steps up by 20 %", _IDLE_STEP),
    "step-down": _changing("idle power steps down by 20 %", _IDLE_STEP | {"by": -0.2}),
    "step-load": _changing("the slope steps up by 20 %", _IDLE_STEP | {"parameter": "slope"}),
    "step-groups": _changing("idle power of all of four groups behind one meter steps up by 20 %", _IDLE_STEP, host_groups=4, clusters=2),
    "drift": _changing("idle power creeps up by 15 % in three days", {"parameter": "idle", "by": 0.15, "at_hour": 12, "until_hour": 84}),
    "mixed": _changing(
        "a step, a drift the other way, and a coarse, noisy meter",
        {"parameter": "idle", "by": 0.15, "at_hour": 30.5},
        {"parameter": "range", "by": -0.1, "at_hour": 36, "until_hour": 90},
        host_groups=2,
        noise=0.01,
        refresh=0.5,
        resolution_w=10,
    ),
    "stuck": _fault("stuck", "the meter hangs for six hours"),
    "zeros": _fault("zeros", "the meter shows 0 W for six hours"),
    "gap": _fault("gap", "no samples for six hours"),
    "spikes": _fault("spikes", "for six hours one sample in twenty is three times too high"),
    "unit": _fault("unit", "for six hours readings are a thousand times too high"),
    "clock": _fault("clock", "for six hours samples are stamped ten minutes late"),
}


def site_named(name: str) -> SiteTruth:
    """
    Raises:
        BadInput: there is none of this name.
    """
    if name not in SITES:
        raise BadInput(f"there is no site {name!r}", expected="one of " + ", ".join(SITES), where="--site")
    return SITES[name]
