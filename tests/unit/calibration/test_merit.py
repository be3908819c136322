from __future__ import annotations

import numpy as np

from opendt_streams.calibration.merit import BETTER, HALF_LIFE_MS, Merit
from opendt_streams.model import times


def errors(*percent: float, samples: int = 100) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.tile(np.array(percent) / 100, (samples, 1))


def test_the_first_is_taken_until_another_is_clearly_better() -> None:
    assert Merit().choose(None) == 0
    assert Merit().learn(errors(1.0, BETTER + 0.01), times.HOUR).choose(None) == 0
    assert Merit().learn(errors(1.0, BETTER - 0.01), times.HOUR).choose(None) == 1


def test_the_present_one_stays_likewise() -> None:
    merit = Merit().learn(errors(0.98, 1.0), times.HOUR)
    assert merit.choose(1) == 1
    assert merit.choose(0) == 0


def test_what_was_long_ago_counts_less() -> None:
    merit = Merit().learn(errors(5.0, 1.0), times.HOUR).learn(errors(1.0, 2.0), 10 * HALF_LIFE_MS)
    assert merit.choose(1) == 0


def test_it_survives_the_topic_and_begins_again_with_other_candidates() -> None:
    merit = Merit().learn(errors(1.0, 2.0), times.HOUR)
    assert Merit.from_json(merit.to_json()) == merit  # type: ignore[arg-type]
    assert merit.learn(errors(3.0, 2.0, 1.0), times.HOUR).choose(0) == 2
