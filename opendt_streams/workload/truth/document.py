"""truth.json: what is true of a made site, so that whoever calibrated it can be told how far off that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from opendt_streams.errors import BadInput
from opendt_streams.model.power import Meter
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import ModelType, PowerModel
from opendt_streams.wire.fields import first_problem

TRUTH: Final = "truth.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class TrueGroup:
    """What a host of the group draws: the parameters [W] by name at `time_ms` (ascending), in a straight line in between."""

    cluster: str
    host_group: str
    hosts: int
    model_type: ModelType
    exponent: float
    asym_util: float
    time_ms: tuple[int, ...]
    watts: Mapping[str, tuple[float, ...]]

    def parameter_w(self, name: str, time_ms: Int64) -> Float64:
        """The parameter at each time; 0 for one that the law does not have."""
        if name not in self.watts:
            return np.zeros(len(time_ms))
        return np.asarray(np.interp(time_ms, self.time_ms, self.watts[name]), dtype=np.float64)

    def shapes(self) -> dict[str, PowerModel]:
        """What one watt of each parameter adds, as power models: their sum, weighted, is the law. Idle watts go to idle and busy hosts."""
        if self.model_type == "busy-linear":
            return {
                "busyPower": PowerModel("busy-linear", 0.0, busy_power_w=1.0),
                "slopePower": PowerModel("busy-linear", 0.0, slope_power_w=1.0),
            }
        return {"range": PowerModel(self.model_type, 0.0, 1.0, calibration_factor=self.exponent, asym_util=self.asym_util, dvfs=False)}

    def weights_w(self, time_ms: Int64) -> dict[str, Float64]:
        """The watts by which `shapes` are multiplied at each time."""
        if self.model_type == "busy-linear":
            return {name: self.parameter_w(name, time_ms) for name in ("busyPower", "slopePower")}
        return {"range": self.parameter_w("maxPower", time_ms) - self.parameter_w("idlePower", time_ms)}

    def model_at(self, time_ms: int) -> PowerModel:
        """The law as it is at one time."""
        at = np.array([time_ms])
        idle, peak, busy, slope = (float(self.parameter_w(n, at)[0]) for n in ("idlePower", "maxPower", "busyPower", "slopePower"))
        if self.model_type == "busy-linear":
            return PowerModel("busy-linear", idle, max_power_w=0.0, busy_power_w=busy, slope_power_w=slope)
        return PowerModel(self.model_type, idle, peak, calibration_factor=self.exponent, asym_util=self.asym_util, dvfs=False)


@dataclass(frozen=True, slots=True)
class TrueChange:
    """A step (`until_ms` one after `from_ms`) or a drift of a parameter, relative to what it was at first."""

    parameter: str
    from_ms: int
    until_ms: int
    by: float
    host_groups: tuple[str, ...]

    @property
    def is_step(self) -> bool:
        return self.until_ms - self.from_ms <= 1


@dataclass(frozen=True, slots=True)
class TrueFault:
    """What was wrong with these meters for from_ms < t <= until_ms."""

    kind: str
    from_ms: int
    until_ms: int
    value: float
    meters: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """The whole of truth.json. `description` is what the site was made from."""

    seed: int
    start_ms: int
    noise: float
    meters: tuple[Meter, ...]
    host_groups: tuple[TrueGroup, ...]
    changes: tuple[TrueChange, ...]
    faults: tuple[TrueFault, ...]
    description: Mapping[str, Any]
    noise_floor_percent: float | None = None  # files of earlier versions do not say it


def truth_document(truth: Truth) -> dict[str, Any]:
    return {"format": FORMAT, **asdict(truth)}


def load_truth(directory: Path) -> Truth | None:
    """The truth of a workload directory, None where it is not known.

    Raises:
        BadInput: the file is not one that `opendt data sample` wrote.
    """
    path = directory / TRUTH
    if not path.exists():
        return None
    try:
        raw = path.read_bytes()
        _Format.model_validate_json(raw)
        truth = _TRUTH.validate_json(raw)
    except OSError as error:
        raise BadInput(f"not readable: {error.strerror}", expected=_OURS, where=str(path)) from None
    except ValidationError as error:
        found = first_problem(error)
        problem = f"{found.where}: {found.what}" if found.where else found.what
        raise BadInput(f"this does not say what is true of the site ({problem})", expected=_OURS, where=str(path)) from None
    for group in truth.host_groups:
        knots, watts = list(group.time_ms), list(group.watts.values())
        fits = knots and all(len(w) == len(knots) and np.isfinite(w).all() for w in watts) and knots == sorted(set(knots))
        if not fits:
            raise BadInput(f"the parameters of {group.host_group} do not fit their times", expected=_OURS, where=str(path))
    return truth


class _Format(BaseModel):
    format: Literal[1]


_TRUTH: Final = TypeAdapter(Truth)
_OURS: Final = "the file as `opendt data sample` wrote it"
