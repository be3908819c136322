"""Random experiments from OpenDC's grammar, as files: `write_case(seed, folder)`. Same seed, same bytes.

Half of them are whole; the others have been changed in one place or two: another literal, a key too many or too few or twice, another
case, quotation marks too many or too few. What becomes of such a file is for OpenDC to say.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.model.opendc_json import Bare, Members, Node, written

EXPERIMENT: Final = "experiment.json"
_STARTS_MS: Final = (0, -90_000, -3_600_000, 1_665_093_600_000, 1_665_093_600_500)
_ODD: Final[tuple[Node, ...]] = (
    *(Bare(literal) for literal in ("null", "true", "FALSE", "0", "-1", "2", "02", "2.0", "20e-1", "1.", "1e3", "NaN", "x", "+1")),
    *("", " ", "2", "2.0", "x", "null", "Mem", "4 GHz", "3 Gb"),
    [],
    Members(()),
)


def write_case(seed: int, folder: Path) -> Path:
    """The experiment file; all that it names lies beside it, and paths in it are relative to `folder`."""
    rng = random.Random(seed)
    _write_workload(rng, folder / "work")
    _write_carbon(rng, folder / "carbon.parquet")
    names = [f"topology-{i}.json" for i in range(rng.choice([1, 1, 2]))]
    topologies = [_topology(rng) for _ in names]
    experiment = _experiment(rng, names)
    for _ in range(rng.choice([0, 0, 1, 2])):
        if rng.random() < 0.5:
            experiment = _changed(rng, experiment)
        else:
            which = rng.randrange(len(topologies))
            topologies[which] = _changed(rng, topologies[which])
    for name, topology in zip(names, topologies, strict=True):
        (folder / name).write_bytes(_bytes(rng, topology))
    (folder / EXPERIMENT).write_bytes(_bytes(rng, experiment))
    return folder / EXPERIMENT


def _bytes(rng: random.Random, node: Node) -> bytes:
    text = written(node)
    odd = rng.random()
    if odd < 0.02:
        return b"\xef\xbb\xbf" + text.encode()
    if odd < 0.04:
        return (text + rng.choice([",", "// end", "{}", "}"])).encode()
    return (rng.choice(["", " ", "\n"]) + text + rng.choice(["", "\n", "\r\n\t"])).encode()


def _write_workload(rng: random.Random, folder: Path) -> None:
    count = rng.randint(1, 30)
    start = rng.choice(_STARTS_MS)
    submitted = sorted(start + rng.choice([0, 500, 1000, 60_000, rng.randint(0, 400_000)]) for _ in range(count))
    fragments = [(i, rng.choice([1000, 30_000, 60_000, rng.randint(1, 200_000)])) for i in range(count) for _ in range(rng.randint(1, 4))]
    columns: dict[str, tuple[pa.DataType, list[Any]]] = {
        "id": (pa.int32(), list(range(count))),
        "submission_time": (pa.int64(), submitted),
        "duration": (pa.int64(), [0] * count),
        "cpu_count": (pa.int32(), [rng.choice([1, 1, 2, 4, 8, 40]) for _ in range(count)]),
        "cpu_capacity": (pa.float64(), [0.0] * count),
        "mem_capacity": (pa.int64(), [rng.choice([0, 499, 500, 100_000, 2_000_000]) for _ in range(count)]),
    }
    folder.mkdir()
    _write_required(columns, folder / "tasks.parquet")
    usage = [float(rng.choice([0, 100, 1500, 4000])) for _ in fragments]
    each = {
        "id": (pa.int32(), [i for i, _ in fragments]),
        "duration": (pa.int64(), [d for _, d in fragments]),
        "cpu_usage": (pa.float64(), usage),
    }
    _write_required(each, folder / "fragments.parquet")


def _write_required(columns: dict[str, tuple[pa.DataType, list[Any]]], path: Path) -> None:
    schema = pa.schema([pa.field(name, kind, nullable=False) for name, (kind, _) in columns.items()])
    pq.write_table(pa.table({name: values for name, (_, values) in columns.items()}, schema=schema), path)


def _write_carbon(rng: random.Random, path: Path) -> None:
    times = [start + step * 100_000 for start in _STARTS_MS for step in range(5)]
    rng.shuffle(times)
    columns = {
        "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
        "carbon_intensity": np.array([rng.randint(1, 500) / 1.0 for _ in times]),
    }
    pq.write_table(pa.table(columns), path)


# -- whole documents -----------------------------------------------------------------------------------------------------------


class _Fields:
    """An object whose fields are there, or left to their defaults, in any order."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.pairs: list[tuple[str, Node]] = []

    def always(self, key: str, value: Node) -> None:
        self.pairs.append((key, value))

    def often(self, key: str, make: Callable[[], Node], share: float = 0.3) -> None:
        if self._rng.random() < share:
            self.pairs.append((key, make()))

    def done(self) -> Members:
        self._rng.shuffle(self.pairs)
        return Members(tuple(self.pairs))


def _whole(rng: random.Random, number: int) -> Node:
    spelled = [Bare(str(number))] * 4 + [
        str(number),
        Bare(f"0{number}") if number >= 0 else Bare(str(number)),
        Bare(f"{number}0e-1"),
        f"{number}e0",
    ]
    return rng.choice(spelled)


def _decimal(rng: random.Random, number: float) -> Node:
    return rng.choice([Bare(repr(number))] * 4 + [repr(number), Bare(f"{number:e}"), f" {number!r} ", f"{number!r}d"])


def _truth(rng: random.Random) -> Node:
    return Bare(rng.choice(["true", "false", "TRUE", "False"]))


def _quantity(rng: random.Random, number: float, units: list[tuple[str, float]]) -> Node:
    if rng.random() < 0.5:
        return _decimal(rng, number)
    unit, factor = rng.choice(units)
    blank = rng.choice(["", " ", "  "])
    return f"{rng.choice(['', ' '])}{number / factor:.12g}{blank}{unit}{rng.choice(['', ' '])}".replace("e+", "e")


def _megahertz(rng: random.Random, number: float) -> Node:
    return _quantity(
        rng,
        number,
        [("MHz", 1), ("mhz", 1), ("megahertz", 1), ("GHz", 1e3), ("gigahertz", 1e3), ("KHz", 1e-3), ("Hz", 1e-6), ("G Hz", 1e3)],
    )


def _watts(rng: random.Random, number: float) -> Node:
    return _quantity(
        rng, number, [("W", 1), ("watts", 1), ("w", 1), ("KW", 1e3), ("Kilowatts", 1e3), ("kW", 1e3), ("Watt", 1), ("MW", 1e6)][:7]
    )


def _memory(rng: random.Random, mebibytes: float) -> Node:
    byte = 1 / 1024**2
    units = [
        ("MiB", 1),
        ("GiB", 1024),
        ("GiBytes", 1024),
        ("KiB", 1 / 1024),
        ("bytes", byte),
        ("B", byte),
        ("MB", 1e6 * byte),
        ("Gigabytes", 1e9 * byte),
    ]
    bits = [("Gb", 1e9 * byte / 8), ("Mibits", 1 / 8), ("b", byte / 8), ("kb", 1e3 * byte / 8), ("Tebibytes", 1024**2)]
    return _quantity(rng, mebibytes, units + bits)


def _name(rng: random.Random) -> Node:
    return rng.choice(["A", "B", "", "a b", "\u00fc", 'q"uote', "A-0"])


def _about(rng: random.Random, fields: _Fields) -> None:
    for key in ("modelName", "vendor", "arch"):
        fields.often(key, lambda: rng.choice(["", "x86", "unknown"]), 0.15)


def _power_model(rng: random.Random) -> Members:
    model = _Fields(rng)
    idle = rng.choice([0, 50, 100.5])
    model.always("modelType", rng.choice(["constant", "linear", "square", "cubic", "mse", "linear", "asymptotic"]))
    model.always("idlePower", _watts(rng, idle))
    model.always("maxPower", _watts(rng, idle + rng.choice([0, 100, 250])))
    model.often("power", lambda: _watts(rng, 300))
    model.often("calibrationFactor", lambda: _decimal(rng, rng.choice([1.0, 2.0])))
    if ("modelType", "asymptotic") in model.pairs or rng.random() < 0.2:
        model.always("asymUtil", _decimal(rng, rng.choice([0.3, 1.0])))
    model.often("dvfs", lambda: _truth(rng))
    return model.done()


def _host(rng: random.Random) -> Members:
    host, cpu, memory = _Fields(rng), _Fields(rng), _Fields(rng)
    cpu.always("coreCount", _whole(rng, rng.choice([1, 2, 4, 16])))
    cpu.always("coreSpeed", _megahertz(rng, rng.choice([1000, 2100, 3200.5])))
    cpu.often("count", lambda: _whole(rng, rng.choice([1, 2])))
    _about(rng, cpu)
    memory.always("memorySize", _memory(rng, rng.choice([0, 1000, 4096, 128_000])))
    memory.often("memorySpeed", lambda: _megahertz(rng, 3200), 0.15)
    _about(rng, memory)
    host.always("cpu", cpu.done())
    host.always("memory", memory.done())
    host.often("name", lambda: _name(rng), 0.6)
    host.often("count", lambda: _whole(rng, rng.choice([0, 1, 2, 3])), 0.6)
    host.often("cpuPowerModel", lambda: _power_model(rng), 0.7)
    host.often("gpuPowerModel", lambda: _power_model(rng), 0.1)
    host.often("gpu", lambda: rng.choice([Bare("null"), Bare("null"), _gpu(rng)]), 0.1)
    policies = ["MAX_MIN_FAIRNESS"] * 6 + ["EQUAL_SHARE", "FIRST_FIT", "BEST_EFFORT", "FIXED_SHARE"]
    for key in ("cpuDistributionPolicy", "gpuDistributionPolicy"):
        host.often(key, lambda: Members((("type", rng.choice(policies)),)), 0.1)
    return host.done()


def _gpu(rng: random.Random) -> Members:
    gpu = _Fields(rng)
    gpu.always("coreCount", _whole(rng, 1))
    gpu.always("coreSpeed", _megahertz(rng, 1000))
    gpu.often("count", lambda: _whole(rng, rng.choice([0, 1])), 0.7)
    gpu.often("memoryBandwidth", lambda: rng.choice(["5 Gbps", "2 KiBytes/s", Bare("7")]))
    gpu.often("virtualizationOverHeadModel", lambda: Members((("type", rng.choice(["NONE", "CONSTANT", "SHARE_BASED"])),)))
    return gpu.done()


def _topology(rng: random.Random) -> Members:
    clusters: list[Node] = []
    for _ in range(rng.randint(1, 3)):
        cluster, source = _Fields(rng), _Fields(rng)
        cluster.always("hosts", [_host(rng) for _ in range(rng.choice([0, 1, 1, 1, 2, 3]))])
        cluster.often("name", lambda: _name(rng), 0.6)
        cluster.often("count", lambda: _whole(rng, 2), 0.1)
        cluster.often("battery", lambda: Bare("null"), 0.1)
        source.often("name", lambda: _name(rng))
        source.often("maxPower", lambda: _whole(rng, 5000))
        source.often("carbonTracePath", lambda: rng.choice(["carbon.parquet", Bare("null")]), 0.5)
        cluster.often("powerSource", source.done, 0.5)
        clusters.append(cluster.done())
    return Members((("clusters", clusters),))


def _policy(rng: random.Random) -> Members:
    policy = _Fields(rng)
    if rng.random() < 0.7:
        policy.always("type", "prefab")
        names = [name + inverse for name in ("Mem", "CoreMem", "ActiveServers", "ProvisionedCores") for inverse in ("", "Inv")]
        policy.often("policyName", lambda: rng.choice([*names, *names, "Timeshift"]), 0.8)
        return policy.done()
    policy.always("type", rng.choice(["filter"] * 6 + ["timeshift"]))
    filters: list[Node] = []
    for name in rng.sample(["Compute", "Ram", "VCpu", "VCpuCapacity", "InstanceCount", "SameHost", "DifferentHost"], rng.randint(0, 3)):
        each = _Fields(rng)
        each.always("type", name)
        if name == "InstanceCount":
            each.always("limit", _whole(rng, rng.choice([2, 8])))
        if name in ("Ram", "VCpu"):
            each.often("allocationRatio", lambda: _decimal(rng, rng.choice([1.0, 16.0])), 0.6)
        each.often("filterName", lambda: rng.choice(["Compute", "Ram"]), 0.1)
        filters.append(each.done())
    policy.often("filters", lambda: filters, 0.8)
    weighers: list[Node] = []
    for name in rng.sample(["Ram", "CoreRam", "InstanceCount", "VCpuCapacity", "VCpu"], rng.randint(0, 3)):
        multiplier = (("multiplier", _decimal(rng, rng.choice([-1.0, 0.5, 2.0]))),) if rng.random() < 0.6 else ()
        weighers.append(Members((("type", name), *multiplier)))
    policy.often("weighers", lambda: weighers, 0.7)
    policy.often("subsetSize", lambda: _whole(rng, 1), 0.2)
    return policy.done()


def _export(rng: random.Random) -> Members:
    export = _Fields(rng)
    export.often("exportInterval", lambda: _whole(rng, rng.choice([30, 60, 300])), 0.8)
    export.often("printFrequency", lambda: rng.choice([Bare("null"), _whole(rng, 24)]))
    files: list[Node] = [name for name in ("powerSource", "host", "task", "service", "battery") if rng.random() < 0.7]
    export.often("filesToExport", lambda: files or ["host"], 0.6)
    columns = Members(
        tuple(
            (f"{t}ExportColumns", list[Node](["cpu_demand", "Power Draw", "x"])[: rng.randint(0, 3)]) for t in ("host", "task", "service")
        )
    )
    export.often("computeExportConfig", lambda: columns, 0.2)
    export.often("filesToExportDict", lambda: Members(((rng.choice(["host", "battery"]), _truth(rng)),)), 0.05)
    return export.done()


def _experiment(rng: random.Random, topologies: list[str]) -> Members:
    experiment = _Fields(rng)
    experiment.always("name", rng.choice(["e", "a b", "a/b", "\u00fc", "x.y"]))
    experiment.always("topologies", [Members((("pathToFile", name),)) for name in topologies])
    workload = _Fields(rng)
    workload.always("pathToFile", "work")
    workload.always("type", "ComputeWorkload")
    workload.often("sampleFraction", lambda: _decimal(rng, rng.choice([1.0, 1.0, 2.5])), 0.2)
    times = [
        "2022-10-06T22:00:00",
        "2022-10-06T22:00",
        "1969-12-31T23:59:59.5",
        "1970-01-01t00:00:00.123456789",
        "2022-10-06 22:00:00",
        "2022-10-06",
    ]
    workload.often("submissionTime", lambda: rng.choice([*times, Bare("null")]), 0.2)
    workload.often("deferAll", lambda: _truth(rng), 0.1)
    workload.often("scalingPolicy", lambda: "NoDelay", 0.2)
    once = workload.done()
    experiment.always("workloads", [once, once] if rng.random() < 0.1 else [once])
    experiment.often("outputFolder", lambda: "output", 0.5)
    experiment.often("initialSeed", lambda: _whole(rng, rng.choice([0, 7, -1])))
    experiment.often("runs", lambda: _whole(rng, rng.choice([1, 1, 2])))
    experiment.often("allocationPolicies", lambda: [_policy(rng) for _ in range(rng.randint(1, 2))], 0.6)
    none = Members((("type", "no"),))
    failures: list[Node] = [Bare("null"), none, none, Members((("type", "prefab"), ("prefabName", "G5k06Exp")))]
    experiment.often("failureModels", lambda: rng.sample(failures[: rng.choice([3, 3, 3, 4])], rng.randint(1, 2)), 0.3)
    experiment.often("maxNumFailures", lambda: [_whole(rng, rng.choice([10, 5])) for _ in range(rng.randint(1, 2))], 0.15)
    experiment.often("checkpointModels", lambda: [rng.choice([Bare("null"), Members((("checkpointInterval", Bare("0")),))])], 0.2)
    experiment.often("exportModels", lambda: [_export(rng) for _ in range(rng.randint(1, 2))], 0.8)
    return experiment.done()


# -- changes -------------------------------------------------------------------------------------------------------------------


def _changed(rng: random.Random, node: Any) -> Any:
    """Something else at one place below `node`."""
    if isinstance(node, Members) and node.pairs:
        at = rng.randrange(len(node.pairs))
        pairs, (key, value) = list(node.pairs), node.pairs[at]
        kind = rng.random()
        if _nested(value) and kind < 0.8:
            pairs[at] = (key, _changed(rng, value))
        elif kind < 0.85:
            pairs[at] = (key, _other(rng, value))
        elif kind < 0.89:
            del pairs[at]
        elif kind < 0.92:
            pairs.append((rng.choice(["x", key.upper(), f"{key} ", "name"]), value))
        elif kind < 0.96:
            pairs.append((key, _other(rng, value)))
        else:
            pairs.insert(at, (key, _other(rng, value)))
        return Members(tuple(pairs))
    if isinstance(node, list) and node:
        entries, at = list(node), rng.randrange(len(node))
        kind = rng.random()
        if _nested(entries[at]) and kind < 0.85:
            entries[at] = _changed(rng, entries[at])
        elif kind < 0.95:
            entries[at] = _other(rng, entries[at])
        else:
            del entries[at]
        return entries
    return _other(rng, node)


def _nested(node: Node) -> bool:
    return (isinstance(node, Members) and bool(node.pairs)) or (isinstance(node, list) and bool(node))


def _other(rng: random.Random, node: Node) -> Node:
    kind = rng.random()
    if isinstance(node, str) and kind < 0.5:
        return rng.choice([node.lower(), node.upper(), Bare(node) if node.isalnum() else node + " ", f" {node}"])
    if isinstance(node, Bare) and kind < 0.5:
        return rng.choice([node.text, Bare(f"{node.text}.0"), Bare(f"-{node.text}")])
    return rng.choice(_ODD)
