"""Carbon traces: they come with the snapshot and are found by file name; run with our own engine, which insists on them."""

from __future__ import annotations

import pytest

from opendt_streams.engine.native import NATIVE
from opendt_streams.wire import topics
from tests.unit.twin import bench, said
from tests.unit.twin.bench import decision_record, edit, event_record
from tests.unit.twin.said import T0, S


def beat(second: int, snapshot: bytes) -> bytes:
    return said.heartbeat(T0 + second * S, snapshot)


@pytest.mark.parametrize(
    ("named", "sent", "intensity"),
    [
        ("/mnt/c.parquet", {"c.parquet": 20.0}, 20.0),
        ("/mnt/c.parquet", {"c.parquet": 0.0}, 0.0),  # known to be nothing
        ("/mnt/c.parquet", {}, None),  # as OpenDT's producers do
        (None, {"c.parquet": 20.0}, None),
    ],
)
def test_carbon_comes_with_the_snapshot_and_is_unknown_where_nobody_sent_it(
    named: str | None, sent: dict[str, float], intensity: float | None
) -> None:
    columns = {name: {"timestamp_ms": [0], "intensity_g_per_kwh": [value]} for name, value in sent.items()}
    snapshot = said.snapshot(T0, said.topology(2, carbon_path=named), columns)
    machine = bench.simulator(NATIVE)
    machine.read(topics.PHYSICAL, snapshot)
    machine.read(topics.WORKLOAD, beat(0, snapshot), beat(2, snapshot))
    machine.echo(topics.LEDGER)
    (result,) = machine.values(topics.RESULTS)
    for series in (result["total"], result["clusters"][0]["series"]):
        assert series["power_w"] == [100, 100]
        assert series["carbon_intensity_g_per_kwh"] == (None if intensity is None else [intensity, intensity])
        assert series["carbon_g"] == (None if intensity is None else pytest.approx([100 * intensity / 3.6e6] * 2, rel=1e-11))


@pytest.mark.parametrize(("carbon_path", "intensity"), [("D:\\other\\c.parquet", 20.0), ("nobody-sent-this.parquet", None)])
def test_an_edit_may_name_a_trace_in_another_folder_or_one_that_nobody_sent(carbon_path: str, intensity: float | None) -> None:
    columns = {"c.parquet": {"timestamp_ms": [0], "intensity_g_per_kwh": [20.0]}}
    snapshot = said.snapshot(T0, said.topology(2, carbon_path="/mnt/c.parquet"), columns)
    machine = bench.simulator(NATIVE)
    machine.read(topics.PHYSICAL, snapshot)
    machine.read(topics.WORKLOAD, beat(0, snapshot), beat(8, snapshot))
    machine.echo(topics.LEDGER)
    machine.read(topics.LEDGER, event_record(edit(machine, 2, carbon_path=carbon_path)))
    machine.read(topics.CALIBRATION, decision_record(6, pin=2))
    (result,) = machine.values(topics.RESULTS)
    assert result["total"]["carbon_intensity_g_per_kwh"] == (None if intensity is None else [intensity, intensity])
