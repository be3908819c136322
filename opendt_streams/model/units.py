"""Quantities as OpenDC's files write them: bare numbers in MHz, MiB and W, or text with a unit such as "3.2 GHz"."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from typing import Final

from opendt_streams.errors import BadInput

_QUANTITY: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]+)\s*")

_FREQUENCY_MHZ: Final = {"hz": 1e-6, "khz": 1e-3, "mhz": 1.0, "ghz": 1e3, "thz": 1e6}
_POWER_W: Final = {"mw": 1e-3, "w": 1.0, "kw": 1e3, "gw": 1e9}
_MIB_BYTES: Final = 1024**2
_MEMORY_MIB: Final = {
    "b": 1 / _MIB_BYTES,
    **{f"{p}ib": 1024.0**n / _MIB_BYTES for n, p in enumerate("kmgt", start=1)},
    **{f"{p}b": 1000.0**n / _MIB_BYTES for n, p in enumerate("kmgt", start=1)},
}


def is_finite(number: float) -> bool:
    """Also for integers that no float can hold."""
    return -sys.float_info.max <= number <= sys.float_info.max


def megahertz(value: object) -> float:
    return _quantity(value, _FREQUENCY_MHZ, "a frequency: a number of MHz, or text such as '3.2 GHz'")


def watts(value: object) -> float:
    megawatts = isinstance(value, str) and value.strip().endswith("MW")  # the one unit whose case matters: mW against MW
    return _quantity(value, _POWER_W | {"mw": 1e6} if megawatts else _POWER_W, "a power: a number of watts, or text such as '0.4 KW'")


def mebibytes(value: object) -> int:
    """Whole MiB; OpenDC cuts the fraction off (opendc-semantics section 4)."""
    return int(_quantity(value, _MEMORY_MIB, "a memory size: a number of MiB, or text such as '64 GiB'"))


def _quantity(value: object, units: Mapping[str, float], expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise BadInput(f"{value!r} is not a quantity", expected=expected)
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value)
        if match is None or match[2].lower() not in units:
            raise BadInput(f"{value!r} is not a quantity", expected=expected)
        number = float(match[1]) * units[match[2].lower()]
    else:
        number = float(value) if is_finite(value) else math.nan
    if not math.isfinite(number):
        raise BadInput(f"{value!r} is not finite", expected=expected)
    return number
