"""Experiment files: OpenDC v2.4f's specifications (ExperimentSpec.kt and what it is made of), as `model.opendc_fields` reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from opendt_streams.engine.native.placement.listed import FILTER_NAMES, WEIGHER_NAMES
from opendt_streams.errors import BadInput
from opendt_streams.model.opendc_fields import (
    REQUIRED,
    Kind,
    Object,
    Place,
    by_name,
    choice,
    decimal,
    entries,
    long,
    nullable,
    sealed,
    shown,
    text,
    truth,
    whole,
)
from opendt_streams.model.opendc_json import Members, Node

ROOT: Final = Place("the experiment")
FILES: Final = ("host", "task", "powerSource", "battery", "service")
"""The tables that an experiment can ask for, in OpenDC's order, which is that of its default."""
_PREFAB: Final = [
    "Mem",
    "MemInv",
    "CoreMem",
    "CoreMemInv",
    "ActiveServers",
    "ActiveServersInv",
    "ProvisionedCores",
    "ProvisionedCoresInv",
    "Random",
    "TaskNumMemorizing",
    "Timeshift",
    "ProvisionedCpuGpuCores",
    "ProvisionedCpuGpuCoresInv",
]
_FAILURES: Final = [f"{site}{law}" for site in ("G5k06", "Lanl05", "Ldns04", "Microsoft99") for law in ("Exp", "Wbl", "LogN", "Gam")]

# Java's LocalDateTime.parse: seconds and a fraction may be left out, years of more than four digits carry a sign.
_LOCAL_TIME: Final = re.compile(
    r"([0-9]{4}|-[0-9]{4}|[+-][0-9]{5,10})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{0,9}))?)?", re.ASCII
)
_CYCLE_YEARS: Final = 400
_CYCLE: Final = timedelta(days=146_097)  # as many days have each 400 years
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def local_time(found: str) -> int | None:
    """Milliseconds of a local date and time, which OpenDC takes for UTC; None where it refuses the text."""
    match = _LOCAL_TIME.fullmatch(found)
    if match is None or match[1] == "-0000":
        return None
    year = int(match[1])
    cycles = (year - 2000) // _CYCLE_YEARS
    month, day, hour, minute, second = (int(match[i] or 0) for i in (2, 3, 4, 5, 6))
    nanoseconds = int((match[7] or "").ljust(9, "0"))
    try:
        moment = datetime(year - cycles * _CYCLE_YEARS, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    time_ms = (moment - _EPOCH) // _MILLISECOND + cycles * (_CYCLE // _MILLISECOND) + nanoseconds // 1_000_000
    return time_ms if -(2**63) <= time_ms < 2**63 else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for any file
        return False


def _existing(what: str) -> Kind:
    def read(node: Node, place: Place) -> str:
        path = text(node, place)
        if path and not _exists(Path(path)):  # "" is found out when it is read
            raise BadInput("no such file", expected=what, where=f"{place.path}: {path}")
        return path

    return read


_NAME: Final[tuple[Kind, Any]] = (text, "")  # a name beside a path, which OpenDC reads and nothing uses


def _above_zero(key: str) -> Any:
    def check(found: dict[str, Any], place: Place) -> None:
        if not found[key] > 0:
            raise place.key(key).error(f"{found[key]:g} is not positive", "more than 0")

    return check


TOPOLOGY: Final = Object({"pathToFile": (_existing("a topology"), REQUIRED), "name": _NAME})
WORKLOAD: Final = Object(
    {
        "pathToFile": (_existing("the folder of a workload"), REQUIRED),
        "type": (choice(("ComputeWorkload",), "type"), REQUIRED),
        "sampleFraction": (decimal, 1.0),
        "submissionTime": (nullable(text), None),
        "deferAll": (truth, False),
        "scalingPolicy": (choice(("NoDelay", "Perfect"), "scalingPolicy"), "NoDelay"),
        "name": _NAME,
    },
    _above_zero("sampleFraction"),
)


def _filter(name: str, **more: tuple[Kind, Any]) -> Object:
    """OpenDC reads a filterName, too, and looks at the type only."""
    return Object({"filterName": (choice(FILTER_NAMES, "filterName"), name)} | more)


_FILTERS: Final = sealed(
    {
        name: _filter(name, limit=(whole, REQUIRED))
        if name == "InstanceCount"
        else _filter(name, allocationRatio=(decimal, 1.0))
        if name in ("Ram", "VCpu")
        else _filter(name)
        for name in FILTER_NAMES
    }
)
_WEIGHERS: Final = sealed({name: Object({"multiplier": (decimal, 1.0)}) for name in WEIGHER_NAMES})
_LISTED: Final[dict[str, tuple[Kind, Any]]] = {
    "filters": (entries(_FILTERS), lambda: [{"type": "Compute"}]),
    "weighers": (entries(_WEIGHERS), list),
    "subsetSize": (whole, 1),
}
_TASK_STOPPER: Final = Object(
    {"windowSize": (whole, 168), "forecast": (truth, True), "forecastThreshold": (decimal, 0.6), "forecastSize": (whole, 24)}
)
POLICY: Final = sealed(
    {
        "prefab": Object({"policyName": (choice(_PREFAB, "policyName"), "Mem"), "name": _NAME}),
        "filter": Object(_LISTED),
        "timeshift": Object(
            _LISTED
            | {
                "windowSize": (whole, 168),
                "forecast": (truth, True),
                "shortForecastThreshold": (decimal, 0.2),
                "longForecastThreshold": (decimal, 0.35),
                "forecastSize": (whole, 24),
                "taskStopper": (nullable(_TASK_STOPPER), None),
                "memorize": (truth, True),
            }
        ),
    }
)


def _upper_above_lower(found: dict[str, Any], place: Place) -> None:
    if not found["upper"] > found["lower"]:
        raise place.error(f"upper {found['upper']:g} is not above lower {found['lower']:g}")


def _law(*names: str) -> Object:
    return Object(dict.fromkeys(names, (decimal, REQUIRED)))


_LAW: Final = sealed(
    {
        "constant": Object({"value": (decimal, REQUIRED)}, _above_zero("value")),
        "exponential": _law("mean"),
        "gamma": _law("shape", "scale"),
        "log-normal": _law("scale", "shape"),
        "normal": _law("mean", "std"),
        "pareto": _law("scale", "shape"),
        "uniform": Object({"upper": (decimal, REQUIRED), "lower": (decimal, REQUIRED)}, _upper_above_lower),
        "weibull": _law("alpha", "beta"),
    }
)


def _start_in_trace(found: dict[str, Any], place: Place) -> None:
    if not 0 <= found["startPoint"] < 1:
        raise place.key("startPoint").error(f"{found['startPoint']:g} is no share of the trace", "0 or more, and below 1")


FAILURES: Final = nullable(
    sealed(
        {
            "no": Object({"name": (text, "no failure model")}),
            "trace-based": Object(
                {
                    "pathToFile": (_existing("a failure trace"), REQUIRED),
                    "startPoint": (decimal, 0.0),
                    "repeat": (truth, True),
                    "name": _NAME,
                },
                _start_in_trace,
            ),
            "prefab": Object({"prefabName": (choice(_FAILURES, "prefabName"), REQUIRED), "name": _NAME}),
            "custom": Object(
                {"iatSampler": (_LAW, REQUIRED), "durationSampler": (_LAW, REQUIRED), "nohSampler": (_LAW, REQUIRED), "name": _NAME}
            ),
        }
    )
)
CHECKPOINTS: Final = nullable(
    Object({"checkpointInterval": (long, 3_600_000), "checkpointDuration": (long, 300_000), "checkpointIntervalScaling": (decimal, 1.0)})
)


def _selection(node: Node, place: Place) -> dict[str, list[str]]:
    """The columns by table. OpenDC looks at the five lists only and passes over what is no text, as over any other key."""
    if not isinstance(node, Members):
        raise place.error(f"{shown(node)} where an object belongs", "an object with lists of columns")
    members, found = node.last(), {}
    for table in FILES:
        key = f"{table}ExportColumns"
        if key in members:
            listed = members[key]
            if not isinstance(listed, list):
                raise place.key(key).error(f"{shown(listed)} where a list belongs", "a list of columns")
            found[table] = [entry.strip('"') for entry in listed if isinstance(entry, str)]
    return found


EXPORT: Final = Object(  # None: left out; then all files, and a table of them in which none is named
    {
        "exportInterval": (long, 300),
        "printFrequency": (nullable(whole), 24),
        "computeExportConfig": (_selection, dict),
        "filesToExport": (entries(choice(FILES, "output file")), None),
        "filesToExportDict": (by_name(choice(FILES, "output file"), truth), None),
    },
    _above_zero("exportInterval"),
)


def _runs(found: dict[str, Any], place: Place) -> None:
    if found["runs"] < 1:
        raise place.key("runs").error(f"{found['runs']} runs", "at least 1")


EXPERIMENT: Final = Object(
    {
        "name": (text, ""),
        "outputFolder": (text, "output"),
        "initialSeed": (whole, 0),
        "runs": (whole, 1),
        "topologies": (entries(TOPOLOGY), REQUIRED),
        "workloads": (entries(WORKLOAD), REQUIRED),
        "allocationPolicies": (entries(POLICY), lambda: [POLICY(Members((("type", "prefab"),)), ROOT)]),
        "failureModels": (entries(FAILURES), lambda: [None]),
        "maxNumFailures": (entries(whole), lambda: [10]),
        "checkpointModels": (entries(CHECKPOINTS), lambda: [None]),
        "exportModels": (entries(EXPORT), lambda: [EXPORT(Members(()), ROOT)]),
    },
    _runs,
)
AXES: Final = ("topologies", "workloads", "allocationPolicies", "exportModels", "failureModels", "checkpointModels", "maxNumFailures")
"""In the order of OpenDC's product: the first changes slowest."""


def matching_columns(wanted: Sequence[str], known: Sequence[str]) -> tuple[list[str], list[str]]:
    """OpenDC's reading of a list of columns: in any case, with blanks for underscores; and what it passes over since it knows none such."""
    found, unknown = [], []
    for name in wanted:
        match = next((c for c in known if re.fullmatch(rf"\s*(?:{c}|{c.replace('_', ' ')})\s*", name, re.IGNORECASE | re.ASCII)), None)
        if match is None:
            unknown.append(name)
        elif match not in found:
            found.append(match)
    return found, unknown
