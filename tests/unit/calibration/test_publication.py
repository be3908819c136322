from __future__ import annotations

import numpy as np

from opendt_streams.calibration import publication
from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.projection import Projected
from opendt_streams.model import times


def test_a_fit_much_worse_on_the_newest_samples_is_vetoed() -> None:
    assert publication.veto(1.0, 1.5) is None
    assert publication.veto(1.0, 1.51) == "veto: 1.51 % on the newest samples, 1.00 % as it is"
    assert publication.veto(4.0, 2.0) is None
    assert publication.veto(None, 9.0) is None
    assert publication.veto(9.0, None) is None


def test_a_change_below_a_thousandth_everywhere_is_none() -> None:
    power = np.array([1000.0, 2000.0])
    assert publication.changes_nothing(power * 1.0009, power)
    assert not publication.changes_nothing(np.array([1000.0, 2002.1]), power)
    assert not publication.changes_nothing(power, np.array([1000.0, np.nan]))


def test_the_last_half_hour_is_held_out_or_half_of_a_shorter_interval() -> None:
    assert publication.held_out_from(times.HOUR, times.HOUR) == 30 * times.MINUTE
    assert publication.held_out_from(times.DAY, 6 * times.HOUR) == times.DAY - 30 * times.MINUTE
    assert publication.held_out_from(times.HOUR, 10 * times.MINUTE) == 55 * times.MINUTE


def test_a_bound_is_an_alarm_when_the_data_clearly_wants_beyond_it() -> None:
    lower, upper = Law("busy-linear").box(1.0)
    assert publication.bound_alarm(Projected((1.0, 0.0, 1.0), (0, -1, 0), 0.8), "busy-linear", lower, upper, shaped=False) is None
    alarm = publication.bound_alarm(Projected((2.4, 0.0, 1.0), (1, -1, 0), 5.0), "busy-linear", lower, upper, shaped=False)
    assert alarm == "busy-linear: idle at its upper bound, 2.4 times the datasheet; busy at its lower bound, 0 times the datasheet"


def test_how_far_a_shape_moves_at_once_is_no_physical_bound() -> None:
    law = Law("mse", 3.0)
    assert publication.bound_alarm(Projected((1.0, 0.5, 1.0), (0, 1, 0), 5.0), law.name, *law.box(3.0), shaped=True) is None
