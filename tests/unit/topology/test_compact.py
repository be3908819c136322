"""The compact fold says what the ledger says: verdicts, heads, heads at pins, of every prefix of the log."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import canonical
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology, to_document
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.judging import Verdict
from opendt_streams.topology.ledger import Ledger
from opendt_streams.topology.reading import Hardware
from opendt_streams.wire.record import Record
from tests.unit.topology.ledgers import topology
from tests.unit.topology.records import in_units, some_log

RANDOM = st.randoms(use_true_random=False)


def both(log: list[Record]) -> tuple[CompactLedger, Ledger, list[str]]:
    compact, ledger, verdicts = CompactLedger(), Ledger(), []
    for record in log:
        compact.add(record)
        message = record.message()
        if isinstance(message, TopologyEvent):
            judged = ledger.add(record.offset, message)
            detail = "; " + judged.detail if judged and judged.detail else ""
            verdicts.append(f"{judged.verdict}{detail}" if judged else "repeated: the first record of this id stands")
        else:
            ledger.skip(record.offset)
            verdicts.append("no event")
    return compact, ledger, verdicts


@settings(max_examples=40)
@given(RANDOM)
def test_every_verdict_is_the_ledgers_own(rng: Random) -> None:
    log = some_log(rng)
    compact, ledger, verdicts = both(log)
    assert [compact.verdict(row) for row in range(len(log))] == verdicts
    assert compact.heads() == {branch: head.event.id for branch, head in ledger.heads.items()}
    assert [compact.event(row) for row in compact.branches["main"]] == [a.event for a in ledger.main]


@settings(max_examples=40)
@given(RANDOM, st.integers(0, 31))
def test_the_head_at_a_pin_is_the_ledgers_own(rng: Random, pin: int) -> None:
    log = some_log(rng)
    compact, ledger, _ = both(log)
    row, head = compact.head_at(pin, len(log)), ledger.head_at(pin)
    if pin > compact.log.end:
        assert row is None
    else:
        assert (row is None) == (head is None)
        assert row is None or (head is not None and compact.event(row) == head.event)


@settings(max_examples=40)
@given(RANDOM, st.integers(0, 30), st.integers(0, 31))
def test_a_prefix_is_what_was_folded_then(rng: Random, rows: int, pin: int) -> None:
    log = some_log(rng)
    whole, then = both(log)[0], both(log[:rows])[0]
    assert whole.head(rows) == then.head(rows)
    assert whole.head_at(pin, rows) == then.head_at(pin, rows)


@settings(max_examples=40)
@given(RANDOM, st.integers(-1, 61_000))
def test_by_time_a_prefix_ends_before_the_first_later_record(rng: Random, after_ms: int) -> None:
    log = some_log(rng)
    compact = both(log)[0]
    time_ms = log[0].timestamp_ms + after_ms
    rows = compact.log.rows_by(time_ms)
    assert all(r.timestamp_ms <= time_ms for r in log[:rows])
    assert rows == len(log) or log[rows].timestamp_ms > time_ms
    assert compact.log.rows_by(time_ms + 1) >= rows


def test_random_logs_hold_every_verdict() -> None:
    told = {verdict.partition(";")[0] for seed in range(20) for verdict in both(some_log(Random(seed), 60))[2]}
    assert {str(v) for v in Verdict} - {str(Verdict.NO_PARENT)} <= told


def test_equal_hardware_has_one_number_however_it_is_written() -> None:
    numbers = Hardware()
    known: dict[Topology, int] = {}
    for one in (topology(2, 50), topology(2, 60.5), topology(3, 50), topology(2, 50, groups=2), topology(2, 70)):
        for document in (to_document(one), in_units(to_document(one))):
            hardware = read_topology(document, "opendc").without_power_models()
            number = numbers.number(canonical(document), document)
            assert known.setdefault(hardware, number) == number
    assert sorted(known.values()) == [0, 1, 2]


def test_a_known_hardware_under_a_bad_power_model_is_refused_with_its_path() -> None:
    numbers, document = Hardware(), to_document(topology(2, 50))
    numbers.number(canonical(document), document)
    bad = json.loads(canonical(document).replace(b'"idlePower":50', b'"idlePower":-1'))
    with pytest.raises(BadInput, match=r"clusters\[0\]\.hosts\[0\]\.cpuPowerModel\.idlePower"):
        numbers.number(canonical(bad), bad)
