"""The twinning log on disk: the same bytes again, never another past, and readable wherever the recorder is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opendt_streams.errors import HistoryGone
from opendt_streams.model import times
from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.part import Part
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.writer import TwinLog, parquet_bytes
from opendt_streams.wire.messages import Message
from tests.unit.twin.logs import DATACENTER, Logs
from tests.unit.twin.scenario import GRID, Faults
from tests.unit.twinlog.disk import Impatient, Killed, Mortal, contents
from tests.unit.twinlog.worlds import by_topic, ledger_of, logs_of

T = times.parse("2022-10-06T22:00:00Z")


def alarm_part(text: str, time_ms: int = T, *, finished: bool = True) -> Part:
    row = {"time": time_ms, "datacenter": "DC", "kind": "odd", "text": text}
    return Part(schemas.ALARMS, time_ms, pa.Table.from_pylist([row], schema=schemas.TABLES[schemas.ALARMS]), finished)


def record(log: TwinLog, logs: Logs) -> None:
    """What the service does: go on from the checkpoint, store whatever is finished, merge at the end."""
    stored = log.checkpoint()
    recorder = Recorder.restore(DATACENTER, GRID, stored, ledger_of(logs)) if stored else Recorder(DATACENTER, GRID)
    for message in _from(logs, recorder):
        recorder.step(*message)
        if parts := recorder.take_parts():
            log.store(parts, recorder.checkpoint())
    log.store(recorder.flush(), recorder.checkpoint())
    log.merge()


def _from(logs: Logs, recorder: Recorder) -> Iterator[tuple[str, int, Message]]:
    start = dict(recorder.next)
    return ((topic, offset, message) for topic, offset, message in by_topic(logs) if offset >= start[topic])


def test_killed_between_any_two_file_operations_it_leaves_a_readable_log_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    logs = logs_of(22, Faults(silence=True), instants=2)
    record(TwinLog(tmp_path / "whole", Impatient()), logs)
    whole = contents(tmp_path / "whole")
    final = {table: TwinLog(tmp_path / "whole").rows(table) for table in schemas.TABLES}
    assert any(name.endswith(".partial.parquet") for name in whole)
    killed_at = 0
    while True:
        folder = tmp_path / str(killed_at)
        try:
            record(TwinLog(folder, Mortal(killed_at)), logs)
        except Killed:
            survivor = TwinLog(folder, Impatient())
            for table in schemas.TABLES:
                rows = survivor.rows(table)
                assert rows.equals(final[table].slice(0, rows.num_rows))
                if (folder / f"{table}.parquet").exists():
                    assert pq.read_table(folder / f"{table}.parquet").equals(final[table])
            record(survivor, logs)
            assert {k: v for k, v in contents(folder).items() if not k.endswith(".tmp")} == whole
            killed_at += 1
        else:
            break
    assert killed_at > 2 * len(whole)


def test_a_finished_part_is_never_rewritten_with_other_rows(tmp_path: Path) -> None:
    log = TwinLog(tmp_path)
    log.store([alarm_part("one")])
    before = contents(tmp_path)
    log.store([alarm_part("one")])
    with pytest.raises(HistoryGone, match=r"alarms/20221006T220000Z\.parquet: .* holds other rows"):
        log.store([alarm_part("two")])
    assert contents(tmp_path) == before


def test_the_same_rows_in_other_bytes_are_the_same_part(tmp_path: Path) -> None:
    log = TwinLog(tmp_path)
    log.store([alarm_part("one")])
    (path,) = log.parts(schemas.ALARMS)
    pq.write_table(alarm_part("one").rows, path, compression="none")  # as another version may write them
    before = contents(tmp_path)
    log.store([alarm_part("one")])
    assert contents(tmp_path) == before


def test_unfinished_parts_give_way_to_what_comes_later(tmp_path: Path) -> None:
    log = TwinLog(tmp_path)
    log.store([alarm_part("half", finished=False), alarm_part("later", T + times.HOUR, finished=False)])
    log.store([alarm_part("half a bit more", finished=False)])
    assert log.rows(schemas.ALARMS)["text"].to_pylist() == ["half a bit more"]
    log.store([alarm_part("whole")])
    assert log.rows(schemas.ALARMS)["text"].to_pylist() == ["whole"]
    assert len(log.parts(schemas.ALARMS)) == 1


def test_merging_gives_every_table_in_order_with_its_columns(tmp_path: Path) -> None:
    log = TwinLog(tmp_path)
    log.store([alarm_part("second", T + times.HOUR), alarm_part("first")], {"any": "checkpoint"})
    log.merge()
    assert pq.read_table(tmp_path / "alarms.parquet")["text"].to_pylist() == ["first", "second"]
    for table, schema in schemas.TABLES.items():
        assert pq.read_schema(tmp_path / f"{table}.parquet").equals(schema, check_metadata=True)
    assert log.checkpoint() == {"any": "checkpoint"}


def test_a_new_folder_has_no_checkpoint_and_no_rows(tmp_path: Path) -> None:
    log = TwinLog(tmp_path / "new")
    assert log.checkpoint() is None
    assert log.rows(schemas.RESULTS).num_rows == 0


def test_agg_results_begins_with_the_columns_and_types_of_opendt() -> None:
    schema = schemas.TABLES[schemas.AGG_RESULTS]
    assert [(f.name, str(f.type)) for f in schema][:7] == [
        ("timestamp", "timestamp[ns, tz=UTC]"),
        ("run_number", "int64"),
        ("power_draw", "float"),
        ("energy_usage", "float"),
        ("carbon_intensity", "float"),
        ("carbon_emission", "float"),
        ("cached", "bool"),
    ]


def test_equal_rows_are_equal_bytes_however_they_are_chunked() -> None:
    one, two = alarm_part("one").rows, alarm_part("two", T + 1).rows
    chunked = pa.concat_tables([one, two])
    assert parquet_bytes(chunked) == parquet_bytes(chunked.combine_chunks().replace_schema_metadata({"pandas": "{}"}))


def test_a_run_of_nothing_is_complete(tmp_path: Path) -> None:
    log = TwinLog(tmp_path / "new" / "twinlog")
    log.mark_complete()
    log.merge()
    assert log.complete and log.rows("agg_results").num_rows == 0
