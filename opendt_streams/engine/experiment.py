"""OpenDC experiment files (opendc-semantics section 11.1): read as strictly as OpenDC reads them, and refused by name where the
native engine does not model what they ask for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Final, TypeVar

from opendt_streams.engine.json_files import read_json
from opendt_streams.engine.native.placement import Policy, check_policy, check_semantics
from opendt_streams.engine.native.placement.listed import FILTER_NAMES, WEIGHER_NAMES, Filter, ListedPolicy, ListedWeigher
from opendt_streams.engine.native.tables.columns import KEYS, TABLES, TableName, schema
from opendt_streams.errors import BadInput
from opendt_streams.model import times

_DEFAULT_INTERVAL_S: Final = 300
_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True, slots=True)
class Workload:
    folder: Path
    submission_ms: int | None = None  # the first submission is moved there, all others with it
    scaling: str = "NoDelay"


@dataclass(frozen=True, slots=True)
class ExportModel:
    """What to write, how often; `columns` in OpenDC's order, keys always among them."""

    interval_ms: int
    columns: dict[TableName, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One point of the product of all axes; `index` names its output folder."""

    index: int
    topology: Path
    workload: Workload
    policy: Policy
    export: ExportModel


@dataclass(frozen=True, slots=True)
class Experiment:
    name: str
    scenarios: tuple[Scenario, ...]
    seeds: tuple[int, ...]
    semantics: str


def read_experiment(path: Path, semantics: str = "2.4f") -> Experiment:
    """Paths in it stay as written: they resolve against the working directory.

    Raises:
        BadInput: names the key of what is wrong, unknown or not modelled.
    """
    check_semantics(semantics)
    return _experiment(_Object(read_json(path), ""), semantics)


def output_name(name: object) -> str:
    """The folder of an experiment of this name, within its output folder; nameless ones have OpenDC's default.

    Raises:
        BadInput: it would lead elsewhere.
    """
    name = name or "unnamed-simulation"
    if not isinstance(name, str) or PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise BadInput(f"{name!r} cannot be an output folder", expected="a plain name", where="name")
    return name


def _experiment(root: _Object, semantics: str) -> Experiment:
    root.only(
        "name outputFolder initialSeed runs topologies workloads allocationPolicies failureModels maxNumFailures checkpointModels "
        "exportModels"
    )
    name = output_name(root.get("name", str, ""))
    root.get("outputFolder", str, "output")
    for axis in ("failureModels", "checkpointModels"):
        for i, model in enumerate(root.get(axis, list, [None])):
            if model is not None:
                raise BadInput(f"the native engine does not model what {axis} asks for", expected="null", where=f"{axis}[{i}]")
    seed, runs = root.get("initialSeed", int, 0), root.get("runs", int, 1)
    if runs < 1:
        raise BadInput(f"{runs} runs", expected="at least 1", where="runs")
    # The order of OpenDC's product: the first axis changes slowest. Each axis is a set.
    product = itertools.product(
        root.axis("topologies", _topology),
        root.axis("workloads", _workload),
        root.axis("allocationPolicies", partial(_policy, semantics), "Mem"),
        root.axis("exportModels", partial(_export_model, semantics), _export_model(semantics, _Object({}, "exportModels[0]"))),
        _distinct(root.get("failureModels", list, [None])),
        _distinct(root.get("checkpointModels", list, [None])),
        _distinct(root.get("maxNumFailures", list, [10])),  # without failures it makes scenarios, but no difference
    )
    scenarios = tuple(Scenario(i, topology, workload, policy, export) for i, (topology, workload, policy, export, *_) in enumerate(product))
    return Experiment(name, scenarios, tuple(range(seed, seed + runs)), semantics)


def _topology(data: _Object) -> Path:
    data.only("pathToFile")
    return Path(data.get("pathToFile", str))


def _workload(data: _Object) -> Workload:
    data.only("pathToFile type sampleFraction submissionTime deferAll scalingPolicy")
    data.choice("type", ("ComputeWorkload",))
    scaling = data.choice("scalingPolicy", ("NoDelay", "Perfect"), "NoDelay")
    if not data.get("sampleFraction", float, 1.0) >= 1.0:
        raise data.unsupported("sampleFraction", "1.0, the whole workload")
    data.get("deferAll", bool, False)  # prefab policies never defer
    moved = data.get("submissionTime", str, "")
    return Workload(Path(data.get("pathToFile", str)), _local_time(moved, data.at("submissionTime")) if moved else None, scaling)


def _local_time(text: str, where: str) -> int:
    """OpenDC reads a local date and time there and means UTC."""
    try:
        return times.from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError:
        raise BadInput(f"{text!r} is not a time", expected="such as 2022-10-06T22:00:00", where=where) from None


def _policy(semantics: str, data: _Object) -> Policy:
    kind = data.choice("type", ("prefab", "filter", "timeshift"))
    if kind == "timeshift":
        raise data.unsupported("type", "prefab or filter")
    policy = _prefab(data) if kind == "prefab" else _listed(data)
    try:
        check_policy(policy, semantics)
    except BadInput as error:
        raise BadInput(error.what, expected=error.expected, where=data.at("policyName" if kind == "prefab" else "type")) from None
    return policy


def _prefab(data: _Object) -> str:
    data.only("type policyName")
    name: str = data.get("policyName", str, "Mem")
    return name


def _listed(data: _Object) -> ListedPolicy:
    """Names, fields and defaults: OpenDC v2.4f's HostFilterSpec and HostWeigherSpec."""
    data.only("type filters weighers subsetSize")
    default = ListedPolicy()
    size = data.get("subsetSize", int, default.subset_size)
    if size < 1:
        raise BadInput(f"a subset of {size} hosts", expected="at least 1", where=data.at("subsetSize"))
    return ListedPolicy(
        tuple(_filter(f) for f in data.objects("filters")) if "filters" in data.raw else default.filters,
        tuple(_weigher(w) for w in data.objects("weighers")),
        size,
    )


def _filter(data: _Object) -> Filter:
    name = data.choice("type", FILTER_NAMES)
    limit = {"InstanceCount": "limit", "Ram": "allocationRatio", "VCpu": "allocationRatio"}.get(name, "")
    data.only(f"type filterName {limit}".strip())
    data.choice("filterName", FILTER_NAMES, name)  # OpenDC reads it and looks at the type only
    if name == "InstanceCount":
        return Filter(name, data.get(limit, int))
    return Filter(name, data.get(limit, float, 1.0)) if limit else Filter(name)


def _weigher(data: _Object) -> ListedWeigher:
    data.only("type multiplier")
    return ListedWeigher(data.choice("type", WEIGHER_NAMES), data.get("multiplier", float, 1.0))


def _export_model(semantics: str, data: _Object) -> ExportModel:
    data.only("exportInterval printFrequency computeExportConfig filesToExport")
    interval_s = data.get("exportInterval", int, _DEFAULT_INTERVAL_S)
    if interval_s < 1:
        raise BadInput(f"an interval of {interval_s} s", expected="at least 1", where=data.at("exportInterval"))
    if data.raw.get("printFrequency") is not None:
        data.get("printFrequency", int)
    files = data.get("filesToExport", list, list(TABLES))
    for i, file in enumerate(files):
        if file not in TABLES:
            what = "the native engine has no batteries" if file == "battery" else f"{file!r} is not an output file"
            raise BadInput(what, expected="one of " + ", ".join(TABLES), where=data.at(f"filesToExport[{i}]"))
    selection = _Object(data.raw.get("computeExportConfig", {}), data.at("computeExportConfig"))
    selection.only(" ".join(f"{table}ExportColumns" for table in TABLES))
    return ExportModel(interval_s * 1000, {t: _columns(selection, t, semantics) for t in TABLES if t in files})


def _columns(selection: _Object, table: TableName, semantics: str) -> tuple[str, ...]:
    known = schema(table, semantics).names
    wanted = selection.get(f"{table}ExportColumns", list, [])
    for i, column in enumerate(wanted):
        if column not in known:
            where = selection.at(f"{table}ExportColumns[{i}]")
            raise BadInput(f"{column!r} is not a column of {table}", expected="one of " + ", ".join(known), where=where)
    return tuple(c for c in known if not wanted or c in wanted or c in KEYS[table])


def _distinct(values: Collection[Any]) -> list[Any]:
    return [v for i, v in enumerate(values) if v not in list(values)[:i]]


class _Object:
    """A JSON object and where it is, for messages."""

    def __init__(self, raw: Any, path: str) -> None:
        if not isinstance(raw, dict):
            raise BadInput(f"{raw!r:.40} where an object belongs", where=path or "the experiment")
        self.raw: dict[str, Any] = raw
        self._path = path

    def at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def only(self, known: str) -> None:
        unknown = sorted(set(self.raw) - set(known.split()))
        if unknown:
            raise BadInput(
                f"unknown key {unknown[0]!r}", expected="one of " + known.replace(" ", ", "), where=self._path or "the experiment"
            )

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        if key not in self.raw:
            if default is None:
                raise BadInput(f"the key {key} is missing", where=self._path or "the experiment")
            return default
        value = self.raw[key]
        fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
        if not fits:
            raise BadInput(f"{value!r:.40} does not belong there", expected=f"{kind.__name__}", where=self.at(key))
        return value

    def choice(self, key: str, choices: tuple[_Name, ...], default: _Name | None = None) -> _Name:
        value: _Name = self.get(key, str, default)
        if value not in choices:
            raise BadInput(f"unknown {key} {value!r}", expected="one of " + ", ".join(choices), where=self.at(key))
        return value

    def unsupported(self, key: str, expected: str) -> BadInput:
        return BadInput(f"the native engine does not have {key} {self.raw[key]!r}", expected=expected, where=self.at(key))

    def objects(self, key: str) -> list[_Object]:
        return [_Object(entry, f"{self.at(key)}[{i}]") for i, entry in enumerate(self.get(key, list, []))]

    def axis(self, key: str, read: Callable[[_Object], Any], default: Any = None) -> list[Any]:
        if key not in self.raw and default is not None:
            return [default]
        entries = self.get(key, list)
        if not entries:
            raise BadInput("the list is empty", expected="at least one entry", where=self.at(key))
        return _distinct([read(_Object(entry, f"{self.at(key)}[{i}]")) for i, entry in enumerate(entries)])
