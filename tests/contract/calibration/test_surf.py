"""The default method on the SURF week, offline: every hour decided from the past alone, scored by the official rule."""

from __future__ import annotations

from functools import cache
from time import process_time

import numpy as np
import pytest

from opendt_streams.calibration import CalibrationSettings, Capabilities, Evidence, method
from opendt_streams.calibration.discrepancy import with_correction
from opendt_streams.calibration.metrics import OfficialScore, coverage_percent, official_score
from opendt_streams.calibration.pairing import newest_rows
from opendt_streams.model import times
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.model.decision import Discrepancy
from opendt_streams.model.power import PowerSample
from opendt_streams.model.topology import MODEL_TYPES
from tests.unit.calibration import surf
from tests.unit.calibration.site import through_json

pytestmark = [pytest.mark.surf, pytest.mark.skipif(not surf.FOLDER.exists(), reason="the SURF week is not beside the checkout")]


@cache
def week() -> surf.Week:
    return surf.load()


@cache
def run(publish_every_ms: int, name: str = "recursive", without: str = "") -> tuple[OfficialScore, float | None, float, int]:
    """(score, coverage [%], seconds of all decisions, largest estimate [bytes]); the engine does not run the power model `without`."""
    runs = Capabilities(frozenset(kind for kind in MODEL_TYPES if kind != without))
    by, given = method(name, CalibrationSettings(publish_every_ms, capabilities=runs)), week()
    predicted, widths, corrected = np.full((3, len(given.sample_ms)), np.nan)
    said: Discrepancy | None = None
    model, estimate, width, seconds, largest = surf.MODEL, dict[str, JSON](), np.nan, 0.0, 0
    first_ms = instant_ms = times.next_multiple(given.window_start_ms[0], publish_every_ms)
    window = seen = 0
    while window < len(given.bases):
        until = int(np.searchsorted(given.window_start_ms, instant_ms))
        results = tuple(surf.result(given, w, model) for w in range(window, until))
        part = slice(seen, int(np.searchsorted(given.sample_ms, instant_ms, side="right")))
        samples = zip(given.sample_ms[part].tolist(), given.power_w[part].tolist(), strict=True)
        row_ms = np.concatenate([r.row_ms for r in results])
        row_w = np.concatenate([r.total.power_w for r in results if r.total is not None])
        predicted[part] = row_w[newest_rows(row_ms, given.sample_ms[part])]
        widths[part] = width
        corrected[part] = with_correction(given.sample_ms[part], predicted[part], said, instant_ms - publish_every_ms)
        in_force = surf.TOPOLOGY.with_power_models({(0, 0): model})
        began = process_time()
        proposal = by.decide(estimate, Evidence(instant_ms, results, tuple(PowerSample(t, p) for t, p in samples), in_force))
        seconds += process_time() - began
        largest = max(largest, len(canonical(dict(proposal.estimate))))
        estimate, width = through_json(proposal.estimate), proposal.interval_half_width or width
        model, said = (proposal.models or {}).get((0, 0), model), proposal.discrepancy
        window, seen, instant_ms = until, part.stop, instant_ms + publish_every_ms
    scored = given.sample_ms > first_ms
    official = official_score(given.sample_ms, given.power_w, predicted, first_ms, publish_every_ms, corrected_w=corrected)
    return official, coverage_percent(predicted[scored], given.power_w[scored], widths[scored]), seconds, largest


def test_the_hourly_score_beats_the_bars() -> None:
    official, coverage, seconds, largest = run(times.HOUR)
    score = official.score
    assert (score.samples, official.excluded) == (20_039, 0)
    assert score.persistence_mape_percent == pytest.approx(2.884, abs=0.001)  # field guide section 1.1
    assert (score.mape_percent or 100) <= 1.0
    assert (score.share_under_10_percent or 0) >= 99.3
    assert abs(score.bias_percent or 100) <= 0.3
    assert (score.skill or 0) >= 0.6
    assert 85 <= (coverage or 0) <= 95
    assert seconds < 10
    assert largest < 20_000


@pytest.mark.parametrize("publish_every_ms", [5 * times.MINUTE, 15 * times.MINUTE], ids=["5 min", "15 min"])
def test_with_the_correction_short_horizons_beat_persistence(publish_every_ms: int) -> None:
    score = run(publish_every_ms)[0].score
    assert (score.corrected_skill or 0) > 0.1
    assert (score.corrected_mape_percent or 100) < (score.mape_percent or 0)


def test_opendcs_own_models_come_close() -> None:
    assert (run(times.HOUR, without="busy-linear")[0].score.mape_percent or 100) <= 1.2


@pytest.mark.parametrize(("name", "bar"), [("least-squares", 1.2), ("grid", 3.7)])
def test_the_other_methods(name: str, bar: float) -> None:
    """The grid is OpenDT's, applied promptly (field guide section 1: 3.55 by definition A)."""
    assert (run(times.HOUR, name)[0].score.mape_percent or 100) <= bar


@pytest.mark.parametrize(
    ("publish_every_ms", "persistence", "bar"),
    [(15 * times.MINUTE, 1.337, 1.0), (6 * times.HOUR, 6.57, 1.3)],
    ids=["15 min", "6 h"],
)
def test_other_horizons(publish_every_ms: int, persistence: float, bar: float) -> None:
    score = run(publish_every_ms)[0].score
    assert score.persistence_mape_percent == pytest.approx(persistence, abs=0.005)
    assert (score.mape_percent or 100) <= bar
