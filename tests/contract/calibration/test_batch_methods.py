"""What `grid` and `least-squares` do on sites whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opendt_streams.calibration import CalibrationSettings, Evidence, GridSettings, LeastSquaresSettings, Proposal, method
from opendt_streams.errors import BadConfiguration, BadInput
from opendt_streams.model import times
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.power import PowerSample
from opendt_streams.model.topology import ModelType, PowerModel
from tests.unit.calibration.site import Site, drive, group

MSE = GridSettings("cpuPowerModel.calibrationFactor", 1.0, 5.0, 17)
SITE = Site((group(),))


def grid(settings: GridSettings = MSE) -> CalibrationSettings:
    return CalibrationSettings(grid=settings)


def as_if(truth: PowerModel) -> object:
    """Readings of hosts that draw as this model says."""

    def measured(hour: int, evidence: Evidence) -> Evidence:
        rng = np.random.default_rng(hour)
        power = np.concatenate([basis_power_w(w.basis[0], truth) for w in evidence.results]) * (1 + 0.003 * rng.standard_normal(120))
        samples = zip(evidence.samples, power.tolist(), strict=True)
        return replace(evidence, samples=tuple(PowerSample(s.time_ms, p) for s, p in samples))

    return measured


def last(settings: CalibrationSettings, name: str, truth: PowerModel, hours: int = 4) -> tuple[PowerModel, list[Proposal]]:
    run = drive(SITE, hours, method(name, settings), as_if(truth))  # type: ignore[arg-type]
    return run.models[0], run.proposals


def test_the_grid_finds_the_value_and_changes_nothing_else() -> None:
    truth = PowerModel("mse", 40.0, 190.0, calibration_factor=2.25)
    found, proposals = last(grid(), "grid", truth)
    assert found == truth
    assert [p.reason for p in proposals[1:]] == ["no change"] * 3


@pytest.mark.parametrize(("prop", "field", "value"), [("idlePower", "idle_power_w", 55.0), ("maxPower", "max_power_w", 230.0)])
def test_any_number_of_the_power_model_can_be_searched(prop: str, field: str, value: float) -> None:
    settings = grid(GridSettings(f"cpuPowerModel.{prop}", value - 20, value + 20, 9))
    start = PowerModel("mse", 40.0, 190.0, calibration_factor=3.0)
    assert getattr(last(settings, "grid", replace(start, **{field: value}))[0], field) == value  # type: ignore[arg-type]


def test_a_range_beyond_what_is_physical_is_kept_and_told_once() -> None:
    proposals = last(grid(), "grid", PowerModel("mse", 40.0, 190.0, calibration_factor=2.25))[1]
    assert [(f.kind, f.text) for p in proposals for f in p.alarms] == [
        ("bound", "cpuPowerModel.calibrationFactor from 1 to 5: physical is 1 to 2")
    ]


def test_a_best_value_at_the_edge_is_told() -> None:
    alarms = [f for p in last(grid(), "grid", PowerModel("mse", 40.0, 190.0, calibration_factor=9.0))[1] for f in p.alarms]
    assert "the best cpuPowerModel.calibrationFactor is 5, at the edge of the grid" in [f.text for f in alarms]


def test_a_property_that_the_models_do_not_read_is_told_and_nothing_published() -> None:
    settings = grid(GridSettings("cpuPowerModel.asymUtil", 0.1, 0.9, 9))
    proposals = last(settings, "grid", PowerModel("mse", 40.0, 190.0, calibration_factor=2.0))[1]
    assert {p.reason for p in proposals} == {"cpuPowerModel.asymUtil has no effect on the power models in force"}
    assert [f.kind for p in proposals for f in p.alarms] == ["property"]


def test_a_window_longer_than_the_interval_remembers() -> None:
    one, two = PowerModel("mse", 40.0, 190.0, calibration_factor=2.0), PowerModel("mse", 40.0, 190.0, calibration_factor=4.0)

    def then(hour: int, evidence: Evidence) -> Evidence:
        return as_if(one if hour < 6 else two)(hour, evidence)  # type: ignore[operator, no-any-return]

    quick, slow = (drive(SITE, 7, method("grid", grid(replace(MSE, window_ms=h * times.HOUR))), then).models[0] for h in (1, 24))
    assert quick.calibration_factor == 4.0
    assert slow.calibration_factor < 4.0


@pytest.mark.parametrize(
    "wrong",
    [{"property": "cpu.coreSpeed"}, {"property": "cpuPowerModel.modelType"}, {"min_value": -1.0}],
    ids=lambda w: next(iter(w)),
)
def test_a_wrong_property_or_range_is_refused_at_the_start(wrong: dict[str, object]) -> None:
    with pytest.raises(BadConfiguration, match=r"calibrator\.grid"):
        method("grid", grid(replace(MSE, **wrong)))  # type: ignore[arg-type]
    with pytest.raises(BadConfiguration, match="min_value below max_value"):
        GridSettings(min_value=3.0, max_value=3.0)


@pytest.mark.parametrize("kind", ["sqrt", "linear", "square", "cubic", "mse", "asymptotic", "busy-linear"])
def test_least_squares_fits_any_power_model(kind: ModelType) -> None:
    settings = CalibrationSettings(least_squares=LeastSquaresSettings(kind))
    truth = PowerModel(kind, 47.0, 210.0, calibration_factor=2.0, asym_util=0.125, dvfs=False, busy_power_w=40.0, slope_power_w=110.0)
    found, proposals = last(settings, "least-squares", truth, 8)
    assert found.model_type == kind
    errors = [p.score_in_force.mape_percent or 100.0 for p in proposals[3:] if p.score_in_force is not None]
    assert len(errors) == 5
    assert np.mean(errors) < 1.2  # the meter's own noise is 0.24, and each hour brings demands that the window has not seen


def test_least_squares_is_not_led_by_a_few_wrong_readings() -> None:
    truth = PowerModel("busy-linear", 47.0, busy_power_w=40.0, slope_power_w=110.0)

    def spiky(hour: int, evidence: Evidence) -> Evidence:
        told: Evidence = as_if(truth)(hour, evidence)  # type: ignore[operator]
        samples = [replace(s, power_w=1.3 * s.power_w) if i % 40 == 7 else s for i, s in enumerate(told.samples)]
        return replace(told, samples=tuple(samples))

    plain = last(CalibrationSettings(), "least-squares", truth, 6)[0]
    found = drive(SITE, 6, method("least-squares", CalibrationSettings()), spiky).models[0]
    assert found.idle_power_w == pytest.approx(plain.idle_power_w, rel=0.05)


def test_least_squares_refuses_what_the_engine_cannot_run_or_nothing_can_be_fitted_to() -> None:
    with pytest.raises(BadInput, match="constant, which has no slope"):
        method("least-squares", CalibrationSettings(least_squares=LeastSquaresSettings("constant")))
