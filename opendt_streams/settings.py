"""Settings: one YAML with every default, a file of the user's, the environment, flags; the later wins, and each value knows its origin."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from opendt_streams.errors import BadConfiguration, BadInput
from opendt_streams.model import times
from opendt_streams.opendt_config import is_opendt, translate
from opendt_streams.resources import resource
from opendt_streams.windows.grid import Grid

ENV_PREFIX: Final = "OPENDT_"
FOREVER: Final = -1

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNITS_MS: Final = {"ms": 1, "s": times.SECOND, "m": times.MINUTE, "h": times.HOUR, "d": times.DAY}


def _duration_ms(value: object) -> object:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is not a duration; expected a number with ms, s, m, h or d, such as 5m")
        milliseconds = float(match[1]) * _UNITS_MS[match[2]]
        if not milliseconds.is_integer() or milliseconds == 0:
            raise ValueError(f"{value!r} is not a whole, positive number of milliseconds")
        return int(milliseconds)
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; expected a number with ms, s, m, h or d, such as {value}s")  # noqa: TRY004
    return value


def duration_text(milliseconds: int) -> str:
    """The shortest text that means this many milliseconds."""
    unit = next(u for u in ("d", "h", "m", "s", "ms") if milliseconds % _UNITS_MS[u] == 0)
    return f"{milliseconds // _UNITS_MS[unit]}{unit}"


def _retention_ms(value: object) -> object:
    return FOREVER if value == "forever" else _duration_ms(value)


def _retention_text(milliseconds: int) -> str:
    return "forever" if milliseconds == FOREVER else duration_text(milliseconds)


def _speed(value: object) -> object:
    if value == "max":
        return None
    number = float(value) if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < 1e9:
        raise ValueError(f"{value!r} is not a speed; expected max, or simulated seconds per second (more than 0)")
    return float(number)


def _until_ms(value: object) -> object:
    if value is None:
        return None
    try:
        return times.parse(value)
    except BadInput as error:
        raise ValueError(str(error)) from None


Duration = Annotated[int, BeforeValidator(_duration_ms), PlainSerializer(duration_text)]
Retention = Annotated[int, BeforeValidator(_retention_ms), PlainSerializer(_retention_text)]
Speed = Annotated[float | None, BeforeValidator(_speed), PlainSerializer(lambda v: "max" if v is None else v)]
Until = Annotated[int | None, BeforeValidator(_until_ms), PlainSerializer(lambda v: None if v is None else times.iso(v))]
# Part of topic names, file names and ids: what Kafka takes in a topic name, and no separator of ours.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")]
    partitions: Annotated[int, Field(ge=1, le=1000)]
    replication_factor: Annotated[int, Field(ge=1, le=10)]
    datacenter_retention: Retention

    def topic(self, name: str) -> str:
        """The name that a topic has on the broker."""
        return f"{self.namespace}.{name}" if self.namespace else name


class WorkloadSettings(Section):
    directory: Path | None
    speed: Speed
    heartbeat: Duration
    power_batch: Duration
    max_ahead: Duration
    until: Until


class SimulatorSettings(Section):
    window: Duration
    sample_interval: Duration
    policy: str
    snapshot_every: Duration


class EngineSection(Section):
    name: Literal["native"]
    semantics: Literal["2.4f", "2.4g+"]


class CalibratorSettings(Section):
    method: Literal["recursive", "off"]
    publish_every: Duration
    max_wait: Duration


class StreamSettings(Section):
    max_jump: Duration
    dedup_horizon: Duration


class Settings(Section):
    """The effective settings. Durations are integers of milliseconds."""

    datacenter: Name | None
    broker: str | None
    kafka: KafkaSettings
    workload: WorkloadSettings
    simulator: SimulatorSettings
    engine: EngineSection
    calibrator: CalibratorSettings
    stream: StreamSettings

    @property
    def grid(self) -> Grid:
        return Grid(
            window_ms=self.simulator.window,
            sample_interval_ms=self.simulator.sample_interval,
            publish_every_ms=self.calibrator.publish_every,
            max_jump_ms=self.stream.max_jump,
            dedup_horizon_ms=self.stream.dedup_horizon,
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, for each dotted key the source that set it, and what people should know about the file."""

    settings: Settings
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()


def load(config: Path | None = None, flags: Mapping[str, object] | None = None) -> Loaded:
    """Defaults, then the file (ours or OpenDT's), then the environment, then flags (dotted keys; None means not given).

    Raises:
        BadConfiguration: names the key, where it was set, and the nearest valid one if there is none of that name.
    """
    sources: list[tuple[str, dict[str, Any]]] = [("default", _read_yaml(resource("config/default.yaml")))]
    notes: tuple[str, ...] = ()
    if config is not None:
        document = _read_yaml(config)
        if is_opendt(document):
            translation = translate(document, str(config), os.environ)
            document, notes = _nested(translation.settings), translation.notes
        sources.append((str(config), document))
    sources.append(("environment", _environment()))
    sources.append(("flag", _nested({k: v for k, v in (flags or {}).items() if v is not None})))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, document in sources:
        for key, value in _leaves(document):
            if value is None and key in _sections():  # its keys are all commented out
                continue
            _require_known(key, origin)
            _put(merged, key, value)
            origins[key] = origin
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(str(p) for p in problem["loc"])
        raise BadConfiguration(problem["msg"].removeprefix("Value error, "), where=f"{key} ({origins.get(key, 'settings')})") from None
    _check(settings)
    return Loaded(settings, origins, notes)


def effective_document(settings: Settings) -> dict[str, Any]:
    """What a file would have to say to give these settings."""
    return settings.model_dump(mode="json")


def effective_values(settings: Settings) -> dict[str, Any]:
    """The same by dotted keys."""
    return dict(_leaves(effective_document(settings)))


def _check(settings: Settings) -> None:
    _ = settings.grid  # its lengths must divide each other
    retention = settings.kafka.datacenter_retention
    if retention != FOREVER and retention <= settings.stream.dedup_horizon:
        raise BadConfiguration(
            f"kafka.datacenter_retention ({duration_text(retention)}) is not longer than stream.dedup_horizon "
            f"({duration_text(settings.stream.dedup_horizon)})",
            hint="A restart must find in the topics what its state refers to.",
        )
    if settings.workload.max_ahead < settings.calibrator.publish_every:
        raise BadConfiguration("workload.max_ahead is shorter than calibrator.publish_every, so the replay would wait for itself")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfiguration(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"not YAML: {' '.join(str(error).split())}", where=str(path)) from None
    if not isinstance(document, dict | None):
        raise BadConfiguration(f"{type(document).__name__} at the top", expected="sections and keys", where=str(path))
    return document or {}


def _environment() -> dict[str, Any]:
    """OPENDT_SECTION__KEY and OPENDT_KEY; empty ones are not given. Variables of other names are not settings."""
    flat: dict[str, object] = {}
    for name, value in sorted(os.environ.items()):
        key = name.removeprefix(ENV_PREFIX).lower().replace("__", ".")
        if name.startswith(ENV_PREFIX) and value and ("." in key or key in valid_keys() | _sections()):
            _require_known(key, f"environment variable {name}")
            flat[key] = value
    return _nested(flat)


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _nested(flat: Mapping[str, object]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in flat.items():
        _put(document, key, value)
    return document


def _put(document: dict[str, Any], key: str, value: object) -> None:
    *sections, name = key.split(".")
    for section in sections:
        document = document.setdefault(section, {})
    document[name] = value


def _require_known(key: str, origin: str) -> None:
    valid = valid_keys()
    if key in valid:
        return
    if key in _sections():
        raise BadConfiguration(
            f"{key!r} is a section", expected=f"a key below it, such as {min(k for k in valid if k.startswith(key))}", where=origin
        )
    last_parts = {k.rsplit(".", 1)[-1]: k for k in valid}
    near = difflib.get_close_matches(key, valid, n=1, cutoff=0.4)
    near += [last_parts[part] for part in difflib.get_close_matches(key.rsplit(".", 1)[-1], last_parts, n=1)]
    hint = f"Did you mean {near[0]}?" if near else "`opendt config show` lists all keys."
    raise BadConfiguration(f"unknown key {key!r}", where=origin, hint=hint)


@cache
def valid_keys() -> frozenset[str]:
    """All dotted keys: those of the defaults, which are complete."""
    return frozenset(key for key, _ in _leaves(_read_yaml(resource("config/default.yaml"))))


@cache
def _sections() -> frozenset[str]:
    return frozenset(key.partition(".")[0] for key in valid_keys() if "." in key)
