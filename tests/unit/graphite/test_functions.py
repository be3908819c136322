"""What targets mean: values against those of the REST API's projection, functions, held values, and gaps that stay gaps."""

from __future__ import annotations

import numpy as np
import pytest
from opendt_api.context import Context
from opendt_api.graphite.catalogue import catalogue
from opendt_api.graphite.functions import Series, evaluate
from opendt_api.graphite.span import Span

from opendt_streams.errors import BadInput
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.projection.projection import FOLLOWED, Projection
from opendt_streams.projection.series import UNITS, Query, answer
from tests.unit.api.site import GRID, HOUR, SITE, STEP, T0, WINDOW
from tests.unit.graphite.lively import END, logs

WHOLE = Span(T0, END, WINDOW)
FINE = Span(T0, END, STEP)
COARSE = Span(T0, END, 2 * HOUR)


@pytest.fixture(scope="module")
def context() -> Context:
    projection, found = Projection(GRID, lambda _: SITE), logs()
    for record in (r for topic in FOLLOWED for r in found[topic]):
        projection.take(record)
    return Context(projection, lambda: END, ready=lambda: True, datacenter=SITE)


@pytest.fixture(scope="module")
def site(context: Context) -> Datacenter:
    return context.projection.datacenters[SITE]


def series(context: Context, target: str, span: Span = WHOLE) -> list[Series]:
    return evaluate(catalogue(context), [target.replace("@", f"opendt.{SITE}")], span)


def values(context: Context, target: str, span: Span = WHOLE) -> list[float]:
    (found,) = series(context, target, span)
    listed: list[float] = found.values.tolist()
    return listed


@pytest.mark.parametrize("metric", UNITS)
@pytest.mark.parametrize("span", [FINE, WHOLE, COARSE], ids=["fine", "windows", "coarse"])
def test_series_are_those_of_the_rest_api(context: Context, site: Datacenter, metric: str, span: Span) -> None:
    expected = answer(site, Query([metric], span.after_ms, span.until_ms, span.step_ms)).columns[metric]
    assert values(context, f"@.{metric}", span) == pytest.approx(expected.tolist(), nan_ok=True)


@pytest.mark.parametrize("span", [Span(0, T0, WINDOW * 1000), Span(END, END + HOUR, WINDOW), Span(T0 - HOUR, T0 + HOUR, WINDOW)])
def test_there_is_nothing_to_say_of_other_times(context: Context, span: Span) -> None:
    known = np.array(values(context, "@.simulated_power_w", span))
    ends_ms = span.ends_ms
    assert len(known) == len(ends_ms)
    assert (~np.isnan(known) == ((ends_ms > T0) & (ends_ms - span.step_ms < END))).all()


def test_sums_become_rates_that_do_not_depend_on_the_step(context: Context) -> None:
    """Carbon in g per hour is power times intensity: 100 g/kWh here."""
    for span in (FINE, WHOLE, COARSE):
        power = np.array(values(context, "@.simulated_power_w", span))
        assert values(context, "scaleToSeconds(@.carbon_g, 3600)", span) == pytest.approx((power * 100 / 1_000).tolist())
    assert values(context, "integral(@.carbon_g)", FINE)[-1] == pytest.approx(values(context, "integral(@.carbon_g)", COARSE)[-1])


def test_parameters_hold_for_the_hour_after_their_instant(context: Context) -> None:
    found = values(context, "@.parameters.C.H.idlePower")
    per_hour = HOUR // WINDOW
    assert np.isnan(found[: per_hour - 1]).all()  # before the first decision
    assert found[per_hour - 1 :] == [float(10 + (i + 1) // per_hour) for i in range(per_hour - 1, len(found))]
    later = Span(END + HOUR, END + 2 * HOUR, WINDOW)
    assert np.isnan(values(context, "@.parameters.C.H.idlePower", later)).all()  # nobody has decided that


def test_scores_are_those_of_the_hour_that_ends(context: Context) -> None:
    found = values(context, "@.scores.mape_percent")
    assert found == [2.0 * (1 + i // (HOUR // WINDOW)) for i in range(len(found))]
    assert values(context, "@.scores.mape_percent", COARSE) == [3.0, 7.0]
    assert values(context, "@.scores.skill", COARSE) == pytest.approx([1 - 3 / 8, 1 - 7 / 8])


def test_decisions_are_counted(context: Context) -> None:
    assert values(context, "@.decisions.calibrated", COARSE) == [1.0, 1.0]
    assert values(context, "@.decisions.kept", COARSE) == [1.0, 1.0]
    assert np.nansum(values(context, "@.decisions.alarms", FINE)) == 1
    assert values(context, "@.decisions.bound")[-1] == 1.0


def test_windows_and_their_lag(context: Context) -> None:
    """Heartbeats half a window ahead of what they make due, a second before it is recorded."""
    assert values(context, "@.windows.simulated", COARSE) == [24.0, 24.0]
    assert values(context, "@.windows.lag_seconds") == [WINDOW / 2_000] * (len(WHOLE.ends_ms))
    assert values(context, "@.windows.failed", COARSE) == [0.0, 0.0]


def test_states_are_one_value_at_the_end(context: Context) -> None:
    expectations = {"@.state.bound_binding": 1.0, "opendt_api.dead_letters": 1.0, "@.state.newest_window_end_ms": float(END)}
    for target, expected in expectations.items():
        found = values(context, target)
        assert np.isnan(found[:-1]).all()
        assert found[-1] == expected
    assert 0 < values(context, "@.state.error_percent")[-1] < 100


def test_functions(context: Context) -> None:
    plain = values(context, "@.tasks_running")
    assert values(context, "scale(@.tasks_running, -0.5)") == [-v / 2 for v in plain]
    assert {s.name for s in series(context, "aliasByNode(@.{simulated,measured}_power_w, 1, -1)")} == {
        f"{SITE}.simulated_power_w",
        f"{SITE}.measured_power_w",
    }
    assert [s.name for s in series(context, "aliasByNode(scale(@.utilisation, 100), 9)")] == [""]
    assert [s.name for s in series(context, r'aliasSub(alias(@.utilisation, "u \1"), "(^.*$)", "\1 A")')] == [r"u \1 A"]
    assert values(context, "constantLine(-3.5)") == [-3.5] * len(WHOLE.ends_ms)
    assert series(context, "opendt.nowhere.utilisation") == []
    assert series(context, "opendt.*") == []  # no series, but a branch


def test_gaps_are_filled_as_far_as_asked(context: Context) -> None:
    gaps = values(context, "@.decisions.samples")
    assert np.isnan(gaps).sum() > 40
    kept = values(context, "keepLastValue(@.decisions.samples)")
    assert not np.isnan(kept[HOUR // WINDOW - 1 :]).any()
    near = values(context, "keepLastValue(@.decisions.samples, 2)")
    assert np.isnan(near).sum() == np.isnan(gaps).sum() - 2 * 3  # two after each of the first three; the fourth is the end


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("scale(@.utilisation)", "got 1 arguments"),
        ("scale(@.utilisation, 2, 3)", "got 3 arguments"),
        ("scale(2, @.utilisation)", "seriesList of scale is no seriesList"),
        ("alias(@.utilisation, 3)", "newName of alias is no string"),
        ("aliasByNode(@.utilisation, 1.5)", "nodes of aliasByNode is no node"),
        ("keepLastValue(@.utilisation, 'all')", "limit of keepLastValue is no integer"),
        ("movingAverage(@.utilisation, 10)", "no function"),
    ],
)
def test_wrong_arguments_are_named(context: Context, target: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        series(context, target)
