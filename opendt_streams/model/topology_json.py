"""Topologies as JSON documents, in the dialects that users have: what a twin takes in messages, edits and its ledger.

OpenDC (v2.4f) refuses unknown keys and fills gaps its own way; OpenDT ignores unknown keys and fills them otherwise
(opendt-compat section 2). `to_document` writes the normal form, in which nothing is left to a default, so both read it alike. Quantities
and numbers in quotes mean what they mean to OpenDC; the very grammar of its files is `opendc_topology`'s. A twin asks for more than
OpenDC: hosts, and numbers that a datacenter can have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, TypeVar

from opendt_streams.errors import BadInput, NotModelled
from opendt_streams.model import units
from opendt_streams.model.canonical import JSON
from opendt_streams.model.opendc_fields import parse_double
from opendt_streams.model.topology import MODEL_TYPES, Cluster, HostGroup, PowerModel, Topology

Dialect: TypeAlias = Literal["opendc", "opendt"]
T = TypeVar("T")
N = TypeVar("N", int, float)

_OPENDT_MODEL_DEFAULTS: Final = {"modelType": "asymptotic", "calibrationFactor": 0.5, "asymUtil": 0.5, "dvfs": False}
_OPENDC_MODEL_DEFAULTS: Final = {"calibrationFactor": 1.0, "asymUtil": 0.0, "dvfs": True}
_ABOUT: Final = ("modelName", "vendor", "arch")
_WITHOUT_EFFECT: Final = ("gpuPowerModel", "cpuDistributionPolicy", "gpuDistributionPolicy")  # the second: in its default
# One event must not take all of a simulator's memory, at every restart again: the largest datacenters have some 100,000 hosts.
MOST_HOSTS: Final = 1_000_000
_LARGEST_COUNT: Final = 2**31 - 1  # OpenDC's Int
_LARGEST_EXACT: Final = 2**53 - 1  # larger integers have no canonical JSON


def read_topology(document: object, dialect: Dialect = "opendt") -> Topology:
    """The topology that a JSON document describes.

    Raises:
        BadInput: names the path of what is wrong, such as clusters[0].hosts[1].cpu.coreCount.
    """
    reader = _Reader(dialect)
    root = reader.mapping(document, "the topology", {"clusters"})
    clusters = reader.entries(root, "clusters", "")
    topology = Topology(tuple(reader.cluster(c, f"clusters[{i}]") for i, c in enumerate(clusters)))
    if topology.host_count > MOST_HOSTS:
        raise BadInput(f"{topology.host_count} hosts are more than one twin simulates", expected=f"at most {MOST_HOSTS}", where="clusters")
    return topology


def read_power_model(document: object, dialect: Dialect = "opendt", where: str = "cpuPowerModel") -> PowerModel:
    """The power model of one host group, as `read_topology` reads it at the path `where`.

    Raises:
        BadInput: names the path of what is wrong.
    """
    return _Reader(dialect).power_model(document, where)


def to_document(topology: Topology) -> dict[str, JSON]:
    """The normal form: OpenDC's keys, bare numbers in MHz, MiB and W, every default written out."""
    return {"clusters": [_cluster_document(c) for c in topology.clusters]}


def power_model_document(model: PowerModel) -> dict[str, JSON]:
    """The part of a topology document that calibration writes."""
    document: dict[str, JSON] = {"modelType": model.model_type, "idlePower": model.idle_power_w}
    if model.model_type == "busy-linear":
        return document | {"busyPower": model.busy_power_w, "slopePower": model.slope_power_w}
    document |= {"maxPower": model.max_power_w, "power": model.power_w}
    if model.model_type == "mse":
        document["calibrationFactor"] = model.calibration_factor
    if model.model_type == "asymptotic":
        document |= {"asymUtil": model.asym_util, "dvfs": model.dvfs}
    return document


def _cluster_document(cluster: Cluster) -> dict[str, JSON]:
    document: dict[str, JSON] = {"name": cluster.name, "hosts": [_group_document(g) for g in cluster.host_groups]}
    source: dict[str, JSON] = {}
    if cluster.power_source is not None:
        source["name"] = cluster.power_source
    if cluster.carbon_trace is not None:
        source["carbonTracePath"] = cluster.carbon_trace
    return document | ({"powerSource": source} if source else {})


def _group_document(group: HostGroup) -> dict[str, JSON]:
    return {
        "name": group.name,
        "count": group.count,
        "cpu": {"count": group.cpu_count, "coreCount": group.cores_per_cpu, "coreSpeed": group.core_speed_mhz},
        "memory": {"memorySize": group.memory_mib},
        "cpuPowerModel": power_model_document(group.power_model),
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    dialect: Dialect

    def cluster(self, raw: object, path: str) -> Cluster:
        data = self.mapping(raw, path, {"name", "count", "hosts", "powerSource", "battery"})
        if data.get("battery") is not None:
            self.not_modelled("a battery", f"{path}.battery")
        named = data.get("powerSource", {})
        absent = named is None and self.dialect == "opendt"  # as pydantic writes what is not there
        source = {} if absent else self.mapping(named, f"{path}.powerSource", {"name", "maxPower", "carbonTracePath"})
        if "maxPower" in source:
            self.value(source, "maxPower", f"{path}.powerSource", units.watts)  # read and, as in OpenDC, without effect
        return Cluster(
            name=self.text(data, "name", path, "Cluster"),
            host_groups=tuple(self.group(g, f"{path}.hosts[{i}]") for i, g in enumerate(self.entries(data, "hosts", path))),
            power_source=self.text(source, "name", f"{path}.powerSource", None) if "name" in source else None,
            carbon_trace=None
            if source.get("carbonTracePath") is None
            else self.text(source, "carbonTracePath", f"{path}.powerSource", None),
        )

    def group(self, raw: object, path: str) -> HostGroup:
        data = self.mapping(raw, path, {"name", "count", "cpu", "memory", "cpuPowerModel", "gpu", *_WITHOUT_EFFECT})
        cpu = self.mapping(data.get("cpu"), f"{path}.cpu", {"count", "coreCount", "coreSpeed", *_ABOUT})
        memory = self.mapping(data.get("memory"), f"{path}.memory", {"memorySize", "memorySpeed", *_ABOUT})
        if data.get("gpu") is not None:
            self.not_modelled("a GPU", f"{path}.gpu")
        policy = data.get("cpuDistributionPolicy")
        if isinstance(policy, dict) and policy.get("type") != "MAX_MIN_FAIRNESS":
            self.not_modelled(f"the cpuDistributionPolicy {policy.get('type')}", f"{path}.cpuDistributionPolicy")
        return HostGroup(
            name=self.text(data, "name", path, "Host"),
            count=self.value(data, "count", path, _positive_int, 1),
            cpu_count=self.value(cpu, "count", f"{path}.cpu", _positive_int, 1),
            cores_per_cpu=self.value(cpu, "coreCount", f"{path}.cpu", _positive_int),
            core_speed_mhz=self.value(cpu, "coreSpeed", f"{path}.cpu", lambda v: _positive(units.megahertz(v))),
            memory_mib=self.value(memory, "memorySize", f"{path}.memory", _memory),
            power_model=self.power_model(data["cpuPowerModel"], f"{path}.cpuPowerModel") if "cpuPowerModel" in data else PowerModel(),
        )

    def power_model(self, raw: object, path: str) -> PowerModel:
        keys = {"modelType", "idlePower", "maxPower", "power", "calibrationFactor", "asymUtil", "dvfs", "busyPower", "slopePower"}
        defaults = _OPENDT_MODEL_DEFAULTS if self.dialect == "opendt" else _OPENDC_MODEL_DEFAULTS
        data = {**defaults, **self.mapping(raw, path, keys)}
        kind = self.text(data, "modelType", path, None)
        if kind not in MODEL_TYPES:
            raise BadInput(f"unknown power model {kind!r}", expected="one of " + ", ".join(MODEL_TYPES), where=f"{path}.modelType")
        model = PowerModel(kind, idle_power_w=self.value(data, "idlePower", path, _not_negative_watts))
        if kind == "busy-linear":
            return replace(
                model,
                max_power_w=0.0,
                busy_power_w=self.value(data, "busyPower", path, _not_negative_watts),
                slope_power_w=self.value(data, "slopePower", path, _not_negative_watts),
            )
        model = replace(
            model,
            max_power_w=self.value(data, "maxPower", path, _not_negative_watts),
            power_w=self.value(data, "power", path, _not_negative_watts, 400.0),
        )
        if model.max_power_w < model.idle_power_w:
            raise BadInput(f"maxPower {model.max_power_w:g} W is below idlePower {model.idle_power_w:g} W", where=path)
        if kind == "mse":
            return replace(model, calibration_factor=self.value(data, "calibrationFactor", path, _not_negative_number))
        if kind == "asymptotic":
            asym_util = self.value(data, "asymUtil", path, _not_negative_number)
            if asym_util == 0:
                raise BadInput("asymUtil 0 divides by zero", expected="a positive number", where=f"{path}.asymUtil")
            return replace(model, asym_util=asym_util, dvfs=self.value(data, "dvfs", path, _boolean))
        return model

    def not_modelled(self, what: str, path: str) -> None:
        """OpenDT's documents are taken without it, which `opendt data check` says; where somebody edits a topology it is refused."""
        if self.dialect == "opendc":
            raise NotModelled(f"{what} is not modelled", where=path)

    def mapping(self, raw: object, path: str, known: set[str]) -> Mapping[str, Any]:
        if not isinstance(raw, dict):
            found = "nothing" if raw is None else type(raw).__name__
            raise BadInput(f"{found} where an object belongs", expected="an object with " + ", ".join(sorted(known)), where=path)
        unknown = sorted(str(k) for k in raw if k not in known)
        if unknown and self.dialect == "opendc":
            raise BadInput(f"unknown key {unknown[0]!r}", expected="one of " + ", ".join(sorted(known)), where=path)
        return raw

    def entries(self, data: Mapping[str, Any], key: str, path: str) -> Sequence[object]:
        where = f"{path}.{key}" if path else key
        found = data.get(key)
        if not isinstance(found, list) or not found:
            raise BadInput("no list with at least one entry", where=where)
        return found

    def text(self, data: Mapping[str, Any], key: str, path: str, default: str | None) -> str:
        found = data.get(key, default)
        if not isinstance(found, str) or not found:
            raise BadInput(f"{found!r} is not a name", expected="text", where=f"{path}.{key}")
        return found

    def value(self, data: Mapping[str, Any], key: str, path: str, read: Callable[[object], T], default: T | None = None) -> T:
        if key not in data:
            if default is None:
                raise BadInput(f"the key {key} is missing", where=path)
            return default
        try:
            return read(data[key])
        except BadInput as error:
            raise BadInput(error.what, expected=error.expected, where=f"{path}.{key}") from None


def _number(value: object) -> float:
    if isinstance(value, str):
        value = parse_double(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not units.is_finite(value):
        raise BadInput(f"{value!r} is not a number", expected="a finite number")
    return float(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{value!r} is not a truth value", expected="true or false")
    return value


def _positive_int(value: object) -> int:
    number = _number(value)
    if not 1 <= number <= _LARGEST_COUNT or not number.is_integer():
        raise BadInput(f"{value!r} is not a count", expected=f"a whole number of 1 to {_LARGEST_COUNT}")
    return int(number)


def _memory(value: object) -> int:
    mebibytes = _positive(units.mebibytes(value))
    if mebibytes > _LARGEST_EXACT:
        raise BadInput(f"{value!r} is not a memory size", expected=f"at most {_LARGEST_EXACT} MiB")
    return mebibytes


def _positive(number: N) -> N:
    if not number > 0:
        raise BadInput(f"{number:g} is not positive", expected="more than 0")
    return number


def _not_negative(number: float) -> float:
    if not number >= 0:
        raise BadInput(f"{number:g} is negative", expected="0 or more")
    return number


def _not_negative_watts(value: object) -> float:
    return _not_negative(units.watts(value))


def _not_negative_number(value: object) -> float:
    return _not_negative(_number(value))
