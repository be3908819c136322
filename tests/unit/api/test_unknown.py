"""What nobody knows is null, never 0: carbon without a trace, whatever the form in which it is asked for."""

from __future__ import annotations

import io
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
from opendt_api.app import create_app
from opendt_api.context import Context

from opendt_streams.charts.data import report_data
from opendt_streams.model.canonical import canonical
from opendt_streams.model.result import ClusterSeries, WindowResult
from opendt_streams.projection.projection import Projection
from opendt_streams.projection.series import Query, answer
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import result_value
from tests.unit.api.site import GRID, SITE, STEP, T0, WINDOW, result
from tests.unit.api.test_routes import LedgerInMemory, principals

WINDOWS = 12
SERIES = f"/api/v1/datacenters/{SITE}/series"
CARBON = ("carbon_g", "carbon_intensity_g_per_kwh")


def half_known(number: int, rng: Random) -> WindowResult:
    """Two clusters, of which one has a carbon trace."""
    made = result(number, rng)
    assert made.total is not None
    dark = replace(made.total, carbon_intensity_g_per_kwh=None, carbon_g=None)
    return replace(made, total=dark, clusters=(ClusterSeries("C", made.clusters[0].series), ClusterSeries("dark", dark)))


def projection() -> Projection:
    found, rng = Projection(GRID, lambda _: SITE), Random(1)
    for number in range(WINDOWS):
        value = canonical(result_value(half_known(number, rng)))
        found.take(Record(topics.RESULTS, 0, number, b"site", value, (("opendt_ledger", b"0"),), T0 + number))
    return found


async def get(path: str, **query: Any) -> httpx.Response:
    made = projection()
    context = Context(made, lambda: 0, ready=lambda: True, datacenter=SITE, writer=LedgerInMemory(made))
    app = create_app(context, principals(), host="127.0.0.1", per_second=1e6)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        found = await client.get(path, params=query)
    assert found.status_code == 200, found.text
    return found


async def test_series_are_null_in_every_form() -> None:
    query = {"metric": ",".join(CARBON), "resolution": "5m"}
    columns = (await get(SERIES, **query)).json()["columns"]
    assert [columns[name] for name in CARBON] == [[None] * WINDOWS] * 2
    table = pa.ipc.open_stream((await get(SERIES, **query, format="arrow")).content).read_all()
    assert [table[name].null_count for name in CARBON] == [WINDOWS] * 2
    assert pd.read_csv(io.StringIO((await get(SERIES, **query, format="csv")).text))[list(CARBON)].isna().all().all()


async def test_a_cluster_with_a_trace_answers_for_itself() -> None:
    known = (await get(SERIES, metric="carbon_g", cluster="C")).json()["columns"]["carbon_g"]
    assert len(known) == WINDOWS
    assert all(value > 0 for value in known)
    assert (await get(SERIES, metric="carbon_g", cluster="dark")).json()["columns"]["carbon_g"] == [None] * WINDOWS


async def test_opendts_route_is_null() -> None:
    rows = (await get("/api/co2_emission", interval_seconds=300)).json()["data"]
    assert len(rows) == WINDOWS
    assert {(row["carbon_intensity"], row["carbon_emission"]) for row in rows} == {(None, None)}
    assert all(row["power_draw"] > 0 for row in rows)


async def test_grafana_shows_nothing() -> None:
    for target in (f"opendt.{SITE}.carbon_g", f"integral(opendt.{SITE}.carbon_g)", f"opendt.{SITE}.measured_power_w"):
        (series,) = (await get("/graphite/render", target=target, until=(T0 + WINDOWS * WINDOW) // 1000, **{"from": T0 // 1000})).json()
        assert {value for value, _ in series["datapoints"]} == {None}


async def test_state_and_accuracy_say_unknown() -> None:
    totals = (await get(f"/api/v1/datacenters/{SITE}/state")).json()["totals"]
    assert totals["span"] == {"from": "2023-11-15T00:00:00Z", "until": "2023-11-15T01:00:00Z"}
    assert totals["energy_kwh"] > 0
    assert (totals["carbon_kg"], totals["clusters"]["dark"]["carbon_kg"]) == (None, None)
    assert totals["clusters"]["C"]["carbon_kg"] > 0
    accuracy = (await get(f"/api/v1/datacenters/{SITE}/accuracy")).json()
    assert {name for name, value in accuracy.items() if value is None} == accuracy.keys() - {"datacenter"}


def test_the_report_has_null() -> None:
    columns = report_data(projection().datacenters[SITE], {})["series"]["columns"]
    assert set(columns["carbon_g"]) == set(columns["carbon_intensity_g_per_kwh"]) == set(columns["measured_power_w"]) == {None}


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    """The last window has no carbon: a bucket that it shares with a known one has none either, and others have theirs."""
    made, rng = Projection(GRID, lambda _: SITE), Random(1)
    for number in range(4):
        of_window = result(number, rng) if number < 3 else half_known(number, rng)
        value = canonical(result_value(of_window))
        made.take(Record(topics.RESULTS, 0, number, b"site", value, (("opendt_ledger", b"0"),), T0))
    found = answer(made.datacenters[SITE], Query(["carbon_g", "simulated_energy_j"], T0, T0 + 4 * WINDOW, 2 * WINDOW))
    assert [str(value) == "nan" for value in found.columns["carbon_g"].tolist()] == [False, True]
    assert (found.columns["simulated_energy_j"] > 20 * 20 * STEP / 1000).all()
