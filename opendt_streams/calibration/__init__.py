"""Calibration: methods behind one port, and the one module of metrics. Pure: only past data, no clock, no Kafka."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opendt_streams.calibration.grid import Grid
from opendt_streams.calibration.least_squares import LeastSquares
from opendt_streams.calibration.off import Off
from opendt_streams.calibration.port import Capabilities, Evidence, Method, Proposal
from opendt_streams.calibration.recursive import Recursive
from opendt_streams.calibration.settings import CalibrationSettings, GridSettings, LeastSquaresSettings
from opendt_streams.errors import BadInput

__all__ = [
    "METHODS",
    "CalibrationSettings",
    "Capabilities",
    "Evidence",
    "GridSettings",
    "LeastSquaresSettings",
    "Method",
    "Proposal",
    "method",
]

METHODS: Final[dict[str, Callable[[CalibrationSettings], Method]]] = {
    "recursive": Recursive,
    "least-squares": LeastSquares,
    "grid": Grid,
    "off": lambda _: Off(),
}


def method(name: str, settings: CalibrationSettings) -> Method:
    """The calibration method of this name.

    Raises:
        BadInput: no such method, or one that the engine in use cannot serve.
    """
    if name not in METHODS:
        raise BadInput(f"there is no calibration method {name!r}", expected="one of " + ", ".join(METHODS))
    return METHODS[name](settings)
