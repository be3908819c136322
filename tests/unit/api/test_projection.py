"""What the API answers from: the same whatever came twice, in sums that do not depend on the resolution."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.projection import series
from opendt_streams.projection.columns import Columns
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.projection import FOLLOWED
from opendt_streams.projection.series import UNITS, Query, answer
from opendt_streams.wire.record import Record
from tests.unit.api.site import GRID, HOUR, SITE, STEP, T0, WINDOW, logs, result

WINDOWS = 24


def fed(records: list[Record]) -> Datacenter:
    datacenter = Datacenter(SITE, GRID)
    for record in records:
        datacenter.take(record)
    return datacenter


@pytest.fixture(scope="module")
def site() -> Datacenter:
    found = logs(WINDOWS)
    return fed([record for topic in FOLLOWED for record in found[topic]])


def whole(metric: str, resolution_ms: int) -> Query:
    return Query([metric], T0, T0 + WINDOWS * WINDOW, resolution_ms)


@pytest.mark.parametrize("metric", ["simulated_energy_j", "carbon_g"])
@pytest.mark.parametrize("resolution_ms", [STEP, WINDOW, 7 * times.MINUTE, HOUR])
def test_sums_do_not_depend_on_the_resolution(site: Datacenter, metric: str, resolution_ms: int) -> None:
    rng = Random(1)
    field = {"simulated_energy_j": "energy_j", "carbon_g": "carbon_g"}[metric]
    expected = sum(sum(getattr(r.total, field)) for n in range(WINDOWS) if (r := result(n, rng)).total)
    assert np.nansum(answer(site, whole(metric, resolution_ms)).columns[metric]) == pytest.approx(expected)


def test_a_bucket_is_the_mean_of_its_rows(site: Datacenter) -> None:
    rows = answer(site, whole("simulated_power_w", STEP)).columns["simulated_power_w"]
    windows = answer(site, whole("simulated_power_w", WINDOW))
    assert windows.time_ms[0] == T0 + WINDOW
    assert windows.columns["simulated_power_w"] == pytest.approx(rows.reshape(WINDOWS, -1).mean(axis=1))


def test_the_interval_begins_with_the_first_decision(site: Datacenter) -> None:
    query = Query(["interval_low_w", "interval_high_w", "simulated_power_w"], T0, T0 + 2 * HOUR, STEP)
    columns = answer(site, query).columns
    rows = HOUR // STEP
    assert np.isnan(columns["interval_low_w"][:rows]).all()
    assert columns["interval_low_w"][rows:] == pytest.approx(0.9 * columns["simulated_power_w"][rows:])
    assert columns["interval_high_w"][rows:] == pytest.approx(1.1 * columns["simulated_power_w"][rows:])


def test_error_and_utilisation(site: Datacenter) -> None:
    columns = answer(site, Query(["error_percent", "simulated_power_w", "utilisation"], T0, T0 + HOUR, STEP)).columns
    assert columns["error_percent"] == pytest.approx(100 * np.abs(columns["simulated_power_w"] - 30) / 30)
    assert columns["utilisation"] == pytest.approx(np.full(HOUR // STEP, 0.25))  # 2,000 of 8,000 MHz


def test_a_cluster_answers_for_itself_and_meters_do_not(site: Datacenter) -> None:
    of_cluster = answer(site, Query(["simulated_power_w"], T0, T0 + HOUR, WINDOW, cluster="C"))
    assert of_cluster.columns["simulated_power_w"] == pytest.approx(
        answer(site, Query(["simulated_power_w"], T0, T0 + HOUR, WINDOW)).columns["simulated_power_w"]
    )
    for query in (Query(["measured_power_w"], T0, T0 + 1, STEP, "C"), Query(["simulated_power_w"], T0, T0 + 1, STEP, "X")):
        with pytest.raises(BadInput, match="cluster"):
            answer(site, query)


def test_a_range_is_cut_to_what_is_known_and_never_finer_than_the_rows(site: Datacenter) -> None:
    found = answer(site, Query(["carbon_g"], 0, T0 + 10_000 * times.DAY, times.SECOND))
    assert found.resolution_ms == STEP
    assert found.time_ms[0] - STEP == T0
    assert found.time_ms[-1] == T0 + WINDOWS * WINDOW
    assert not len(answer(site, Query(["carbon_g"], T0 + HOUR, T0, STEP)).time_ms)
    assert not len(answer(Datacenter("new", site.grid), Query(["carbon_g"], 0, T0, STEP)).time_ms)


def test_too_many_rows_are_refused(site: Datacenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST_ROWS", 10)
    with pytest.raises(BadInput, match="coarser"):
        answer(site, whole("carbon_g", STEP))


@settings(deadline=None, max_examples=20)
@given(st.randoms(use_true_random=False))
def test_interleaving_and_repetition_change_nothing(rng: Random) -> None:
    """Topics in any interleaving, results and decisions written twice by a restarted worker."""
    found = logs(13)
    calm = fed([record for topic in FOLLOWED for record in found[topic]])
    queues = [list(found[topic]) for topic in FOLLOWED if found[topic]]
    mixed: list[Record] = []
    while queues:
        queue = rng.choice(queues)
        mixed.append(queue.pop(0))
        if rng.random() < 0.2:
            mixed.append(rng.choice([r for r in mixed if r.topic == mixed[-1].topic]))
        queues = [q for q in queues if q]
    wild = fed(mixed)
    for metric in UNITS:
        query = Query([metric], T0, T0 + 13 * WINDOW, WINDOW)
        assert answer(wild, query).columns[metric] == pytest.approx(answer(calm, query).columns[metric], nan_ok=True)
    assert len(wild.decisions) == len(calm.decisions)
    assert wild.progress.windows == calm.progress.windows


@given(st.lists(st.integers(0, 50), max_size=60))
def test_columns_hold_the_first_row_of_each_time_in_order(times_ms: list[int]) -> None:
    columns, expected = Columns("v"), dict[int, float]()
    for i, time_ms in enumerate(times_ms):
        columns.append([time_ms], [float(i)])
        expected.setdefault(time_ms, float(i))
    assert dict(zip(columns.time_ms.tolist(), columns.values("v").tolist(), strict=True)) == dict(sorted(expected.items()))
    assert columns.time_ms.tolist() == sorted(expected)
