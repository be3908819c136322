"""Amounts in words, in the unit in which their size reads well; what is unknown is a dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

UNKNOWN: Final = "-"
_MJ_PER_KWH: Final = 3.6
_ENERGY: Final = {"kWh": 1.0, "Wh": 1e-3, "mWh": 1e-6}
_JOULES: Final = {"TJ": 1e6, "GJ": 1e3, "MJ": 1.0, "kJ": 1e-3, "J": 1e-6, "mJ": 1e-9}
_CARBON: Final = {"kg": 1.0, "g": 1e-3, "mg": 1e-6}
_LEAST: Final = 0.1  # of a unit, before the next smaller one reads better


def energy_text(kwh: float | None) -> str:
    """22.6 kWh (81.5 MJ)."""
    return UNKNOWN if kwh is None else f"{_scaled(kwh, _ENERGY, _LEAST)} ({_scaled(kwh * _MJ_PER_KWH, _JOULES, 1.0)})"


def carbon_text(kg: float | None) -> str:
    """5.74 kg CO2."""
    return UNKNOWN if kg is None else f"{_scaled(kg, _CARBON, _LEAST)} CO2"


def unknown_carbon(clusters: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the carbon of a total is unknown, and what is known: "no carbon trace of C02; C01 5.74 kg CO2"; empty where all is known."""
    missing = [name for name, amounts in clusters.items() if amounts["carbon_kg"] is None]
    known = [f"{name} {carbon_text(amounts['carbon_kg'])}" for name, amounts in clusters.items() if name not in missing]
    return "; ".join([f"no carbon trace of {', '.join(missing)}", *known]) if missing else ""


def number_text(value: float) -> str:
    """Three digits after the point; what is small keeps its first ones."""
    return f"{value:,.3f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def _scaled(value: float, units: Mapping[str, float], least: float) -> str:
    """In the largest unit of which it is at least `least`; the smallest one for what is smaller than that."""
    unit = next((u for u, size in units.items() if abs(value) >= least * size), list(units)[-1])
    if not value:
        unit = next(u for u, size in units.items() if size == 1)
    shown = value / units[unit]
    return f"{shown:,.1f} {unit}" if abs(shown) >= 10 or not value else f"{shown:.3g} {unit}"
