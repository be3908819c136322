"""The figures, by hand and by what they must be of methods that know the truth."""

from __future__ import annotations

import numpy as np
import pytest

from opendt_streams.calibration import CalibrationSettings, method
from opendt_streams.calibration.metrics import means_score
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.decision import Discrepancy
from opendt_streams.offline.against_truth import against_truth
from opendt_streams.offline.comparison import compare
from opendt_streams.offline.driving import drive
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.scoring import figures, persistence_figures
from opendt_streams.offline.true_power import true_row_w
from opendt_streams.workload.truth.document import Truth
from tests.unit.offline.conftest import SITE, STEP_HOUR
from tests.unit.offline.methods import Counts, Oracle

EVERY = times.HOUR


def test_means_by_hand() -> None:
    """Two bins: 5 min of +20 %, then 10 % too little and 10 % too much, which cancel."""
    sample_ms = np.arange(1, 21) * 30_000
    measured = np.full(20, 100.0)
    predicted = np.array([120.0] * 10 + [90.0, 110.0] * 5)
    found = means_score(sample_ms, measured, predicted, 0)
    assert found.mape_percent == pytest.approx(10.0)
    assert found.good_hours_percent is None  # not an hour yet
    assert means_score(sample_ms, measured, predicted, 300_000).mape_percent == pytest.approx(0.0)
    assert means_score(sample_ms, measured, np.full(20, np.nan), 0).mape_percent is None


def test_hours_by_hand() -> None:
    """13 bins: the hour that ends with the 12th has a mean error of 10.9 %, the next one of 9.9 %."""
    sample_ms = np.arange(1, 131) * 30_000
    errors = np.repeat([*[0.119] * 11, 0.0, 0.0], 10)
    found = means_score(sample_ms, np.full(130, 100.0), 100 * (1 + errors), 0)
    assert found.good_hours_percent == pytest.approx(50.0)


def test_the_truth_scores_its_noise(recording: Recording, truth: Truth) -> None:
    driven = drive(recording, Oracle(truth, half_width=2 * SITE.noise), EVERY)
    found, known = figures(recording, driven), against_truth(recording, driven, truth)
    floor = 100 * SITE.noise * np.sqrt(2 / np.pi)
    assert known.truth_mape_percent == pytest.approx(floor, rel=0.05)
    assert known.settled_ratio == pytest.approx(1.0, abs=0.01)
    assert known.parameter_rmse_percent is not None
    assert known.parameter_rmse_percent < 0.5
    assert known.curve_rmse_percent < 0.5
    assert known.recoveries[0].hours == 1  # the first whole hour begins a quarter past, the truth is published at the hour
    assert found.publications == 48
    assert found.corrected_mape_percent is None
    healthy_share = 1 - 3 / 47
    assert found.coverage_percent == pytest.approx(95.4 * healthy_share, abs=4)


def test_power_by_the_law_is_what_the_models_of_a_moment_say(recording: Recording, truth: Truth) -> None:
    driven = drive(recording, Oracle(truth), EVERY)
    true_w = true_row_w(recording, truth)
    same = (recording.load.row_ms > driven.first_instant_ms) & (recording.load.row_ms <= truth.start_ms + STEP_HOUR * EVERY)
    assert np.abs(driven.row_w - true_w)[same].max() < 0.01


def test_a_correction_is_added_and_decays(recording: Recording, truth: Truth) -> None:
    driven = drive(recording, Oracle(truth, discrepancy=Discrepancy(offset_w=1000.0, decay_per_hour=0.0)), EVERY)
    nothing_left = figures(recording, driven)
    assert nothing_left.corrected_mape_percent == pytest.approx(nothing_left.mape_percent)
    held = figures(recording, drive(recording, Oracle(truth, discrepancy=Discrepancy(1000.0, 1.0)), EVERY))
    halved = figures(recording, drive(recording, Oracle(truth, discrepancy=Discrepancy(1000.0, 0.25)), EVERY))
    assert held.corrected_mape_percent is not None
    assert halved.corrected_mape_percent is not None
    assert held.mape_percent == halved.mape_percent == nothing_left.mape_percent
    assert held.corrected_mape_percent > halved.corrected_mape_percent > 5
    assert (held.corrected_skill or 0) < (halved.corrected_skill or 0) < (held.skill or 0)


def test_persistence_has_no_skill(recording: Recording) -> None:
    found = persistence_figures(recording, EVERY)
    assert found.skill == pytest.approx(0.0)
    assert found.mape_percent == found.persistence_mape_percent


def test_only_the_days_after_training_are_scored(recording: Recording) -> None:
    def lines(train_days: int) -> list[int]:
        return [x.figures.samples for x in compare(recording, ["counts"], [EVERY], lambda *_: Counts(), train_days=train_days)]

    every_day, second = lines(0), lines(1)
    assert every_day == [47 * 120, 47 * 120]
    assert second == [24 * 120, 24 * 120]
    with pytest.raises(BadInput, match="nothing is left to score after 9 days"):
        lines(9)


def test_a_fault_that_nobody_notices(recording: Recording, truth: Truth) -> None:
    (fault,) = against_truth(recording, drive(recording, Counts(), EVERY), truth).faults
    assert fault.recognised_after_samples is None
    assert fault.publications_after == 0
    assert fault.crept_percent == pytest.approx(100 * 3 / 36)  # three more, on top of 36 W


def test_a_fault_that_the_default_method_notices(recording: Recording, truth: Truth) -> None:
    found = against_truth(recording, drive(recording, method("recursive", CalibrationSettings()), EVERY), truth)
    (fault,) = found.faults
    assert fault.recognised_after_samples is not None
    assert fault.publications_after == 0
    assert fault.crept_percent < 5
    assert fault.hours_to_recover == 0
    (step,) = found.recoveries
    assert step.hours is not None
    assert 1 <= step.hours <= 6
