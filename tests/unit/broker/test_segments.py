"""Kafka's files are looked at before Kafka: every flipped byte is found, and a batch that was only begun is none."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.broker.segments import DamagedBatch, damaged_batches

TOPIC = "sim.results"


def batch(base: int, count: int, epoch: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 2**20)
    for i in range(count):
        builder.append(i, 1_700_000_000_000 + i, b"dc", b"value %02d" % (base + i), [("ce_id", b"x")])
    raw = bytearray(builder.build())
    raw[0:8] = base.to_bytes(8, "big")
    raw[12:16] = epoch.to_bytes(4, "big")
    return bytes(raw)


def log(first: int, batches: int) -> bytes:
    """Batches of three records."""
    return b"".join(batch(first + 3 * i, 3, 0 if first + 3 * i < 9 else 2) for i in range(batches))


def kafka(folder: Path, segments: dict[int, bytes], *, clean: bool = True) -> Path:
    partition = folder / "log" / f"{TOPIC}-0"
    partition.mkdir(parents=True, exist_ok=True)
    for base, content in segments.items():
        (partition / f"{base:020}.log").write_bytes(content)
    (partition / "leader-epoch-checkpoint").write_text("0\n2\n0 0\n2 9\n", encoding="ascii")
    if clean:
        (folder / "log" / ".kafka_cleanshutdown").touch()
    return folder


def damage(folder: Path, *, live: bool = False) -> list[DamagedBatch]:
    return list(damaged_batches(folder, TOPIC, 0, live=live))


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("live", [True, False])
def test_a_sound_log(tmp_path: Path, clean: bool, live: bool) -> None:
    assert damage(kafka(tmp_path, {0: log(0, 5), 15: log(15, 2), 21: b""}, clean=clean), live=live) == []


def test_no_log_at_all(tmp_path: Path) -> None:
    assert damage(tmp_path) == []


def test_a_log_whose_start_retention_has_deleted(tmp_path: Path) -> None:
    assert damage(kafka(tmp_path, {15: log(15, 2)})) == []


@settings(max_examples=300, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7), st.booleans())
def test_one_flipped_bit_is_found_and_located(tmp_path_factory: pytest.TempPathFactory, where: float, bit: int, clean: bool) -> None:
    content = bytearray(log(0, 5))
    at = int(where * len(content))
    content[at] ^= 1 << bit
    found = damage(kafka(tmp_path_factory.mktemp("kafka"), {0: bytes(content), 15: log(15, 2)}, clean=clean))
    size = len(batch(0, 3))
    assert [(f.at, f.offset) for f in found[:1]] == [(at // size * size, at // size * 3)]


def test_the_records_of_a_damaged_batch_are_counted(tmp_path: Path) -> None:
    content = bytearray(log(0, 5))
    content[len(batch(0, 3)) + 70] ^= 1
    (found,) = damage(kafka(tmp_path, {0: bytes(content)}))
    assert (found.offset, found.last) == (3, 5)


@pytest.mark.parametrize("cut", [1, 40, 90])
@pytest.mark.parametrize(("clean", "live", "torn"), [(False, False, True), (True, True, True), (True, False, False)])
def test_a_batch_that_was_only_begun(tmp_path: Path, cut: int, clean: bool, live: bool, torn: bool) -> None:
    """What a killed Kafka leaves, and what a running one is writing; but not what one leaves that stopped in peace."""
    begun = log(0, 3) + batch(9, 3, 2)[:cut]
    assert (damage(kafka(tmp_path, {0: begun}, clean=clean), live=live) == []) is torn


def test_a_length_that_swallows_the_rest_is_no_batch_that_was_only_begun(tmp_path: Path) -> None:
    content = bytearray(log(0, 5))
    content[8] ^= 1  # the highest byte of the first batch's length
    assert damage(kafka(tmp_path, {0: bytes(content)}, clean=False))
    last = bytearray(log(0, 5))
    last[4 * len(batch(0, 3)) + 8] ^= 1
    assert damage(kafka(tmp_path / "last", {0: bytes(last)}, clean=False))


def test_a_missing_segment_is_found(tmp_path: Path) -> None:
    assert "begins at offset 15" in damage(kafka(tmp_path, {0: log(0, 2), 15: log(15, 2)}))[0].what


def test_a_batch_that_was_cut_out_is_found(tmp_path: Path) -> None:
    size = len(batch(0, 3))
    content = log(0, 5)
    cut = content[: 2 * size] + content[3 * size :]
    (found,) = damage(kafka(tmp_path, {0: cut}))
    assert (found.offset, found.at) == (6, 2 * size)


def test_rubbish_is_no_log(tmp_path: Path) -> None:
    rng = Random(1)
    for clean in (True, False):
        assert damage(kafka(tmp_path / str(clean), {0: rng.randbytes(5_000)}, clean=clean))
