"""Checking native windows: what counts as different, what one invocation answers, and that a shadow changes nothing."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.opendc.checker import Checker, Tally
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.opendc.shadow import ShadowedEngine, ShadowKind
from opendt_streams.engine.port import EngineSettings, Submission
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import PowerModel, Topology
from tests.unit.engine.workloads import ORIGIN_MS, datacenter, host_group, task, tasks, topologies, traces
from tests.unit.opendc.in_process import InProcess

STEP_MS = 1000
SETTINGS = EngineSettings(ORIGIN_MS, STEP_MS)
DC = datacenter(host_group(count=2))
LONG = task(1, 0, [(60_000, 500.0)])


def at(second: int) -> int:
    return ORIGIN_MS + second * STEP_MS


def shadowed(runner: InProcess, every: int = 1, topology: Topology = DC) -> tuple[ShadowedEngine, Checker]:
    checker = Checker(cast(Runner, cast(Any, runner)), background=False)
    engine = ShadowKind(checker, every).start(SETTINGS, topology, {})
    assert isinstance(engine, ShadowedEngine)
    return engine, checker


def finished(checker: Checker) -> Tally:
    checker.finish()
    return checker.tally


@settings(max_examples=10, deadline=None)
@given(topologies(), traces(), tasks(), st.lists(st.integers(1, 59), max_size=3, unique=True))
def test_rows_that_differ_show_the_right_limit_and_nothing_else_differs(
    topology: Topology, carbon: dict[str, CarbonTrace], work: list[Task], cuts: list[int]
) -> None:
    checker = Checker(cast(Runner, cast(Any, InProcess())), background=False)
    engine = ShadowKind(checker, 1).start(SETTINGS, topology, carbon)
    for edge in [*(at(c) for c in sorted(cuts)), at(60)]:
        mine = sorted((Submission(t, t.submission_ms, t.id) for t in work), key=lambda s: s.at_ms)
        engine.advance(edge, [s for s in mine if engine.now_ms <= s.at_ms < edge])
    tally = finished(checker)
    assert tally.different_rows == 0, tally.first_difference
    assert tally.windows + tally.skipped == len(cuts) + 1


def test_a_shadow_answers_as_the_native_engine_and_leaves_it_its_state() -> None:
    engine, _ = shadowed(InProcess())
    alone = NATIVE.start(SETTINGS, DC, {})
    for second, work in ((10, [Submission(LONG, ORIGIN_MS, 1)]), (20, [])):
        mine, theirs = engine.advance(at(second), work), alone.advance(at(second), work)
        assert mine.clusters[0].power_w.tolist() == theirs.clusters[0].power_w.tolist()
        assert mine.basis == theirs.basis
    assert alone.checkpoint().items() <= engine.checkpoint().items()
    # Also after the shadow is switched off, or on, between two lives.
    again = NATIVE.restore(SETTINGS, DC, {}, engine.checkpoint(), {1: LONG}.__getitem__)
    assert again.advance(at(30), []).running == 1


def test_windows_that_one_run_knows_are_one_invocation() -> None:
    runner = InProcess()
    engine, checker = shadowed(runner, every=2)
    for second in range(5, 45, 5):
        new = [Submission(replace(LONG, submission_ms=engine.now_ms), engine.now_ms, second)] if second % 20 == 5 else []
        engine.advance(at(second), new)
    tally = finished(checker)
    assert (tally.windows, tally.rows, tally.waiting, runner.invocations) == (4, 20, 0, 1)


def test_other_parameters_are_another_question() -> None:
    runner = InProcess()
    engine, checker = shadowed(runner)
    engine.advance(at(5), [Submission(LONG, ORIGIN_MS, 1)])
    engine.apply(DC.with_power_models({(0, 0): PowerModel("linear", 10.0, 20.0)}), {})
    engine.advance(at(10), [])
    assert (finished(checker).windows, checker.tally.different_rows, runner.invocations) == (2, 0, 2)


def test_a_difference_is_counted_and_named() -> None:
    engine, checker = shadowed(InProcess())
    window = engine.advance(at(5), [Submission(LONG, ORIGIN_MS, 1)])
    rows = checker._waiting[0].clusters[0]
    wrong = replace(rows, energy_j=rows.energy_j + np.array([0, 0, 5.0, 0, 0]))
    checker._waiting[0] = replace(checker._waiting[0], clusters=(wrong,))
    tally = finished(checker)
    assert (tally.different_rows, len(window.row_ms)) == (1, 5)
    assert tally.first_difference is not None
    assert "cluster C at 2022-10-06T22:00:03Z: energy_j" in tally.first_difference


def test_no_answer_is_counted_and_stops_nothing() -> None:
    engine, checker = shadowed(InProcess(fails=lambda _: True))
    engine.advance(at(5), [Submission(LONG, ORIGIN_MS, 1)])
    assert (finished(checker).unanswered, checker.tally.windows, checker.tally.waiting) == (1, 0, 0)


def test_after_a_change_of_hardware_it_waits_until_the_datacenter_is_empty() -> None:
    engine, checker = shadowed(InProcess())
    engine.advance(at(5), [Submission(task(1, 0, [(8000, 500.0)]), ORIGIN_MS, 1)])
    engine.apply(datacenter(host_group(count=3)), {})
    engine.advance(at(10), [])  # the task ends in it
    engine.advance(at(15), [Submission(task(2, 0, [(8000, 500.0)]), at(10), 2)])
    tally = finished(checker)
    assert (tally.skipped, tally.windows, tally.different_rows) == (1, 2, 0)


def test_after_a_restart_it_goes_on_with_what_it_knew() -> None:
    engine, _ = shadowed(InProcess())
    engine.advance(at(5), [Submission(LONG, ORIGIN_MS, 1)])
    state = json.loads(json.dumps(engine.checkpoint()))
    for saved, skipped in ((state, 0), ({k: v for k, v in state.items() if k != "shadow"}, 1)):
        fresh = Checker(cast(Runner, cast(Any, InProcess())), background=False)
        again = ShadowKind(fresh, 1).restore(SETTINGS, DC, {}, copy.deepcopy(saved), {1: LONG}.__getitem__)
        again.advance(at(10), [])
        assert (finished(fresh).skipped, fresh.tally.windows) == (skipped, 1 - skipped)
    assert engine.references() == (1,)


def test_a_thread_of_its_own_works_it_off() -> None:
    told: list[dict[str, Any]] = []
    finished = threading.Event()

    def tell(tally: Tally) -> None:
        told.append(asdict(tally))
        if tally.unanswered and not tally.waiting:
            finished.set()

    checker = Checker(cast(Runner, cast(Any, InProcess(fails=lambda _: True))), tell)
    engine = ShadowKind(checker, 1).start(SETTINGS, DC, {})
    engine.advance(at(5), [Submission(LONG, ORIGIN_MS, 1)])
    assert finished.wait(timeout=60)
    assert told[-1]["unanswered"] == 1
