"""What is in force when: at once, at other hardware, late; and the load as columns against the basis window by window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.topology import Topology
from opendt_streams.offline.driving import Driven, drive
from opendt_streams.offline.recording import Hardware, Recording
from opendt_streams.workload.truth.document import Truth
from tests.unit.offline.methods import Counts, Oracle

HOSTS = 16


def idle_by_hour(recording: Recording, driven: Driven) -> list[float]:
    """Watts per host in each hour after the first instant, which must be the same in all its rows."""
    hours = (recording.load.row_ms - 1) // times.HOUR - driven.first_instant_ms // times.HOUR
    found = []
    for hour in range(int(hours.max()) + 1):
        (watts,) = set(driven.row_w[hours == hour].tolist())
        found.append(watts / HOSTS)
    return found


def test_what_an_instant_publishes_is_in_force_until_the_next(recording: Recording) -> None:
    driven = drive(recording, Counts(), times.HOUR)
    assert idle_by_hour(recording, driven)[:47] == list(range(1, 48))
    assert driven.publications == len(driven.decisions) == 48


@pytest.mark.parametrize("hours", [1, 3])
def test_with_a_delay_it_is_in_force_later(recording: Recording, hours: int) -> None:
    late, prompt = (drive(recording, Counts(), times.HOUR, delay_ms=d) for d in (hours * times.HOUR, 0))
    assert idle_by_hour_from(recording, late, hours) == idle_by_hour(recording, prompt)[: 47 - hours]
    assert late.decisions == prompt.decisions


def test_a_delay_need_not_be_a_number_of_intervals(recording: Recording) -> None:
    driven = drive(recording, Counts(), 6 * times.HOUR, delay_ms=2 * times.HOUR)
    assert idle_by_hour_from(recording, driven, 2)[:14] == [1.0] * 6 + [2.0] * 6 + [3.0] * 2


def idle_by_hour_from(recording: Recording, driven: Driven, hours: int) -> list[float]:
    part = replace(driven, first_instant_ms=driven.first_instant_ms + hours * times.HOUR)
    return idle_by_hour(recording, part)[: 47 - hours]


def test_other_hardware_takes_the_parameters_of_unchanged_groups_along(recording: Recording) -> None:
    thin, wide = recording.hardware[0].topology.clusters[0].host_groups
    (cluster,) = recording.topology_at(0).clusters
    grown = Topology((replace(cluster, host_groups=(thin, replace(wide, count=wide.count + 1))),))
    other = replace(recording, hardware=(recording.hardware[0], Hardware(30, grown)))
    driven = drive(other, Counts(), times.HOUR)
    at = next(x.topology for x in driven.in_force if x.from_ms == recording.windows[30].window_start_ms)
    kept, new = (g.power_model for _, _, g in at.host_groups)
    assert kept.idle_power_w == 2.0
    assert new == wide.power_model


def test_columns_are_what_the_basis_says(recording: Recording, truth: Truth) -> None:
    topology = drive(recording, Oracle(truth), times.HOUR).in_force[-1].topology
    found = recording.load.power_w(topology, 100, 140)
    by_hand = [
        sum(basis_power_w(b, topology.clusters[b.cluster].host_groups[b.group].power_model) for b in window.basis)
        for window in recording.windows[100:140]
    ]
    assert found == pytest.approx(np.concatenate(by_hand), rel=1e-11)


def test_an_interval_that_windows_do_not_divide_is_refused(recording: Recording) -> None:
    with pytest.raises(BadConfiguration, match="does not divide"):
        drive(recording, Counts(), 7 * times.MINUTE)


def test_decisions_are_timed_and_progress_is_told(recording: Recording) -> None:
    ticks, shares = iter(range(10**6)), list[float]()
    driven = drive(recording, Counts(), 6 * times.HOUR, clock=lambda: float(next(ticks)), progress=shares.append)
    assert set(driven.seconds) == {1.0}
    assert len(driven.seconds) == driven.publications
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
