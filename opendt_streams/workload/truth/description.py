"""What is to be true of a made site, as a small YAML file says it. Everything has a default: an empty file is a site too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from opendt_streams.errors import BadInput
from opendt_streams.model.topology import ModelType
from opendt_streams.wire.fields import first_problem
from opendt_streams.workload.sample_bursts import MOST_LOAD

Parameter: TypeAlias = Literal["idle", "range", "busy", "slope"]
FaultKind: TypeAlias = Literal["stuck", "zeros", "gap", "spikes", "unit", "clock"]

MOST_GROUPS: Final = 20
_Hour = Annotated[float, Field(ge=0, le=24 * 366)]
_USUAL_VALUE: Final[dict[str, float]] = {"spikes": 3.0, "unit": 1000.0, "clock": 605.0}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Change(_Part):
    """From `at_hour` on a parameter is `by` (relative) higher; with `until_hour` it gets there slowly, in a straight line.

    `host_groups`: names of those that change; none means all.
    """

    parameter: Parameter = "idle"
    by: Annotated[float, Field(gt=-1, le=10)]
    at_hour: _Hour
    until_hour: _Hour | None = None
    host_groups: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _forward(self) -> Change:
        if self.until_hour is not None and self.until_hour <= self.at_hour:
            raise ValueError(f"until_hour {self.until_hour:g} is not after at_hour {self.at_hour:g}")
        return self


class Fault(_Part):
    """What is wrong with the meters in (from_hour, from_hour + for_hours].

    stuck: the value before is held; zeros: 0 W; gap: nothing; spikes: one sample in twenty is `value` times as high (3);
    unit: all are (1000, or 0.001); clock: samples are stamped `value` seconds late (605).
    `meters`: names such as C01 or C01/thin; none means all.
    """

    kind: FaultKind
    from_hour: _Hour
    for_hours: Annotated[float, Field(gt=0, le=24 * 366)] = 6.0
    value: float | None = None
    meters: tuple[str, ...] = ()

    @property
    def strength(self) -> float:
        return _USUAL_VALUE.get(self.kind, 0.0) if self.value is None else self.value


class SiteTruth(_Part):
    """A site. `idle` and `range` are factors on the datasheet's idle watts and on its range (maximum - idle).

    host_groups, clusters: how many; groups go through four kinds of hardware, clusters share them out.
    meters: one for all, one per cluster, or one per host group.
    law: of the truth. `busy_share` of the range belongs to one busy core (busy-linear), `exponent` is that of mse,
        `asym_util` that of asymptotic (without it 1 / cores).
    load: so many of the cores are asked for on average, in bursts, so that jobs queue; without it no job ever waits.
    spread: standard deviation of the factors from group to group.
    noise: standard deviation of a reading, relative. A sample is a new reading with probability `refresh`, at the latest after
        `longest_hold` samples, and a multiple of `resolution_w`.
    """

    about: str = ""
    days: Annotated[int, Field(ge=1, le=366)] = 4
    hosts: Annotated[int, Field(ge=1, le=20_000)] = 48
    host_groups: Annotated[int, Field(ge=1, le=MOST_GROUPS)] = 1
    clusters: Annotated[int, Field(ge=1, le=MOST_GROUPS)] = 1
    meters: Literal["one", "cluster", "host-group"] = "one"
    law: Literal["busy-linear", "linear", "sqrt", "square", "cubic", "mse", "asymptotic"] = "busy-linear"
    idle: Annotated[float, Field(gt=0, le=10)] = 1.08
    range: Annotated[float, Field(gt=0, le=10)] = 1.0
    busy_share: Annotated[float, Field(ge=0, le=1)] = 0.26
    exponent: Annotated[float, Field(ge=1, le=2)] = 1.8
    asym_util: Annotated[float, Field(gt=0, le=10)] | None = None
    load: Annotated[float, Field(gt=0, le=MOST_LOAD)] | None = None
    spread: Annotated[float, Field(ge=0, le=0.3)] = 0.02
    noise: Annotated[float, Field(ge=0, le=0.2)] = 0.005
    refresh: Annotated[float, Field(gt=0, le=1)] = 1.0
    longest_hold: Annotated[int, Field(ge=1, le=20)] = 12
    resolution_w: Annotated[float, Field(ge=0.001, le=1e6)] = 0.1
    changes: tuple[Change, ...] = ()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _coherent(self) -> SiteTruth:
        if self.clusters > self.host_groups:
            raise ValueError(f"{self.clusters} clusters for {self.host_groups} host_groups; expected a group for each")
        if self.hosts < self.host_groups:
            raise ValueError(f"{self.hosts} hosts for {self.host_groups} host_groups; expected a host for each")
        if self.law != "busy-linear" and any(c.parameter in ("busy", "slope") for c in self.changes):
            raise ValueError(f"the law {self.law} has no parameter busy or slope; expected idle or range")
        return self

    @property
    def model_type(self) -> ModelType:
        return self.law


def read_truth(path: Path) -> SiteTruth:
    """
    Raises:
        BadInput: names the key that is wrong.
    """
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput("there is no such file", expected="the description of a site (YAML)", where=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"this is not YAML ({' '.join(str(error).split())})", expected="a YAML mapping", where=str(path)) from None
    return of_document({} if document is None else document, str(path))


def of_document(document: object, where: str) -> SiteTruth:
    """
    Raises:
        BadInput: names the key that is wrong.
    """
    try:
        return SiteTruth.model_validate(document)
    except ValidationError as error:
        problem = first_problem(error)
        keys = ", ".join(SiteTruth.model_fields)
        raise BadInput(problem.what, expected=f"the keys of a site ({keys})", where=f"{where}, {problem.where or 'top'}") from None
