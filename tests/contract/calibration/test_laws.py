"""What a calibration worth its name does on sites whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opendt_streams.calibration import METHODS, Evidence, Proposal, method
from opendt_streams.model import times
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.result import GroupBasis
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import HostGroup, PowerModel
from tests.unit.calibration.site import SETTINGS, START_MS, Run, Site, busy_linear, drive, group, through_json, times_datasheet

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
factors = st.tuples(st.floats(0.7, 1.8), st.floats(0.05, 0.5), st.floats(0.5, 1.2))
TWO = (group("x"), group("y", 20, 100, 400, 32))


def watts(model: PowerModel) -> Float64:
    return np.array([model.idle_power_w, model.busy_power_w, model.slope_power_w])


def error(run: Run, site: Site, hour: int) -> float:
    """Largest error of a published parameter, relative to the full power of the host."""
    apart = [
        np.abs(watts(m) - watts(times_datasheet(g, *site.truth(hour)))).max() / g.power_model.max_power_w
        for m, g in zip(run.models, site.groups, strict=True)
    ]
    return float(max(apart))


@few
@given(factors, st.integers(0, 2**16), st.sampled_from([(group(),), TWO]))
def test_it_finds_the_power_law(truth: tuple[float, float, float], seed: int, groups: tuple[HostGroup, ...]) -> None:
    site = Site(groups, lambda _: truth, seed=seed)
    run = drive(site, 24)
    assert error(run, site, 0) < 0.03
    noise_floor = 100 * site.noise * np.sqrt(2 / np.pi)
    # Besides the meter's noise there is that of an estimate which follows a walk: a tenth of it, in the worst case seen a fifth.
    assert (run.score(12).score.mape_percent or 100.0) < 1.3 * noise_floor


@pytest.mark.parametrize("name", ["recursive", "least-squares"])  # a grid's range is in watts
@few
@given(seed=st.integers(0, 2**16), scale=st.sampled_from([1e-3, 1e3]))
def test_watts_or_kilowatts_do_not_matter(name: str, seed: int, scale: float) -> None:
    def scaled(g: HostGroup) -> HostGroup:
        model = g.power_model
        return replace(g, power_model=replace(model, idle_power_w=model.idle_power_w * scale, max_power_w=model.max_power_w * scale))

    by = method(name, SETTINGS)
    plain = drive(Site(TWO, seed=seed), 6, by)
    other = drive(Site(tuple(scaled(g) for g in TWO), seed=seed), 6, by)
    for mine, its in zip(plain.models, other.models, strict=True):
        assert watts(its) / scale == pytest.approx(watts(mine), rel=2e-3, abs=2e-3)
    if name == "recursive":  # least-squares finds nearly the same every hour: whether that is "no change" may hang on the last digit
        assert [p.models is None for p in plain.proposals] == [p.models is None for p in other.proposals]


@pytest.mark.parametrize("name", sorted(METHODS))
@few
@given(seed=st.integers(0, 2**16))
def test_hosts_have_no_order(name: str, seed: int) -> None:
    def shuffled(basis: GroupBasis) -> GroupBasis:
        """The same hosts, one entry each, the last first."""
        rows = zip(basis.demand_mhz, basis.host_count, strict=True)
        single = [[d for d, n in zip(demand, hosts, strict=True) for _ in range(n)][::-1] for demand, hosts in rows]
        return replace(basis, demand_mhz=tuple(map(tuple, single)), host_count=tuple((1,) * len(row) for row in single))

    def permute(_: int, evidence: Evidence) -> Evidence:
        return replace(evidence, results=tuple(replace(r, basis=tuple(shuffled(b) for b in r.basis[::-1])) for r in evidence.results))

    site, by = Site(TWO, seed=seed), method(name, SETTINGS)
    for mine, its in zip(drive(site, 4, by).models, drive(site, 4, by, between=permute).models, strict=True):
        assert watts(mine) == pytest.approx(watts(its), abs=2e-3)


def test_groups_have_no_order() -> None:
    site = Site(TWO)
    swap = {0: 1, 1: 0}

    def permute(_: int, evidence: Evidence) -> Evidence:
        clusters = tuple(replace(c, host_groups=c.host_groups[::-1]) for c in evidence.in_force.clusters)
        windows = tuple(replace(r, basis=tuple(replace(b, group=swap[b.group]) for b in r.basis)) for r in evidence.results)
        return replace(evidence, results=windows, in_force=replace(evidence.in_force, clusters=clusters))

    first = drive(site, 1).proposals[0].models
    other = drive(site, 1, between=permute).proposals[0].models
    assert first is not None
    assert other is not None
    for place in (0, 1):
        assert watts(first[0, place]) == pytest.approx(watts(other[0, swap[place]]), abs=2e-4)


@pytest.mark.parametrize("groups", [(group(),), TWO], ids=["one group", "two groups"])
@pytest.mark.parametrize(("seed", "at"), [(1, 24), (2, 29), (3, 34), (4, 39)])
def test_a_step_of_idle_power_is_recovered_within_six_hours(groups: tuple[HostGroup, ...], seed: int, at: int) -> None:
    site = Site(groups, lambda hour: (1.2 if hour < at else 1.44, 0.3, 0.7), noise=0.01, seed=seed)
    run = drive(site, at + 14)
    usual = np.mean([run.mape(h) for h in range(at - 8, at)])
    assert run.mape(at) > 5 * usual  # the step is felt
    assert np.mean([run.mape(h) for h in range(at + 6, at + 14)]) < 1.35 * usual


def fault(kind: str, from_hour: int, samples: int) -> Site:
    first_ms = START_MS + from_hour * times.HOUR

    def meter(time_ms: Int64, power_w: Float64) -> Float64:
        bad = (time_ms > first_ms) & (time_ms <= first_ms + samples * 30_000)
        shown = {"zero": np.zeros_like(power_w), "stuck": np.full_like(power_w, 5000.0), "kilowatts": power_w / 1000}
        return np.where(bad, shown[kind], power_w)

    return Site(meter=meter)


@pytest.mark.parametrize("kind", ["zero", "stuck", "kilowatts"])
def test_a_meter_at_fault_for_six_hours_moves_nothing_and_is_forgotten(kind: str) -> None:
    run, healthy = drive(fault(kind, 30, 720), 44), drive(Site(), 44)
    during = run.proposals[30:36]
    assert [p.models for p in during] == [None] * 6
    assert all(p.reason.startswith("telemetry frozen: ") for p in during)
    (alarm,) = [fault for p in during for fault in p.alarms]  # once
    assert alarm.kind == "telemetry"
    assert alarm.time_ms <= START_MS + 30 * times.HOUR + 21 * 30_000
    assert run.proposals[36].models is not None or run.proposals[36].reason == "no change"
    later = [np.mean([r.mape(h) for h in range(37, 44)]) for r in (run, healthy)]
    assert later[0] < 1.1 * later[1]


def test_a_short_fault_leaves_the_score_where_it_was() -> None:
    healthy = drive(Site(), 40)
    for kind, samples in (("zero", 20), ("stuck", 60)):
        run = drive(fault(kind, 30, samples), 40)
        assert [fault.kind for fault in run.proposals[30].alarms] == ["telemetry"]
        assert run.proposals[30].models is not None or run.proposals[30].reason == "no change"  # the meter is well again at the instant
        assert np.mean([run.mape(h) for h in range(31, 40)]) < 1.05 * np.mean([healthy.mape(h) for h in range(31, 40)])


def test_spikes_leave_the_score_where_it_was() -> None:
    def meter(time_ms: Int64, power_w: Float64) -> Float64:
        return np.where(np.isin(time_ms - START_MS, [h * times.HOUR + 90_000 * h for h in range(24, 29)]), 3 * power_w, power_w)

    spiky, healthy = drive(Site(meter=meter), 40), drive(Site(), 40)
    assert (spiky.measured_w != healthy.measured_w).sum() == 5
    assert np.mean([spiky.mape(h) for h in range(29, 40)]) < 1.05 * np.mean([healthy.mape(h) for h in range(29, 40)])


@few
@given(st.tuples(st.floats(0.3, 4), st.floats(0, 1.2), st.floats(0, 3)), st.floats(0, 0.1), st.integers(0, 2**16))
def test_parameters_stay_physical_whatever_the_meter_says(truth: tuple[float, float, float], noise: float, seed: int) -> None:
    site = Site(TWO, lambda _: truth, noise, seed)
    for proposal in drive(site, 8).proposals:
        for (_, index), model in (proposal.models or {}).items():
            idle_w, range_w = TWO[index].power_model.idle_power_w, TWO[index].power_model.max_power_w - TWO[index].power_model.idle_power_w
            assert 0.6 * idle_w - 1e-6 <= model.idle_power_w <= 2.4 * idle_w + 1e-6
            if model.model_type == "busy-linear":
                assert -1e-6 <= model.busy_power_w <= 0.6 * range_w + 1e-6
                assert 0.4 * range_w - 1e-6 <= model.slope_power_w <= 1.35 * range_w + 1e-6
            else:
                assert 0.4 * range_w - 1e-6 <= model.max_power_w - model.idle_power_w <= 1.95 * range_w + 1e-6


def test_a_datasheet_that_is_far_off_raises_an_alarm_once() -> None:
    run = drive(Site(truth=lambda _: (3.2, 0.1, 0.6)), 12)
    alarms = [a for p in run.proposals for a in p.alarms]
    assert [fault.kind for fault in alarms] == ["bound"]
    assert "idle at its upper bound, 2.4 times the datasheet" in alarms[0].text


def test_repeated_evidence_teaches_nothing_new() -> None:
    run = drive(Site(), 6)
    last = run.proposals[-1]
    again = method("recursive", SETTINGS).decide(last.estimate, Site().evidence(5, run.topology))
    assert again.models is None
    assert parts(again)[0]["fit"] == parts(last)[0]["fit"]


def test_samples_of_a_failed_window_teach_nothing() -> None:
    evidence = Site().evidence(0, Site().topology)
    lost = evidence.results[3]
    failed = replace(lost, error="too large", row_ms=(), total=None, basis=())
    results = (*evidence.results[:3], failed, *evidence.results[4:])
    others = tuple(s for s in evidence.samples if not lost.window_start_ms < s.time_ms <= lost.window_end_ms)
    by = method("recursive", SETTINGS)
    found, without = (by.decide({}, replace(evidence, results=results, samples=s)) for s in (evidence.samples, others))
    assert found.models == without.models
    assert parts(found)[0]["fit"] == parts(without)[0]["fit"]
    assert found.models is not None


def test_every_decision_tells_how_the_hour_went() -> None:
    run = drive(Site(), 8)
    assert run.proposals[0].score_in_force is None  # the time before the first instant is not scored
    for hour in range(1, 8):
        part = slice(hour * 120, hour * 120 + 120)
        found = run.proposals[hour].score_in_force
        assert found is not None
        assert found.samples == 120
        assert found.mape_percent == pytest.approx(run.mape(hour), abs=1e-6)
        held = run.measured_w[hour * 120 - 1]
        assert found.persistence_mape_percent == pytest.approx(100 * np.mean(np.abs(held / run.measured_w[part] - 1)), abs=1e-6)
    for proposal in run.proposals:
        assert proposal.score_after is not None or proposal is run.proposals[0]
        assert proposal.interval_half_width is not None


def test_parameters_that_a_person_has_spoilt_are_corrected() -> None:
    def spoilt(hour: int, evidence: Evidence) -> Evidence:
        wrong = {(0, 0): busy_linear(60, 0, 60)}
        return evidence if hour != 5 else Site().evidence(5, evidence.in_force.with_power_models(dict(wrong)))

    proposal = drive(Site(), 6, between=spoilt).proposals[5]
    assert proposal.reason == "calibrated"
    assert _mape(proposal, "score_before") > 5 * _mape(proposal, "score_after")


def test_parameters_that_do_better_than_the_fit_are_kept() -> None:
    """The truth has changed half an hour ago, and a person has said so: the fit without these minutes is far worse on them."""
    changed = START_MS + 12 * times.HOUR + 30 * times.MINUTE
    before, after = Site(noise=0.001), Site(noise=0.001, truth=lambda _: (1.7, 0.3, 0.7))

    def split(hour: int, evidence: Evidence) -> Evidence:
        if hour != 12:
            return evidence
        known = evidence.in_force.with_power_models({(0, 0): times_datasheet(group(), 1.7, 0.3, 0.7)})
        new = after.evidence(12, known)
        samples = tuple(o if o.time_ms <= changed else n for o, n in zip(evidence.samples, new.samples, strict=True))
        return replace(new, samples=samples)

    proposal = drive(before, 13, between=split).proposals[12]
    assert proposal.models is None
    assert proposal.reason.startswith("veto: ")


def test_two_halves_of_a_meter_are_parts_of_it() -> None:
    """Each host group with a meter of its own is fitted on its own, whatever the other's factors are."""

    def own_meters(hour: int, evidence: Evidence) -> Evidence:
        rng = np.random.default_rng(hour)
        samples = list[PowerSample]()
        for window in evidence.results:
            for basis, (idle, slope) in zip(window.basis, ((1.5, 0.6), (0.8, 1.1)), strict=True):
                g = TWO[basis.group]
                true_w = basis_power_w(basis, times_datasheet(g, idle, 0.2, slope)) * (1 + 0.004 * rng.standard_normal(10))
                samples += [PowerSample(t, w, Meter("C", g.name)) for t, w in zip(window.row_ms, true_w.tolist(), strict=True)]
        samples.sort(key=lambda s: (s.time_ms, s.meter.host_group or ""))
        return replace(evidence, samples=tuple(samples))

    run = drive(Site(TWO), 12, between=own_meters)
    assert run.proposals[-1].estimate["scope"] == "host groups"
    assert [m.idle_power_w for m in run.models] == pytest.approx([1.5 * 40, 0.8 * 100], rel=0.03)
    score = run.proposals[-1].score_in_force
    assert score is not None
    assert (score.mape_percent or 100) < 0.6


def test_the_interval_covers_nine_in_ten() -> None:
    run = drive(Site(noise=0.02), 72)
    assert 85 < run.coverage(1) < 95
    widths = [p.interval_half_width or 0.0 for p in run.proposals[24:]]
    assert max(abs(a - b) for a, b in pairwise(widths)) < 0.02


def test_a_spoilt_estimate_is_given_up_and_begun_again() -> None:
    by, site = method("recursive", SETTINGS), Site()
    estimate = through_json(drive(site, 3).proposals[-1].estimate)
    (part,) = cast(list[dict[str, Any]], estimate["parts"])
    for law in part["fit"]["laws"]:
        law[3:9] = [-1e12, 0, 0, -1e12, 0, -1e12]
    third = by.decide(estimate, site.evidence(3, site.topology))
    assert third.score_after is not None
    assert (third.score_after.mape_percent or 100) < 1


def parts(proposal: Proposal) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], proposal.estimate["parts"])


def _mape(proposal: Proposal, which: str) -> float:
    found = getattr(proposal, which)
    assert found is not None
    return float(found.mape_percent)
