"""What the port promises, for every method that there is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from opendt_streams.calibration import METHODS, CalibrationSettings, Capabilities, Evidence, Method, method
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import canonical
from opendt_streams.model.power import PowerSample
from opendt_streams.model.topology import MODEL_TYPES
from tests.unit.calibration.site import SETTINGS, Site, busy_linear, drive, group, through_json

SITE = Site(groups=(group("x"), group("y", 20, 100, 400, 32)))


@pytest.fixture(params=METHODS)
def by(request: pytest.FixtureRequest) -> Method:
    return method(request.param, SETTINGS)


def test_it_says_its_name(by: Method) -> None:
    assert METHODS[by.name](SETTINGS).name == by.name


def test_equal_arguments_give_equal_proposals(by: Method) -> None:
    once, again = drive(SITE, 5, by), drive(SITE, 5, method(by.name, SETTINGS))
    assert once.proposals == again.proposals


def test_it_does_not_change_what_it_is_given(by: Method) -> None:
    estimate = through_json(drive(SITE, 2, by).proposals[-1].estimate)
    evidence = SITE.evidence(2, SITE.topology)
    before = canonical(estimate)
    first = by.decide(estimate, evidence)
    assert canonical(estimate) == before
    assert by.decide(estimate, evidence) == first


def test_it_goes_on_from_the_topic_as_from_memory(by: Method) -> None:
    memory, topic = dict[str, object](), dict[str, object]()
    topology = SITE.topology
    for hour in range(6):
        evidence = SITE.evidence(hour, topology)
        kept, read = by.decide(memory, evidence), by.decide(topic, evidence)  # type: ignore[arg-type]
        assert kept == read
        memory, topic = dict(kept.estimate), dict(through_json(read.estimate))
        topology = topology.with_power_models(dict(kept.models or {}), default=None)


def test_the_past_does_not_know_the_future(by: Method) -> None:
    def other_future(hour: int, evidence: Evidence) -> Evidence:
        if hour < 4:
            return evidence
        return replace(evidence, samples=tuple(replace(s, power_w=2 * s.power_w) for s in evidence.samples))

    assert drive(SITE, 6, by).proposals[:4] == drive(SITE, 6, by, other_future).proposals[:4]


ODD = {"zero": 0.0, "negative": -1.0, "tiny": 1e-300, "huge": 1e308, "nan": float("nan"), "inf": float("inf"), "stuck": 12_345.6}


@pytest.mark.parametrize("power_w", ODD.values(), ids=ODD)
def test_odd_telemetry_never_raises_and_stays_finite(by: Method, power_w: float) -> None:
    def odd(hour: int, evidence: Evidence) -> Evidence:
        if hour not in (0, 3):
            return evidence
        return replace(evidence, samples=tuple(replace(s, power_w=power_w) for s in evidence.samples))

    for proposal in drive(SITE, 6, by, odd).proposals:
        canonical(dict(proposal.estimate))  # refuses what is not finite
        assert all(math.isfinite(x) for x in _numbers(proposal))


def test_without_samples_it_keeps_the_parameters(by: Method) -> None:
    run = drive(SITE, 5, by, lambda hour, e: replace(e, samples=()) if hour in (0, 3) else e)
    for hour in (0, 3):
        assert run.proposals[hour].models is None
        assert run.proposals[hour].reason in ("no telemetry", "off")


def test_without_rows_it_keeps_the_parameters(by: Method) -> None:
    def failed(hour: int, evidence: Evidence) -> Evidence:
        if hour != 3:
            return evidence
        windows = tuple(replace(r, error="too large", row_ms=(), total=None, basis=()) for r in evidence.results)
        return replace(evidence, results=windows)

    run = drive(SITE, 6, by, failed)
    assert run.proposals[3].models is None
    assert run.proposals[3].reason in ("no results to compare the telemetry with", "off")


def test_no_windows_at_all_are_no_reason_to_stop(by: Method) -> None:
    assert by.decide({}, replace(SITE.evidence(0, SITE.topology), results=())).models is None


def test_windows_may_change_their_hardware_on_the_way(by: Method) -> None:
    larger = Site(groups=(*SITE.groups, group("new", 10, 60, 200)))
    first = by.decide({}, SITE.evidence(0, SITE.topology))
    mixed = larger.evidence(1, larger.topology)
    mixed = replace(mixed, results=SITE.evidence(1, SITE.topology).results[:6] + mixed.results[6:])
    second = by.decide(first.estimate, mixed)
    third = by.decide(second.estimate, larger.evidence(2, larger.topology))
    for proposal in (second, third):
        assert set(proposal.models or {}) in (set(), {(0, 0), (0, 1), (0, 2)})


def test_numbers_are_rounded(by: Method) -> None:
    for proposal in drive(SITE, 4, by).proposals:
        for model in (proposal.models or {}).values():
            assert all(x == round(x, 6) for x in _numbers(model))
        assert all(x == round(x, 6) for x in _numbers(_without(through_json(proposal.estimate), "meter")))  # readings are kept as they came


def test_the_estimate_stays_small(by: Method) -> None:
    many = Site(groups=tuple(group(f"g{i}", 10 + i) for i in range(20)), noise=0.05)
    for proposal in drive(many, 30, by).proposals[-3:]:
        assert len(canonical(dict(proposal.estimate))) < 20_000


def test_a_person_may_have_put_in_force_whatever_the_engine_runs(by: Method) -> None:
    estimate = drive(SITE, 3, by).proposals[-1].estimate
    for kind in MODEL_TYPES:
        model = replace(busy_linear(50, 10, 80), model_type=kind, max_power_w=150.0, asym_util=0.3)
        edited = SITE.topology.with_power_models({(0, 0): model, (0, 1): model})
        proposal = by.decide(estimate, SITE.evidence(3, edited))
        assert proposal.reason in ("calibrated", "off") or by.name == "grid"


def test_several_meters_in_any_order_of_an_instant_are_the_same(by: Method) -> None:
    evidence = SITE.evidence(0, SITE.topology)
    doubled = [(s, PowerSample(s.time_ms, 1.0, replace(s.meter, cluster="C"))) for s in evidence.samples]
    one = by.decide({}, replace(evidence, samples=tuple(s for pair in doubled for s in pair)))
    other = by.decide({}, replace(evidence, samples=tuple(s for pair in doubled for s in reversed(pair))))
    assert one == other == by.decide({}, evidence)


def test_an_unknown_method_names_those_there_are() -> None:
    with pytest.raises(BadInput, match="'magic'; expected one of recursive, least-squares, grid, off"):
        method("magic", SETTINGS)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"grid"}))  # which changes a number of what is in force
def test_methods_publish_what_the_engine_runs(name: str) -> None:
    opendc = CalibrationSettings(capabilities=Capabilities(frozenset(MODEL_TYPES) - {"busy-linear"}))
    ours = SITE.topology.with_power_models({(0, 0): busy_linear(50, 10, 80), (0, 1): busy_linear(110, 30, 200)})
    for begin in (SITE.topology, ours):
        by, topology, estimate = method(name, opendc), begin, dict[str, object]()
        for hour in range(4):
            proposal = by.decide(estimate, SITE.evidence(hour, topology))  # type: ignore[arg-type]
            assert {m.model_type for m in (proposal.models or {}).values()} <= opendc.capabilities.power_models
            estimate, topology = dict(proposal.estimate), topology.with_power_models(dict(proposal.models or {}), default=None)


@pytest.mark.parametrize("name", ["recursive", "least-squares"])
def test_a_method_refuses_an_engine_that_it_has_nothing_to_fit_for(name: str) -> None:
    with pytest.raises(BadInput, match="expected one of"):
        method(name, CalibrationSettings(capabilities=Capabilities(frozenset({"constant"}))))


def test_settings_that_fit_no_grid_are_refused() -> None:
    with pytest.raises(BadInput, match="rows every"):
        CalibrationSettings(publish_every_ms=1000, sample_interval_ms=2000)


def _without(value: Any, key: str) -> Any:
    """The document without what has this key, at any depth."""
    if isinstance(value, dict):
        return {k: _without(v, key) for k, v in value.items() if k != key}
    return [_without(v, key) for v in value] if isinstance(value, list) else value


def _numbers(value: object) -> Iterator[float]:
    """All floats in a dataclass or JSON value."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _numbers(inner)
    elif is_dataclass(value):
        for f in fields(value):
            yield from _numbers(getattr(value, f.name))
