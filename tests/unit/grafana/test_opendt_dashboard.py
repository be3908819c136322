"""OpenDT's own dashboard (uid opendt-main of its repository, commit ef5a620): its Infinity queries, and the columns that it computes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.grafana.boards import GRAFANA
from tests.unit.graphite.lively import TOKEN, client_of

API = "http://api:8000"
# Path, and the columns that it reads of root `data`, with what it divides them by.
QUERIES = [
    ("/api/power?interval_seconds=60", {"actual_power": 1_000, "simulated_power": 1_000}),
    ("/api/co2_emission?interval_seconds=60", {"carbon_emission": 1_000, "carbon_intensity": 1}),
]


@pytest.mark.parametrize(("path", "columns"), QUERIES)
async def test_its_queries_have_data(path: str, columns: dict[str, int]) -> None:
    """As in its compose network: the host is `api`, so a token is needed, which the example's data source sends."""
    async with client_of(host="0.0.0.0") as client:
        assert (await client.get(f"{API}{path}")).status_code == 401
        found = await client.get(f"{API}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert found.status_code == 200, found.text
    rows: list[dict[str, Any]] = found.json()["data"]
    assert len(rows) > 100
    assert rows[0]["timestamp"].endswith("Z")
    for column, per in columns.items():
        assert all(isinstance(row[column], float) and row[column] / per > 0 for row in rows)
    steps = {row["timestamp"][17:19] for row in rows}
    assert steps <= {"00", "30"}


def test_the_example_is_its_data_source() -> None:
    (source,) = yaml.safe_load((GRAFANA / "examples" / "opendt-infinity.yaml").read_text())["datasources"]
    assert (source["uid"], source["type"]) == ("df5tfgbpfeakgc", "yesoreyeram-infinity-datasource")
    assert source["jsonData"]["allowedHosts"] == [API]
