"""Replaying what random worlds recorded: equal whatever went wrong in them, and different as soon as one output is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.replay.explain import explain
from opendt_streams.audit.replay.replayer import Replay, Replayer
from opendt_streams.audit.replay.span import Span
from opendt_streams.engine.native import NATIVE
from opendt_streams.wire import topics
from opendt_streams.wire.messages import ResultRecorded
from opendt_streams.wire.record import Record
from tests.unit.audit.worlds import machines_of, records_of, write_evidence
from tests.unit.twin.logs import DATACENTER
from tests.unit.twin.scenario import Faults, scenario
from tests.unit.twin.search import MIXES
from tests.unit.twin.world import World

ALWAYS_THE_SAME = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def world_of(rng: Random, faults: Faults, instants: int, **more: object) -> World:
    world = World(scenario(rng, instants, faults), paced=faults.paced, **more)  # type: ignore[arg-type]
    world.run(rng, faults)
    return world


def replayed(folder: Path, world: World, records: dict[str, list[Record]], span: Span = Span()) -> Replay:  # noqa: B008
    write_evidence(folder, records)
    return Replayer(Evidence(folder), machines_of(world), span=span).run()


@settings(ALWAYS_THE_SAME, max_examples=120)
@given(st.integers(0, 2**32).map(Random), st.sampled_from(MIXES), st.integers(1, 4))
def test_what_any_world_recorded_is_computed_again(
    tmp_path_factory: pytest.TempPathFactory, rng: Random, faults: Faults, instants: int
) -> None:
    """Crashes, redelivery, double workers, edits, silence, garbage: the machines say the same from what their headers name."""
    world = world_of(rng, faults, instants)
    found = replayed(tmp_path_factory.mktemp("evidence"), world, records_of(world.logs))
    assert (found.differences, found.missing) == ([], [])
    assert found.equal


@settings(ALWAYS_THE_SAME, max_examples=8)
@given(st.integers(0, 2**32).map(Random), st.integers(1, 2))
def test_with_our_own_engine(tmp_path_factory: pytest.TempPathFactory, rng: Random, instants: int) -> None:
    world = world_of(rng, Faults(crash=True, edit=True), instants, engines=NATIVE)
    assert replayed(tmp_path_factory.mktemp("evidence"), world, records_of(world.logs)).equal


@pytest.fixture(scope="module")
def world() -> World:
    calm = world_of(Random(7), Faults(), 4)
    assert calm.done
    return calm


def results(records: dict[str, list[Record]]) -> list[int]:
    """Offsets of the window results."""
    return [r.offset for r in records[topics.RESULTS] if isinstance(r.message(), ResultRecorded)]


def test_a_plausible_result_is_named(tmp_path: Path, world: World) -> None:
    records = records_of(world.logs)
    offset = results(records)[2]
    forged = records[topics.RESULTS][offset]
    assert forged.value is not None
    value = forged.value.replace(b'"running":', b'"running":1', 1)
    assert value != forged.value
    records[topics.RESULTS][offset] = replace(forged, value=value)
    found = replayed(tmp_path, world, records)
    assert not found.equal
    assert [(d.said.record.offset, d.field) for d in found.differences][:1] == [(offset, "tasks.running")]


def test_a_removed_result_is_missed(tmp_path: Path, world: World) -> None:
    records = records_of(world.logs)
    offset = results(records)[2]
    message = records[topics.RESULTS].pop(offset).message()
    assert isinstance(message, ResultRecorded)
    records[topics.RESULTS] = [replace(r, offset=i) for i, r in enumerate(records[topics.RESULTS])]
    found = replayed(tmp_path, world, records)
    assert found.missing == [(topics.RESULTS, message.result.id)]
    machines, evidence = machines_of(world), Evidence(tmp_path)
    first = explain(found, machines, evidence, [], has_seal=False)[0]
    assert message.result.id in first.what
    assert "removed" in first.what


def test_an_altered_input_makes_its_outputs_differ(tmp_path: Path, world: World) -> None:
    records = records_of(world.logs)
    log = records[topics.WORKLOAD]
    at = next(i for i, r in enumerate(log) if b'"task"' in (r.value or b""))
    del log[at]
    assert not replayed(tmp_path, world, records).equal


@settings(ALWAYS_THE_SAME, max_examples=30)
@given(st.integers(0, 2**32).map(Random), st.sampled_from(MIXES))
def test_a_span_says_what_the_whole_says(tmp_path_factory: pytest.TempPathFactory, rng: Random, faults: Faults) -> None:
    """Outputs within a span are compared one by one; those outside are not."""
    world = world_of(rng, faults, 4)
    folder = tmp_path_factory.mktemp("evidence")
    whole = replayed(folder, world, records_of(world.logs))
    if whole.first_ms is None or whole.last_ms is None or whole.first_ms == whole.last_ms:
        return
    cut = rng.randrange(whole.first_ms, whole.last_ms)
    before = Replayer(Evidence(folder), machines_of(world), span=Span(to_ms=cut)).run()
    after = Replayer(Evidence(folder), machines_of(world), span=Span(from_ms=cut)).run()
    assert before.equal
    assert after.equal
    for topic in (topics.RESULTS, topics.CALIBRATION):
        assert before.topics[topic].compared + after.topics[topic].compared == whole.topics[topic].compared


def test_the_records_of_others_in_the_partition_are_left_alone(world: World) -> None:
    """`own` takes the datacenter's records only, where the partition has several."""
    assert all(r.key == DATACENTER.encode() for r in records_of(world.logs)[topics.RESULTS])
