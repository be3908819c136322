"""Power laws that can be fitted, each linear in three factors on datasheet watts, and the power model that publishes it.

A host at utilisation u draws idle x idle_w + slope x range_w x curve(u) + second x range_w x f(u), where idle_w and range_w are the
datasheet's and (idle, second, slope) are fitted. For `busy-linear`, second is the busy part and f the one-core knee. `mse` and
`asymptotic` have a shape (exponent, asymUtil) that is not linear: there f is the curve's derivative by the shape's logarithm, so that
second is slope x (change of the logarithm): an extended Kalman filter, whose point of expansion moves on at every instant. The other
models have no second part. Which law it is, is chosen by evidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np

from opendt_streams.calibration.port import Capabilities
from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.references import Reference
from opendt_streams.errors import BadInput
from opendt_streams.model.power_models import watts
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import ModelType, PowerModel

DATASHEET: Final = "datasheet"
EXPONENTS: Final = (1.05, 20.0)
ASYM_UTILS: Final = (0.01, 2.0)
"""Where shapes stay: beyond, the curves hardly change any more."""
LEAST_SHAPE, MOST_SHAPE = 1e-6, 1e6
"""Beyond these a shape would be 0 in the resolution of the topic, or grow without end."""
FARTHEST: Final = 0.5
"""How far the logarithm of a shape may move at one instant: as far as its derivative says something."""

Columns: TypeAlias = tuple[Float64, Float64 | None]


class Load:
    """Utilisations of hosts, and what laws need of them, each worked out once."""

    def __init__(self, u: Float64) -> None:
        self.u = u

    @cached_property
    def root(self) -> Float64:
        return np.sqrt(self.u)

    @cached_property
    def cube(self) -> Float64:
        return self.u * self.u * self.u

    @cached_property
    def log(self) -> Float64:
        return np.log(np.maximum(self.u, 1e-300))


@dataclass(frozen=True, slots=True)
class Law:
    """`shape` is where fits begin: the exponent of `mse`, asymUtil of `asymptotic`, in cores if `per_core`. The law `datasheet` (no type)
    has each host group's own curve."""

    model_type: ModelType | None
    shape: float | None = None
    dvfs: bool = False
    per_core: bool = False

    @property
    def name(self) -> str:
        """Of all laws different."""
        if self.model_type is None:
            return DATASHEET
        words = [self.model_type, *([f"{self.shape:g}"] if self.shape is not None else [])]
        return " ".join(words + ["core"] * self.per_core + ["dvfs"] * self.dvfs)

    @property
    def has_second(self) -> bool:
        return self.model_type == "busy-linear" or self.shape is not None

    @property
    def prior_scale(self) -> Vector:
        """How many times as wide as the usual prior that of a factor is: nobody knows a shape beforehand."""
        return (1.0, 6.0, 1.0) if self.shape is not None else (1.0, 1.0, 1.0)

    def box(self, shape: float) -> tuple[Vector, Vector]:
        """Physical bounds (field guide section 1.1): for SURF 15-60 W idle, 0-89 W busy and 60-201 W slope; one curve bears both."""
        if self.model_type == "busy-linear":
            return (0.6, 0.0, 0.4), (2.4, 0.6, 1.35)
        if self.shape is None:
            return (0.6, 0.0, 0.4), (2.4, 0.0, 1.95)
        least, most = EXPONENTS if self.model_type == "mse" else ASYM_UTILS
        low, high = (round(math.log(bound / shape), 6) for bound in (least, most))
        return (0.6, min(max(low, -FARTHEST), 0.0), 0.4), (2.4, max(min(high, FARTHEST), 0.0), 1.95)

    def columns(self, load: Load, cores: int, reference: Reference, shape: float) -> Columns:
        """(curve, f) at each utilisation: what a host draws above idle as a share of its range, by slope and by second; both 0 at u = 0."""
        u = load.u
        match self.model_type:
            case "busy-linear":
                return u, np.minimum(1.0, cores * u)
            case "linear":
                return u, None
            case "sqrt":
                return load.root, None
            case "square":
                return u * u, None
            case "cubic":
                return load.cube, None
            case "mse":
                power = np.exp(shape * load.log)
                return 2.0 * u - power, -shape * load.log * power
            case "asymptotic":
                x = load.cube if self.dvfs else u
                steep = x * ((cores if self.per_core else 1.0) / shape)
                rest = np.exp(-steep)
                return 0.5 * (1.0 + x - rest), -0.5 * steep * rest
            case None:
                own = watts(reference.model, np.concatenate([np.zeros(1), u]), cores, 1.0)
                return np.asarray((own[1:] - own[0]) / reference.range_w), None
            case other:
                raise AssertionError(f"{other} has no curve")

    def moved(self, shape: float, factors: Vector) -> float:
        """The shape that these factors mean, in the resolution of the topic. Hour after hour of data that fit no curve never lead it to 0,
        which is no shape."""
        if self.shape is None:
            return shape
        moved = shape * math.exp(min(max(factors[1] / max(factors[2], 0.2), -FARTHEST), FARTHEST))
        return min(max(round(moved, 6), LEAST_SHAPE), MOST_SHAPE)

    def model(self, reference: Reference, factors: Vector, shape: float, cores: int) -> PowerModel:
        """The power model of a host group at these factors, in the resolution of the topic."""
        idle, second, slope = factors
        idle_w, slope_w = round(idle * reference.idle_w, 6), round(slope * reference.range_w, 6)
        own = reference.model
        match self.model_type:
            case "busy-linear":
                return _busy_linear(idle_w, second * reference.range_w, slope_w)
            case None if own.model_type == "busy-linear":
                return _busy_linear(idle_w, slope * own.busy_power_w, slope * own.slope_power_w)
            case None:
                span = slope * (own.max_power_w - own.idle_power_w)  # of which the asymptotic model's range is not quite all
                return _model(own.model_type, idle_w, round(idle_w + span, 6), own.calibration_factor, own.asym_util, own.dvfs)
            case "asymptotic":
                asym_util = self.moved(shape, factors) / (cores if self.per_core else 1)
                return _model("asymptotic", idle_w, round(idle_w + slope_w, 6), 1.0, max(round(asym_util, 6), LEAST_SHAPE), self.dvfs)
            case kind:
                exponent = self.moved(shape, factors) if self.shape is not None else 1.0
                return _model(kind, idle_w, round(idle_w + slope_w, 6), exponent, 0.0, True)


LAWS: Final[tuple[Law, ...]] = (
    Law("busy-linear"),
    Law("asymptotic", 1.0, per_core=True),
    Law(None),
    Law("linear"),
    Law("sqrt"),
    Law("square"),
    Law("cubic"),
    Law("mse", 1.5),
    Law("mse", 3.0),
    Law("mse", 7.0),
    Law("asymptotic", 0.1),
    Law("asymptotic", 0.4),
    Law("asymptotic", 0.1, dvfs=True),
    Law("asymptotic", 0.4, dvfs=True),
)
"""In order of preference: where they predict equally well the first one is taken."""


def laws_for(capabilities: Capabilities) -> tuple[Law, ...]:
    """The laws whose models the engine runs.

    Raises:
        BadInput: it runs none of them.
    """
    found = tuple(law for law in LAWS if law.model_type is None or law.model_type in capabilities.power_models)
    if len(found) < 2:  # the datasheet's own may be any
        raise BadInput(
            "this engine runs no power model that can be fitted",
            expected="one of " + ", ".join(dict.fromkeys(law.model_type for law in LAWS if law.model_type)),
            hint="Use another engine, or --calibration off.",
        )
    return found


def _busy_linear(idle_w: float, busy_w: float, slope_w: float) -> PowerModel:
    return PowerModel("busy-linear", idle_w, 0.0, busy_power_w=round(busy_w, 6), slope_power_w=round(slope_w, 6))


def _model(kind: ModelType, idle_w: float, max_w: float, exponent: float, asym_util: float, dvfs: bool) -> PowerModel:
    return PowerModel(kind, idle_w, max_w, calibration_factor=exponent, asym_util=asym_util, dvfs=dvfs)
