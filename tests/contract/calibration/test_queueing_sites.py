"""Sites that queue, for seven days at half their load: the twin, which sees them window by window, errs little more than their meters do.

The truth knows no windows: where each task ran is what a whole experiment says of the site (offline.made_sites).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from opendt_streams.assembly import new_method
from opendt_streams.offline.driving import drive
from opendt_streams.offline.made_sites import make_queueing_sample, make_site
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.scoring import figures
from opendt_streams.offline.simulating import record_workload
from opendt_streams.offline.true_power import true_row_w
from opendt_streams.settings import load
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.known import known_truth

QUEUES: Final = {"load": 0.5, "days": 7, "hosts": 24}
SITES: Final[dict[str, tuple[dict[str, Any], float]]] = {
    "plain": ({}, 1.5),
    "idle-step": ({"changes": [{"parameter": "idle", "by": 0.2, "at_hour": 60.25}]}, 1.7),
    "slope-drift": ({"changes": [{"parameter": "slope", "by": 0.15, "at_hour": 12, "until_hour": 150}]}, 1.6),
    "three-groups": ({"host_groups": 3, "clusters": 2}, 2.0),
}
"""By name: what is true of the site, and the most times the noise floor that the twin's error may be."""
SEEDS: Final = (11, 12)  # with both, windows that order equal instants in a way of their own come to other hosts


def recorded(folder: Path) -> tuple[Recording, float]:
    """What the twin sees of it, and its noise floor. The twin's windows must hold the load of the truth: the true law says so."""
    workload = read_workload(folder)
    recording, known = record_workload(workload, load(None).settings.grid), known_truth(folder, workload)
    assert known.truth is not None and known.noise_floor_percent is not None
    true_w, measured_w = recording.of_samples(true_row_w(recording, known.truth)), recording.measured[1]
    seen = np.isfinite(true_w)
    here = 100 * float(np.mean(np.abs(true_w[seen] - measured_w[seen]) / measured_w[seen]))
    assert here == pytest.approx(known.noise_floor_percent, rel=0.01), "the windows do not hold the load that the whole experiment has"
    return recording, known.noise_floor_percent


def error_percent(recording: Recording) -> float:
    """Of the default method at its interval, by the official rule: what a run would report."""
    settings = load(None).settings
    every = settings.calibrator.publish_every
    found = figures(recording, drive(recording, new_method(settings, settings.calibrator.method, every), every)).mape_percent
    assert found is not None
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SITES)
def test_the_error_is_near_the_noise_floor(tmp_path: Path, name: str, seed: int) -> None:
    true, most = SITES[name]
    made = make_site(tmp_path, SiteTruth.model_validate(QUEUES | true), seed)
    assert made.queued > 1000
    recording, floor = recorded(tmp_path)
    assert error_percent(recording) <= most * floor


def test_so_it_is_on_the_sample_that_queues(tmp_path: Path) -> None:
    make_queueing_sample(tmp_path, SEEDS[0], days=4, hosts=24, load=0.5)
    recording, floor = recorded(tmp_path)
    assert error_percent(recording) <= 1.5 * floor
