"""The bars on sites of known truth that nothing was tuned on: near the truth, back after a step, still while a meter lies.

Every site of `opendt data sites`, by seeds of this file alone, through the twin's own calibrator (offline.driving).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from opendt_streams.assembly import new_method
from opendt_streams.offline.against_truth import TruthFigures, against_truth
from opendt_streams.offline.driving import drive
from opendt_streams.offline.simulating import record_workload
from opendt_streams.settings import load
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.document import load_truth
from opendt_streams.workload.truth.sites import SITES
from opendt_streams.workload.truth.writing import write_site

SEEDS: Final = {name: 9001 + 17 * i for i, name in enumerate(SITES)}
SMALL: Final = {"hosts": 24, "days": 3}

WORST_RATIO: Final = 1.5  # times the error of the true parameters on the same samples
LONGEST_RECOVERY_HOURS: Final = 6
LATEST_RECOGNITION_SAMPLES: Final = 21
MOST_CREPT_PERCENT: Final = 5.0


def judged(folder: Path, site: SiteTruth, seed: int) -> TruthFigures:
    """The default method at its interval."""
    settings = load(None).settings
    write_site(folder, site, seed)
    recording, truth = record_workload(read_workload(folder), settings.grid), load_truth(folder)
    assert truth is not None
    every = settings.calibrator.publish_every
    return against_truth(recording, drive(recording, new_method(settings, settings.calibrator.method, every), every), truth)


@pytest.mark.parametrize("name", SITES)
def test_the_error_is_near_that_of_the_truth(tmp_path: Path, name: str) -> None:
    found = judged(tmp_path, SITES[name].model_copy(update=SMALL), SEEDS[name])
    assert found.settled_ratio is not None
    assert found.settled_ratio < WORST_RATIO


@pytest.mark.parametrize("seed", [9501, 9502, 9503])
@pytest.mark.parametrize("more", [{}, {"host_groups": 3, "clusters": 2}, {"host_groups": 2, "meters": "host-group"}], ids=str)
def test_a_fifth_more_idle_power_is_learnt_within_six_hours(tmp_path: Path, seed: int, more: dict[str, Any]) -> None:
    step = {"parameter": "idle", "by": 0.2, "at_hour": 30.25 + 5 * (seed - 9501)}
    found = judged(tmp_path, SiteTruth.model_validate({**SMALL, "days": 2, **more, "changes": [step]}), seed)
    (recovery,) = found.recoveries
    assert recovery.hours is not None
    assert recovery.hours <= LONGEST_RECOVERY_HOURS


@pytest.mark.parametrize("begins", [30.1, 33.55])
@pytest.mark.parametrize("kind", ["stuck", "zeros"])
def test_nothing_moves_while_the_meter_lies(tmp_path: Path, kind: str, begins: float) -> None:
    fault = {"kind": kind, "from_hour": begins, "for_hours": 6}
    found = judged(tmp_path, SiteTruth.model_validate({**SMALL, "days": 2, "faults": [fault]}), 9701)
    (lie,) = found.faults
    assert lie.recognised_after_samples is not None
    assert lie.recognised_after_samples <= LATEST_RECOGNITION_SAMPLES
    assert lie.publications_after == 0
    assert lie.crept_percent < MOST_CREPT_PERCENT
    assert lie.hours_to_recover is not None
    assert lie.hours_to_recover <= 1
