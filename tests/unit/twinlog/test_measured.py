from __future__ import annotations

from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.topology_json import read_topology
from opendt_streams.twinlog.measured import measured_w
from tests.unit.twin import said

ROWS = [100, 130, 160]


def at(*samples: tuple[int, float]) -> list[PowerSample]:
    return [PowerSample(t, w) for t, w in samples]


def test_the_sample_at_the_instant_stands_for_the_row_whatever_follows() -> None:
    assert measured_w(ROWS, at((100, 5.0), (110, 50.0)), None, 30) == {100: 5.0}


def test_else_the_mean_of_those_before_the_next_row() -> None:
    assert measured_w(ROWS, at((101, 4.0), (129, 8.0), (160, 1.0)), None, 30) == {100: 6.0, 160: 1.0}


def test_samples_before_the_first_row_and_a_whole_interval_after_the_last_belong_to_none() -> None:
    assert measured_w(ROWS, at((99, 4.0), (190, 8.0)), None, 30) == {}
    assert measured_w([], at((99, 4.0)), None, 30) == {}


def test_meters_of_parts_count_only_where_the_topology_says_what_they_measure() -> None:
    samples = [PowerSample(100, 5.0, Meter("C")), PowerSample(130, 7.0, Meter("elsewhere"))]
    assert measured_w(ROWS, samples, read_topology(said.topology(2)), 30) == {100: 5.0}
    assert measured_w(ROWS, samples, None, 30) == {}
