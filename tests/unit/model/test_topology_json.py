"""Topologies as users write them: both dialects, the normal form, and errors that name their path."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadInput, NotModelled
from opendt_streams.model.canonical import canonical
from opendt_streams.model.topology import MODEL_TYPES, Cluster, HostGroup, PowerModel, Topology
from opendt_streams.model.topology_json import Dialect, read_topology, to_document

DOCUMENT: Final[dict[str, Any]] = {
    "clusters": [
        {
            "name": "C01",
            "hosts": [
                {
                    "name": "H01",
                    "count": 277,
                    "cpu": {"coreCount": 16, "coreSpeed": 2100},
                    "memory": {"memorySize": 128_000_000},
                    "cpuPowerModel": {"modelType": "mse", "power": 300.0, "idlePower": 25.0, "maxPower": 174.0, "calibrationFactor": 4},
                }
            ],
            "powerSource": {"carbonTracePath": "/app/carbon.parquet"},
        }
    ]
}
HOST: Final = ("clusters", 0, "hosts", 0)
REMOVED: Final = object()


def changed(path: tuple[Any, ...], value: object) -> Any:
    document: Any = deepcopy(DOCUMENT)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is REMOVED:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


def test_surf_s_topology() -> None:
    for dialect in ("opendc", "opendt"):
        topology = read_topology(DOCUMENT, dialect)
        group = topology.clusters[0].host_groups[0]
        assert topology.host_count == 277
        assert (group.cores, group.capacity_mhz, group.memory_mib) == (16, 33_600.0, 128_000_000)
        assert group.power_model == PowerModel("mse", 25.0, 174.0, 300.0, calibration_factor=4.0)
        assert topology.clusters[0].carbon_trace == "/app/carbon.parquet"


def model_of(dialect: Dialect, **model: Any) -> PowerModel:
    return (
        read_topology(changed((*HOST, "cpuPowerModel"), {"idlePower": 1, "maxPower": 2, **model}), dialect)
        .clusters[0]
        .host_groups[0]
        .power_model
    )


def test_the_dialects_fill_gaps_in_their_own_ways() -> None:
    assert model_of("opendt") == PowerModel("asymptotic", 1, 2, 400, asym_util=0.5, dvfs=False)
    assert model_of("opendt", modelType="mse").calibration_factor == 0.5
    assert model_of("opendc", modelType="mse").calibration_factor == 1.0
    assert model_of("opendc", modelType="asymptotic", asymUtil=0.3) == PowerModel("asymptotic", 1, 2, 400, asym_util=0.3, dvfs=True)
    with pytest.raises(BadInput, match="asymUtil 0 divides by zero"):
        model_of("opendc", modelType="asymptotic")
    with pytest.raises(BadInput, match="modelType"):
        model_of("opendc")


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_power_model_is_read(model_type: str) -> None:
    found = model_of("opendt", modelType=model_type, busyPower=3, slopePower=4)
    assert found.model_type == model_type


def test_busy_linear_has_its_own_parameters() -> None:
    found = model_of("opendc", modelType="busy-linear", busyPower=3, slopePower="0.004 KW")
    assert (found.idle_power_w, found.busy_power_w, found.slope_power_w, found.max_power_w) == (1.0, 3.0, 4.0, 0.0)


def test_without_a_power_model_it_is_opendc_s_default() -> None:
    assert read_topology(changed((*HOST, "cpuPowerModel"), REMOVED)).clusters[0].host_groups[0].power_model == PowerModel()


@pytest.mark.parametrize(
    "path", [(), ("clusters", 0), HOST, (*HOST, "cpu"), (*HOST, "memory"), (*HOST, "cpuPowerModel"), ("clusters", 0, "powerSource")]
)
def test_unknown_keys_are_refused_by_one_dialect_and_ignored_by_the_other(path: tuple[Any, ...]) -> None:
    document = changed((*path, "rack"), 7)
    assert read_topology(document, "opendt") == read_topology(DOCUMENT)
    with pytest.raises(BadInput, match="unknown key 'rack'"):
        read_topology(document, "opendc")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("clusters",), [], "clusters: no list with at least one entry"),
        (("clusters",), {}, "clusters: no list with at least one entry"),
        (("clusters",), ["C"], "clusters[0]: str where an object belongs"),
        (("clusters", 0, "name"), "", "clusters[0].name: '' is not a name"),
        (("clusters", 0, "name"), 7, "clusters[0].name: 7 is not a name"),
        (("clusters", 0, "hosts"), [], "clusters[0].hosts: no list with at least one entry"),
        (("clusters", 0, "powerSource"), "grid", "clusters[0].powerSource: str where an object belongs"),
        (("clusters", 0, "powerSource", "carbonTracePath"), 7, "clusters[0].powerSource.carbonTracePath: 7 is not a name"),
        (("clusters", 0, "powerSource", "maxPower"), "much", "clusters[0].powerSource.maxPower: 'much' is not a quantity"),
        ((*HOST, "count"), 0, "clusters[0].hosts[0].count: 0 is not a count"),
        ((*HOST, "count"), True, "clusters[0].hosts[0].count: True is not a number"),
        ((*HOST, "count"), 2**31, "clusters[0].hosts[0].count: 2147483648 is not a count"),
        ((*HOST, "count"), 1_000_001, "clusters: 1000001 hosts are more than one twin simulates"),
        ((*HOST, "cpu"), REMOVED, "clusters[0].hosts[0].cpu: nothing where an object belongs"),
        ((*HOST, "cpu", "coreCount"), REMOVED, "clusters[0].hosts[0].cpu: the key coreCount is missing"),
        ((*HOST, "cpu", "coreCount"), -4, "clusters[0].hosts[0].cpu.coreCount: -4 is not a count"),
        ((*HOST, "cpu", "coreSpeed"), 0, "clusters[0].hosts[0].cpu.coreSpeed: 0 is not positive"),
        ((*HOST, "cpu", "coreSpeed"), "2 GB", "clusters[0].hosts[0].cpu.coreSpeed: '2 GB' is not a quantity"),
        ((*HOST, "memory", "memorySize"), "1 B", "clusters[0].hosts[0].memory.memorySize: 0 is not positive"),
        ((*HOST, "memory", "memorySize"), 2**60, "clusters[0].hosts[0].memory.memorySize: 1152921504606846976 is not a memory size"),
        ((*HOST, "cpuPowerModel", "modelType"), "magic", "clusters[0].hosts[0].cpuPowerModel.modelType: unknown power model 'magic'"),
        ((*HOST, "cpuPowerModel", "idlePower"), -1, "clusters[0].hosts[0].cpuPowerModel.idlePower: -1 is negative"),
        ((*HOST, "cpuPowerModel", "idlePower"), 200, "clusters[0].hosts[0].cpuPowerModel: maxPower 174 W is below idlePower 200 W"),
        ((*HOST, "cpuPowerModel", "maxPower"), REMOVED, "clusters[0].hosts[0].cpuPowerModel: the key maxPower is missing"),
        ((*HOST, "cpuPowerModel", "calibrationFactor"), -1, "clusters[0].hosts[0].cpuPowerModel.calibrationFactor: -1 is negative"),
    ],
)
def test_an_error_names_its_path(path: tuple[Any, ...], value: object, says: str) -> None:
    for dialect in ("opendc", "opendt"):
        with pytest.raises(BadInput) as error:
            read_topology(changed(path, value), dialect)
        assert str(error.value).startswith(says)


@pytest.mark.parametrize("document", [None, [], "clusters", {}])
def test_what_is_no_topology_at_all(document: object) -> None:
    with pytest.raises(BadInput):
        read_topology(document)


@pytest.mark.parametrize("dialect", ["opendc", "opendt"])
def test_what_changes_nothing_is_read_and_left_out(dialect: Dialect) -> None:
    about = {"modelName": "m", "vendor": "v", "arch": "x86"}
    document = changed((*HOST, "cpu"), {"coreCount": "16", "coreSpeed": "2.1 gigahertz"} | about)
    document["clusters"][0]["hosts"][0] |= {"memory": {"memorySize": "128000000", "memorySpeed": 3200} | about, "gpu": None}
    document["clusters"][0]["hosts"][0]["cpuDistributionPolicy"] = {"type": "MAX_MIN_FAIRNESS"}
    document["clusters"][0] |= {"battery": None, "count": 2}
    assert read_topology(document, dialect) == read_topology(DOCUMENT, dialect)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("clusters", 0, "battery"), {"capacity": 1}, "a battery is not modelled"),
        ((*HOST, "gpu"), {"coreCount": 1, "coreSpeed": 1000}, "a GPU is not modelled"),
        ((*HOST, "cpuDistributionPolicy"), {"type": "FIRST_FIT"}, "the cpuDistributionPolicy FIRST_FIT is not modelled"),
    ],
)
def test_what_opendc_takes_and_we_do_not_model_is_refused_by_name_or_left_out(path: tuple[Any, ...], value: object, says: str) -> None:
    document = changed(path, value)
    with pytest.raises(NotModelled, match=says):
        read_topology(document, "opendc")
    assert read_topology(document, "opendt") == read_topology(DOCUMENT)


def test_a_power_source_or_trace_of_null() -> None:
    without = read_topology(changed(("clusters", 0, "powerSource"), REMOVED))
    assert read_topology(changed(("clusters", 0, "powerSource"), None), "opendt") == without
    assert read_topology(changed(("clusters", 0, "powerSource", "carbonTracePath"), None), "opendc") == without
    with pytest.raises(BadInput, match="nothing where an object belongs"):
        read_topology(changed(("clusters", 0, "powerSource"), None), "opendc")


# -- the normal form -----------------------------------------------------------------------------------------------------------

POSITIVE = st.floats(1e-3, 1e12)
COUNTS = st.integers(1, 10**5)
NAMES = st.text(min_size=1, max_size=5)


@st.composite
def power_models(draw: st.DrawFn) -> dict[str, Any]:
    idle = draw(st.floats(0, 1e6))
    return {
        "modelType": draw(st.sampled_from(MODEL_TYPES)),
        "idlePower": idle,
        "maxPower": idle + draw(st.floats(0, 1e6)),
        "power": draw(POSITIVE),
        "calibrationFactor": draw(POSITIVE),
        "asymUtil": draw(POSITIVE),
        "dvfs": draw(st.booleans()),
        "busyPower": draw(POSITIVE),
        "slopePower": draw(POSITIVE),
    }


GROUPS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "count": COUNTS,
        "cpu": st.fixed_dictionaries({"count": COUNTS, "coreCount": COUNTS, "coreSpeed": POSITIVE}),
        "memory": st.fixed_dictionaries({"memorySize": st.integers(1, 10**9)}),
    },
    optional={"cpuPowerModel": power_models()},
)
CLUSTERS = st.fixed_dictionaries(
    {"name": NAMES, "hosts": st.lists(GROUPS, min_size=1, max_size=3)},
    optional={"powerSource": st.fixed_dictionaries({}, optional={"name": NAMES, "carbonTracePath": NAMES, "maxPower": POSITIVE})},
)
TOPOLOGIES = st.builds(lambda clusters: {"clusters": clusters}, st.lists(CLUSTERS, min_size=1, max_size=2))


@given(TOPOLOGIES, st.sampled_from(["opendc", "opendt"]))
def test_the_normal_form_means_the_same_in_both_dialects_and_is_its_own_normal_form(document: dict[str, Any], dialect: Dialect) -> None:
    topology = read_topology(document, dialect)
    normal = to_document(topology)
    for other in ("opendc", "opendt"):
        again = read_topology(normal, other)
        assert again == topology
        assert canonical(to_document(again)) == canonical(normal)


def test_names_may_be_left_out_and_are_then_opendc_s() -> None:
    document = changed((*HOST, "name"), REMOVED)
    del document["clusters"][0]["name"]
    topology = read_topology(document)
    assert (topology.clusters[0].name, topology.clusters[0].host_groups[0].name) == ("Cluster", "Host")


def test_without_power_models_two_topologies_differ_by_their_hardware_only() -> None:
    group = HostGroup("H", 1, 1, 4, 1000.0, 64, PowerModel(idle_power_w=1))
    one, other = (Topology((Cluster("C", (g,)),)) for g in (group, HostGroup("H", 1, 1, 4, 1000.0, 64, PowerModel("cubic"))))
    assert one.without_power_models() == other.without_power_models()
    assert one != other
    assert one.with_power_models({(0, 0): PowerModel("cubic")}, default=None) == other
    assert one.with_power_models({}, default=None) == one
