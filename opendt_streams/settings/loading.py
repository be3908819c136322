"""Where settings come from: the defaults, a file of the user's, the environment, flags; the later wins, and each value knows its origin."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from opendt_streams.errors import BadConfiguration
from opendt_streams.opendt_config import is_opendt, translate
from opendt_streams.resources import resource
from opendt_streams.settings.fields import FOREVER, duration_text
from opendt_streams.settings.sections import Settings

ENV_PREFIX: Final = "OPENDT_"


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
    sources = [_defaults()]
    notes: tuple[str, ...] = ()
    if config is not None:
        document = _read_yaml(config)
        if is_opendt(document):
            translation = translate(document, str(config), os.environ)
            document, notes = _nested(translation.settings), translation.notes
        sources.append((str(config), document))
    sources.append(("environment", _environment()))
    sources.append(("flag", _nested({k: v for k, v in (flags or {}).items() if v is not None})))
    settings, origins = _merge(sources)
    return Loaded(settings, origins, notes)


def of_document(document: Mapping[str, Any], origin: str) -> Settings:
    """The settings that a document of `effective_document` describes, whatever file, environment and flags say now.

    Raises:
        BadConfiguration: as `load` does.
    """
    return _merge([_defaults(), (origin, dict(document))])[0]


def _defaults() -> tuple[str, dict[str, Any]]:
    return "default", _read_yaml(resource("config/default.yaml"))


def _merge(sources: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Settings, dict[str, str]]:
    """Settings, and for each dotted key the origin that set it; later sources win."""
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
    return settings, origins


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
    if settings.engine.needs_opendc:
        _check_opendc(settings)
    if settings.workload.max_ahead < settings.calibrator.publish_every:
        raise BadConfiguration("workload.max_ahead is shorter than calibrator.publish_every, so the replay would wait for itself")


def _check_opendc(settings: Settings) -> None:
    if settings.simulator.sample_interval % 1000:
        raise BadConfiguration("simulator.sample_interval is not a whole number of seconds, as the real OpenDC needs it")
    if settings.simulator.policy == "Random":
        raise BadConfiguration("the real OpenDC draws otherwise with the policy Random than the native engine, which keeps the state")


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
