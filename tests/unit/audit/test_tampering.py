"""Whoever alters a bundle is found, and what he altered is named, as long as anything is left that he did not think of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opendt_streams.audit.verify.of_bundle import verify_bundle
from opendt_streams.audit.verify.verification import AGAINST_LOG_ROOT, AGAINST_ROOT, INNER, NOTHING, Verification
from opendt_streams.wire import topics
from tests.unit.audit.conftest import Sealed
from tests.unit.audit.tampering import AT, CHANGES, LEVELS, Change, Forger, flip_value, replace_result, swap_rows

KNOWS_RECORDS = (Forger.leave, Forger.forge_files, Forger.forge_seals, Forger.forge_segments)
KNOWS_PARTS = (Forger.leave, Forger.forge_files)


def verified(file: Path, root: str | None = None) -> Verification:
    """In this process: these files are readable, whatever they say."""
    return verify_bundle(file, root, probe=lambda _: None)


def at(offset: int, topic: str = topics.RESULTS) -> str:
    return f"{topic}|0|{offset}"


def test_what_nobody_touched_is_verified(sealed: Sealed) -> None:
    without = verified(sealed.file)
    assert (without.findings, without.notes, without.proved) == ([], [], INNER)
    assert without.root == sealed.manifest.root
    assert without.log_root == sealed.manifest.log_root
    assert verified(sealed.file, sealed.manifest.root).proved == AGAINST_ROOT
    assert verified(sealed.file, sealed.manifest.log_root).proved == AGAINST_LOG_ROOT


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.__name__)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_record_is_named(sealed: Sealed, tmp_path: Path, change: Change, level: Callable[[Forger], Forger]) -> None:
    file = level(Forger.of(sealed.folder, tmp_path / "forged").alter(topics.RESULTS, change)).pack()
    answer = verified(file)
    assert answer.proved == NOTHING
    assert answer.findings
    if level in KNOWS_RECORDS:
        first = answer.findings[0]
        assert first.where in (at(AT), at(AT + 1))
        assert level not in KNOWS_PARTS or first.field == CHANGES[change]
        assert first.what


@pytest.mark.parametrize("topic", [t for t in topics.ALL_TOPICS if t not in (topics.DEAD_LETTER, topics.PHYSICAL, topics.CONFIG)])
@pytest.mark.parametrize("field", ["key", "value", "headers", "timestamp"])
def test_every_part_of_a_record_of_every_topic_is_sealed(sealed: Sealed, tmp_path: Path, topic: str, field: str) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        row = rows[-1]
        match field:
            case "key":
                row["key"] = bytes([row["key"][0] ^ 1]) + row["key"][1:]
            case "value":
                row["value"] = row["value"][:-1] + bytes([row["value"][-1] ^ 1])
            case "headers":
                row["headers"] = [*row["headers"], {"key": "x", "value": b""}]
            case _:
                row["timestamp_ms"] -= 1

    forger = Forger.of(sealed.folder, tmp_path / "forged")
    last = forger.rows(topic)[-1]["offset"]
    first = verified(forger.alter(topic, change).pack()).findings[0]
    assert (first.where, first.field) == (at(last, topic), field)


def test_who_forges_everything_is_found_by_a_root_that_was_kept(sealed: Sealed, tmp_path: Path) -> None:
    def nudge(rows: list[dict[str, Any]]) -> None:
        rows[AT]["timestamp_ms"] += 1  # nothing else in the log speaks of it

    forger = Forger.of(sealed.folder, tmp_path / "forged").alter(topics.RESULTS, nudge)
    forged = forger.forge_report().forge_everything().pack()
    assert verified(forged).proved == INNER
    answer = verified(forged, sealed.manifest.root)
    assert answer.proved == NOTHING
    assert [f.field for f in answer.findings] == ["root"]
    assert str(answer.root) in answer.findings[0].what
    assert sealed.manifest.root in answer.findings[0].what


@pytest.mark.parametrize("change", [replace_result, flip_value])
def test_who_forges_everything_is_found_where_his_record_does_not_fit_the_rest(sealed: Sealed, tmp_path: Path, change: Change) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged").alter(topics.RESULTS, change)
    answer = verified(forger.forge_everything().pack())
    assert answer.findings
    assert at(AT) in {f.where for f in answer.findings}


def test_order_is_checked_even_where_the_seal_fits(sealed: Sealed, tmp_path: Path) -> None:
    answer = verified(Forger.of(sealed.folder, tmp_path / "forged").alter(topics.WORKLOAD, swap_rows).forge_everything().pack())
    assert at(AT, topics.WORKLOAD) in {f.where for f in answer.findings if f.field == "offset"}


# -- other files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.yaml", "summary.json", "twinlog.json", "report.json", "report.html", "run.json", "seals.parquet"])
def test_every_other_file_is_sealed(sealed: Sealed, tmp_path: Path, name: str) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged")
    path = forger.folder / name
    path.write_bytes(path.read_bytes() + b" ")
    assert name in {f.where for f in verified(forger.pack()).findings}


@pytest.mark.parametrize("column", ["digest", "value_digest", "timestamp_ms"])
def test_no_record_is_blamed_for_an_altered_seal(sealed: Sealed, tmp_path: Path, column: str) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged")
    path = forger.folder / "seals.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[7] = values[7] + 1 if column == "timestamp_ms" else values[7][:-1] + bytes([values[7][-1] ^ 1])
    at_column = table.schema.get_field_index(column)
    pq.write_table(table.set_column(at_column, table.schema.field(column), pa.array(values, table.schema.field(column).type)), path)
    assert [f.where for f in verified(forger.pack()).findings] == ["seals.parquet"]


@pytest.mark.parametrize("name", ["config.yaml", "run.json", "manifest.json", "seals.parquet", "topics/sim.results.parquet"])
def test_a_missing_file_is_named(sealed: Sealed, tmp_path: Path, name: str) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged")
    (forger.folder / name).unlink()
    assert name in {f.where for f in verified(forger.pack()).findings}


def test_a_file_that_was_put_in_is_named(sealed: Sealed, tmp_path: Path) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged").edit_manifest(lambda document: document["files"].pop("config.yaml"))
    assert "config.yaml" in {f.where for f in verified(forger.pack()).findings}


def test_a_file_of_the_same_records_in_other_bytes_is_said_to_be_another(sealed: Sealed, tmp_path: Path) -> None:
    answer = verified(Forger.of(sealed.folder, tmp_path / "forged").alter(topics.RESULTS, lambda rows: None).pack())
    assert [f.where for f in answer.findings] == ["topics/sim.results.parquet"]


def test_a_report_that_says_otherwise_than_the_topics_is_found_though_it_is_sealed(sealed: Sealed, tmp_path: Path) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged")
    forger.edit_json("report.json", lambda document: document["figures"].update(mape_percent=0.1))
    answer = verified(forger.forge_everything().pack())
    assert [f.where for f in answer.findings] == ["report.json"]


# -- the manifest ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("run",), "another"),
        (("code_version",), "9.9"),
        (("partition",), 1),
        (("started",), []),
        (("event_time_ms", "sim.results"), [1, 2]),
        (("files", "config.yaml"), "0" * 64),
        (("topics", 4, "count"), 7),
        (("topics", 4, "end"), 10**12),
        (("topics", 4, "start"), 1),
        (("topics", 4, "gaps"), [[3, 4]]),
        (("topics", 4, "last_timestamp_ms"), 7),
        (("topics", 4, "root"), "1" * 64),
        (("topics", 4, "segments", 0, "root"), "1" * 64),
        (("topics", 4, "segments", 0, "count"), 10**12),
        (("topics", 4, "segments", 0, "records"), "00" * 4),
        (("topics", 4, "segments"), []),
        (("log_root",), "1" * 64),
        (("root",), "1" * 64),
        (("format",), 2),
        (("topics",), []),
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_an_altered_manifest_is_found(sealed: Sealed, tmp_path: Path, path: tuple[Any, ...], value: object, signed: bool) -> None:
    def change(document: dict[str, Any]) -> None:
        inner = document
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value

    forger = Forger.of(sealed.folder, tmp_path / "forged").edit_manifest(change)
    if signed and path not in (("log_root",), ("root",)):
        forger.sign()
    answer = verified(forger.pack())
    assert answer.findings
    assert (
        "manifest.json" in {f.where.partition(":")[0] for f in answer.findings}
        or path == ("files", "config.yaml")
        or len(path) == 1
        or signed
    )


def test_a_manifest_that_is_not_canonical_is_none(sealed: Sealed, tmp_path: Path) -> None:
    forger = Forger.of(sealed.folder, tmp_path / "forged")
    path = forger.folder / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert [f.where for f in verified(forger.pack()).findings] == ["manifest.json"]
