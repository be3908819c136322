"""How durations, speeds and times are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.settings import FOREVER, duration_text, load


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1.5h", 5_400_000), ("7d", 604_800_000), ("2 m", 120_000)]
)
def test_durations(text: str, milliseconds: int) -> None:
    assert load(None, {"simulator.snapshot_every": text}).settings.simulator.snapshot_every == milliseconds


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 min", "0s", "0.5ms", "1e3s", "5m30s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"simulator\.snapshot_every \(flag\)"):
        load(None, {"simulator.snapshot_every": text})


@given(st.integers(min_value=1, max_value=10 * times.DAY))
def test_the_text_of_a_duration_means_it(milliseconds: int) -> None:
    text = duration_text(milliseconds)
    assert load(None, {"simulator.snapshot_every": text}).settings.simulator.snapshot_every == milliseconds


def test_retention_may_be_for_ever() -> None:
    assert load(None, {"kafka.datacenter_retention": "forever"}).settings.kafka.datacenter_retention == FOREVER
    assert load(None, {"kafka.datacenter_retention": "8d"}).settings.kafka.datacenter_retention == 8 * times.DAY


@pytest.mark.parametrize(("given_speed", "speed"), [("max", None), ("300", 300.0), (0.5, 0.5), ("20000", 20_000.0)])
def test_speeds(given_speed: object, speed: float | None) -> None:
    assert load(None, {"workload.speed": given_speed}).settings.workload.speed == speed


@pytest.mark.parametrize("speed", ["fast", "0", -1, True, "-1", "inf", float("nan")])
def test_no_speeds(speed: object) -> None:
    with pytest.raises(BadConfiguration, match=r"workload\.speed"):
        load(None, {"workload.speed": speed})


def test_naive_times_are_refused() -> None:
    assert load(None, {"workload.until": "2022-10-07T00:00:00+02:00"}).settings.workload.until == times.parse("2022-10-06T22:00:00Z")
    with pytest.raises(BadConfiguration, match="no time zone"):
        load(None, {"workload.until": "2022-10-07T00:00:00"})
