"""Topology files, read exactly as OpenDC v2.4f reads them (its TopologySpecs.kt and TopologyFactories.kt).

Three things are told apart: what OpenDC refuses (`decode` raises), what it takes though the native engine does not model it
(`NotModelled`, by name), and what changes nothing: `vendor`, `arch`, `modelName`, `memorySpeed`, a cluster's `count`, the source's
`maxPower`, a `gpuPowerModel` without a GPU. One power model is ours, `busy-linear`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from opendt_streams.errors import BadInput, NotModelled
from opendt_streams.model import units
from opendt_streams.model.opendc_fields import (
    REQUIRED,
    Kind,
    Object,
    Place,
    decimal,
    entries,
    long,
    nullable,
    sealed,
    text,
    truth,
    unit,
    whole,
)
from opendt_streams.model.opendc_json import Members, Node, parse
from opendt_streams.model.topology import MODEL_TYPES, Cluster, HostGroup, PowerModel, Topology
from opendt_streams.model.topology_json import MOST_HOSTS

FAIR: Final = "MAX_MIN_FAIRNESS"
WITH_OPENDC: Final = "The real OpenDC models it: --engine opendc."
_ROOT: Final = Place("the topology")
_OURS: Final = "busy-linear"
_MOST_CORES: Final = 1_000_000  # of a host: placement keeps hosts by free cores
_LARGEST_EXACT: Final = 2**53 - 1  # MiB; larger integers have no canonical JSON

_MEGAHERTZ: Final = unit(units.megahertz, units.FREQUENCY)
_WATTS: Final = unit(units.watts, units.POWER)
_MEBIBYTES: Final = unit(units.mebibytes, units.MEMORY)


def _at_least_idle(found: dict[str, Any], place: Place) -> None:
    if found["maxPower"] < found["idlePower"]:
        raise place.error(f"maxPower {found['maxPower']:g} W is below idlePower {found['idlePower']:g} W")


_SHAPE: Final[dict[str, tuple[Kind, Any]]] = {
    "power": (_WATTS, 400.0),
    "calibrationFactor": (decimal, 1.0),
    "asymUtil": (decimal, 0.0),
    "dvfs": (truth, True),
}
_POWER_MODEL: Final = Object(
    {"modelType": (text, REQUIRED), "maxPower": (_WATTS, REQUIRED), "idlePower": (_WATTS, REQUIRED)} | _SHAPE, _at_least_idle
)
_BUSY_LINEAR: Final = Object(
    {
        "modelType": (text, REQUIRED),
        "idlePower": (_WATTS, REQUIRED),
        "busyPower": (_WATTS, REQUIRED),
        "slopePower": (_WATTS, REQUIRED),
        "maxPower": (_WATTS, 0.0),
    }
    | _SHAPE
)


def _default_model() -> dict[str, Any]:
    return {"modelType": "linear", "maxPower": 400.0, "idlePower": 200.0} | {name: default for name, (_, default) in _SHAPE.items()}


def _power_model(node: Node, place: Place) -> dict[str, Any]:
    ours = isinstance(node, Members) and node.last().get("modelType") == _OURS
    return (_BUSY_LINEAR if ours else _POWER_MODEL)(node, place)


_DISTRIBUTION: Final = sealed(
    {
        "BEST_EFFORT": Object({"updateIntervalLength": (long, 1000)}),
        "EQUAL_SHARE": Object({}),
        "FIRST_FIT": Object({}),
        "FIXED_SHARE": Object({"shareRatio": (decimal, 1.0)}),
        FAIR: Object({}),
    }
)
_OVERHEAD: Final = sealed(
    {"NONE": Object({}), "CONSTANT": Object({"percentageOverhead": (nullable(decimal), -1.0)}), "SHARE_BASED": Object({})}
)
_RUNNING: Final = Object({"startingThreshold": (decimal, REQUIRED), "windowSize": (whole, REQUIRED)})
_BATTERY: Final = Object(
    {
        "name": (text, "Battery"),
        "capacity": (decimal, REQUIRED),
        "chargingSpeed": (decimal, REQUIRED),
        "initialCharge": (decimal, 0.0),
        "batteryPolicy": (
            sealed(
                {
                    "single": Object({"carbonThreshold": (decimal, REQUIRED)}),
                    "double": Object({"lowerThreshold": (decimal, REQUIRED), "upperThreshold": (decimal, REQUIRED)}),
                    **dict.fromkeys(("runningMean", "runningMeanPlus", "runningMedian", "runningQuartiles"), _RUNNING),
                }
            ),
            REQUIRED,
        ),
        "embodiedCarbon": (decimal, 0.0),
        "expectedLifetime": (decimal, 0.0),
    }
)
_ABOUT: Final[dict[str, tuple[Kind, Any]]] = {"modelName": (text, ""), "vendor": (text, ""), "arch": (text, "")}
_GPU: Final = Object(
    {
        "count": (whole, 1),
        "coreCount": (whole, REQUIRED),
        "coreSpeed": (_MEGAHERTZ, REQUIRED),
        "memorySize": (_MEBIBYTES, -1),
        "memoryBandwidth": (unit(units.bits_per_second, units.DATA_RATE), -1024.0),
        "vendor": (text, ""),
        "modelName": (text, ""),
        "architecture": (text, ""),
        "virtualizationOverHeadModel": (_OVERHEAD, lambda: {"type": "NONE"}),
    }
)
_HOST: Final = Object(
    {
        "name": (text, "Host"),
        "cpu": (Object(_ABOUT | {"count": (whole, 1), "coreCount": (whole, REQUIRED), "coreSpeed": (_MEGAHERTZ, REQUIRED)}), REQUIRED),
        "count": (whole, 1),
        "memory": (Object(_ABOUT | {"memorySize": (_MEBIBYTES, REQUIRED), "memorySpeed": (_MEGAHERTZ, -1.0)}), REQUIRED),
        "gpu": (nullable(_GPU), None),
        "cpuPowerModel": (_power_model, _default_model),
        "gpuPowerModel": (_POWER_MODEL, _default_model),
        "cpuDistributionPolicy": (_DISTRIBUTION, lambda: {"type": FAIR}),
        "gpuDistributionPolicy": (_DISTRIBUTION, lambda: {"type": FAIR}),
    }
)
_CLUSTER: Final = Object(
    {
        "name": (text, "Cluster"),
        "count": (whole, 1),
        "hosts": (entries(_HOST), REQUIRED),
        "powerSource": (
            Object({"name": (text, "PowerSource"), "maxPower": (long, 2**63 - 1), "carbonTracePath": (nullable(text), None)}),
            lambda: {"name": "PowerSource", "carbonTracePath": None},
        ),
        "battery": (nullable(_BATTERY), None),
    }
)
_TOPOLOGY: Final = Object({"clusters": (entries(_CLUSTER), REQUIRED)})


def read_opendc_topology(data: bytes) -> Topology:
    """The topology in the bytes of a file, for `opendt engine run`. It may be without hosts, and its numbers need not make sense.

    Raises:
        BadInput: OpenDC refuses it. Names the path of what is wrong.
        NotModelled: OpenDC takes it.
    """
    document = decode(data)
    for error in not_modelled(document):
        raise error
    topology = Topology(tuple(_cluster(c) for c in document["clusters"]))
    if topology.host_count > MOST_HOSTS:
        raise NotModelled(
            f"{topology.host_count} hosts are more than the native engine simulates", expected=f"at most {MOST_HOSTS}", where="clusters"
        )
    return topology


def decode(data: bytes) -> dict[str, Any]:
    """What is in the file, as OpenDC understands it: a document with every default filled in, quantities in MHz, MiB and W.

    Raises:
        BadInput: OpenDC refuses it.
    """
    document = _TOPOLOGY(parse(data), _ROOT)
    for place, cluster in _clusters(document):
        if (cluster["battery"] or {}).get("batteryPolicy", {}).get("type") in ("runningMedian", "runningQuartiles"):
            kind = cluster["battery"]["batteryPolicy"]["type"]
            raise place.key("battery.batteryPolicy.type").error(f"OpenDC v2.4f has no battery policy {kind}")
    for place, host in _hosts(document):
        if host["count"] < 0:
            raise place.key("count").error(f"{host['count']} hosts", "0 or more")
        if host["count"]:
            _refuse_host(host, place)
    return document


def _refuse_host(host: dict[str, Any], place: Place) -> None:
    """What OpenDC finds when it makes the hosts of an entry."""
    if host["cpu"]["count"] < 1:
        raise place.key("cpu.count").error(f"{host['cpu']['count']} CPUs", "1 or more")
    _refuse_model(host["cpuPowerModel"], place.key("cpuPowerModel.modelType"))
    gpu = host["gpu"]
    if gpu is None or gpu["count"] == 0:
        return
    if gpu["count"] < 0:
        raise place.key("gpu.count").error(f"{gpu['count']} GPUs", "0 or more")
    overhead = gpu["virtualizationOverHeadModel"].get("percentageOverhead")
    if overhead is not None and overhead != -1 and not 0 <= overhead <= 1:
        raise place.key("gpu.virtualizationOverHeadModel.percentageOverhead").error(f"{overhead:g} is no share", "0 to 1")
    _refuse_model(host["gpuPowerModel"], place.key("gpuPowerModel.modelType"))


def _refuse_model(model: dict[str, Any], place: Place) -> None:
    if model["modelType"] not in MODEL_TYPES:
        raise place.error(f"unknown power model {model['modelType']!r}", "one of " + ", ".join(MODEL_TYPES))


def not_modelled(document: dict[str, Any]) -> Iterator[NotModelled]:
    """What OpenDC takes in a decoded document and the native engine does not model: one error for each, with its path."""
    for place, cluster in _clusters(document):
        if cluster["battery"] is not None:
            yield _not_modelled(place.key("battery"), "a battery")
    for place, host in _hosts(document):
        if not host["count"]:
            continue
        if host["gpu"] is not None and host["gpu"]["count"]:
            yield _not_modelled(place.key("gpu"), "a GPU")
        if host["cpuDistributionPolicy"]["type"] != FAIR:
            kind = host["cpuDistributionPolicy"]["type"]
            yield _not_modelled(place.key("cpuDistributionPolicy"), f"the cpuDistributionPolicy {kind}", FAIR)
        cpu, model = host["cpu"], host["cpuPowerModel"]
        if cpu["coreCount"] < 1:
            yield _not_modelled(place.key("cpu.coreCount"), f"a CPU of {cpu['coreCount']} cores", "1 or more")
        if cpu["coreCount"] * cpu["count"] > _MOST_CORES:
            yield _not_modelled(place.key("cpu.coreCount"), f"a host of {cpu['coreCount'] * cpu['count']} cores", f"at most {_MOST_CORES}")
        if cpu["coreSpeed"] == 0:
            yield _endless(place.key("cpu.coreSpeed"), "a core of 0 MHz", "more than 0")
        if cpu["coreSpeed"] < 0:
            yield _not_modelled(place.key("cpu.coreSpeed"), f"a core of {cpu['coreSpeed']:g} MHz", "more than 0")
        if model["modelType"] == "asymptotic" and model["asymUtil"] == 0:
            yield _endless(place.key("cpuPowerModel.asymUtil"), "asymUtil 0, which divides by zero", "a positive number")
        if abs(host["memory"]["memorySize"]) > _LARGEST_EXACT:
            yield _not_modelled(place.key("memory.memorySize"), f"{host['memory']['memorySize']} MiB", f"at most {_LARGEST_EXACT} MiB")


def _not_modelled(place: Place, what: str, expected: str | None = None) -> NotModelled:
    return NotModelled(f"{what} is not modelled by the native engine", expected=expected, where=place.path, hint=WITH_OPENDC)


def _endless(place: Place, what: str, expected: str) -> NotModelled:
    return NotModelled(f"{what} is not modelled: with it OpenDC runs for ever", expected=expected, where=place.path)


def _clusters(document: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for i, cluster in enumerate(document["clusters"]):
        yield _ROOT.key("clusters").entry(i), cluster


def _hosts(document: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for place, cluster in _clusters(document):
        for i, host in enumerate(cluster["hosts"]):
            yield place.key("hosts").entry(i), host


def _cluster(found: dict[str, Any]) -> Cluster:
    source = found["powerSource"]
    groups = tuple(_group(host) for host in found["hosts"] if host["count"])
    return Cluster(found["name"], groups, source["name"], source["carbonTracePath"])


def _group(found: dict[str, Any]) -> HostGroup:
    cpu, model = found["cpu"], found["cpuPowerModel"]
    kind = model["modelType"]
    power_model = PowerModel(
        kind,
        idle_power_w=model["idlePower"],
        max_power_w=0.0 if kind == _OURS else model["maxPower"],
        power_w=model["power"],
        calibration_factor=model["calibrationFactor"] if kind == "mse" else 1.0,
        asym_util=model["asymUtil"] if kind == "asymptotic" else 0.0,
        dvfs=model["dvfs"] if kind == "asymptotic" else True,
        busy_power_w=model.get("busyPower", 0.0),
        slope_power_w=model.get("slopePower", 0.0),
    )
    memory_mib = found["memory"]["memorySize"]
    return HostGroup(found["name"], found["count"], cpu["count"], cpu["coreCount"], cpu["coreSpeed"], memory_mib, power_model)


def refusal(data: bytes) -> BadInput | None:
    """Why OpenDC v2.4f refuses these bytes of a topology file; None where it takes them."""
    try:
        decode(data)
    except BadInput as error:
        return error
    return None
