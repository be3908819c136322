"""OpenDT's own experiment files as settings of ours (opendt-compat section 5).

What a file leaves out has OpenDT's default, so that it means here what it means there. What has no counterpart is a note, or,
where results would differ silently, an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from opendt_streams.errors import BadConfiguration

WORKLOAD_DIR: Final = "WORKLOAD_DIR"  # OpenDT's environment variable for the folder that workloads are in
_SECTIONS: Final = ("global", "services", "kafka")


@dataclass(frozen=True, slots=True)
class Translation:
    """Dotted keys of ours with their values, and what people should know about the rest."""

    settings: dict[str, object]
    notes: tuple[str, ...]


def is_opendt(document: Mapping[str, Any]) -> bool:
    """Whether a settings document is one of OpenDT's: ours has neither of these sections."""
    return "global" in document or "services" in document


def translate(document: Mapping[str, Any], origin: str, environment: Mapping[str, str]) -> Translation:
    """The settings that OpenDT's document asks for.

    Raises:
        BadConfiguration: names the key (and `origin`, the file) that has a value which OpenDT refuses or which cannot be followed.
    """
    file = _File(document, origin)
    nodes = file.number("services.simulator.background_load_nodes", 0)
    if nodes != 0:
        raise BadConfiguration(
            f"{nodes} nodes are set aside for background load",
            expected="0",
            where=file.where("services.simulator.background_load_nodes"),
            hint="Lower the host count in the workload's topology.json instead.",
        )
    settings: dict[str, object] = {
        "workload.speed": _speed(file),
        "workload.heartbeat": _minutes(file, "services.dc-mock.heartbeat_frequency_minutes", 1),
        "simulator.window": _minutes(file, "services.simulator.simulation_frequency_minutes", 15),
    } | _method(file)
    if (name := file.take("services.dc-mock.workload", None)) is not None:
        settings["workload.directory"] = _directory(file, name, environment)
    if file.below("kafka.topics"):
        file.notes.append(
            "kafka.topics is ignored: names are fixed, and how long topics are kept is kafka.datacenter_retention of our own files"
        )
    file.notes += [f"{key} is ignored: OpenDT has no such key" for key in file.below("")]
    return Translation(settings, tuple(file.notes))


def _speed(file: _File) -> object:
    key = "global.speed_factor"
    factor = file.number(key, 10)
    if factor != -1 and factor <= 0:
        raise BadConfiguration(f"{factor} is not a speed", expected="more than 0, or -1 for no waiting", where=file.where(key))
    return "max" if factor == -1 else factor


def _minutes(file: _File, key: str, default: int) -> str:
    minutes = file.number(key, default)
    if minutes <= 0:
        raise BadConfiguration(f"{minutes} is not a number of minutes", expected="more than 0", where=file.where(key))
    return f"{minutes}m"


def _method(file: _File) -> dict[str, object]:
    """Calibration: OpenDT's grid search where it is on. Legacy `asym_util_*` override what they name, as they do there."""
    key, section = "global.calibration_enabled", "services.calibrator"
    enabled = file.take(key, False)
    if not isinstance(enabled, bool):
        raise BadConfiguration(f"{enabled!r} is not a truth value", expected="true or false", where=file.where(key))
    if not enabled:
        if file.below(section):
            file.notes.append(f"{section} is ignored: global.calibration_enabled is false")
        return {"calibrator.method": "off"}
    found = file.take(f"{section}.calibrated_property", "cpuPowerModel.asymUtil")
    if not isinstance(found, str):
        raise BadConfiguration(f"{found!r} is not a property", expected="a dotted path", where=file.where(f"{section}.calibrated_property"))
    range_ = {
        "min_value": file.number(f"{section}.min_value", 0.1),
        "max_value": file.number(f"{section}.max_value", 0.9),
        "points": file.number(f"{section}.linspace_points", 9),
    }
    for name, legacy in (("min_value", "min"), ("max_value", "max"), ("points", "points")):
        range_[name] = file.number(f"{section}.asym_util_{legacy}", range_[name])
    if file.take(f"{section}.max_parallel_workers", None) is not None:
        file.notes.append(f"{section}.max_parallel_workers is ignored: candidates are evaluated without simulating")
    window = _minutes(file, f"{section}.mape_window_minutes", 1440)
    return {"calibrator.method": "grid", "calibrator.grid.property": found, "calibrator.grid.window": window} | {
        f"calibrator.grid.{name}": value for name, value in range_.items()
    }


def _directory(file: _File, name: object, environment: Mapping[str, str]) -> str:
    key = "services.dc-mock.workload"
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise BadConfiguration(f"{name!r} is not the name of a workload", expected="the name of a directory", where=file.where(key))
    parent = Path(environment.get(WORKLOAD_DIR) or "workload")
    if not (parent / name).is_dir():
        file.notes.append(f"there is no workload {parent / name}: name it with --workload DIR, or the folder it is in with {WORKLOAD_DIR}")
    return str((parent / name).resolve())


class _File:
    """A document read key by key: what nobody took is left in `_rest`."""

    def __init__(self, document: Mapping[str, Any], origin: str) -> None:
        self._origin, self.notes = origin, list[str]()
        self._rest: dict[str, Any] = {}
        for section, content in document.items():
            if section not in _SECTIONS:
                raise BadConfiguration(f"unknown key {section!r} in a file of OpenDT's form", expected=", ".join(_SECTIONS), where=origin)
            self._add(section, content)

    def _add(self, key: str, content: object) -> None:
        if isinstance(content, dict):
            for name, inner in content.items():
                self._add(f"{key}.{name}", inner)
        elif content is not None:
            self._rest[key] = content

    def where(self, key: str) -> str:
        return f"{key} ({self._origin})"

    def take(self, key: str, default: object) -> object:
        return self._rest.pop(key, default)

    def number(self, key: str, default: int | float) -> int | float:
        found = self.take(key, default)
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
            raise BadConfiguration(f"{found!r} is not a number", where=self.where(key))
        return int(found) if float(found).is_integer() else found

    def below(self, prefix: str) -> list[str]:
        """Take everything in a section; the keys that were there."""
        taken = [key for key in self._rest if key == prefix or key.startswith(f"{prefix}." if prefix else "")]
        for key in taken:
            del self._rest[key]
        return taken
