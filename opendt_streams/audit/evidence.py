"""What an audit looks at: the records of a run's topics, copied out of Kafka once, and what the run said of itself.

    EVIDENCE/topics/<topic>.parquet     every record of the datacenter's partition, in the order of the log (schema: RECORDS)
    EVIDENCE/run.json                   RunInfo

A bundle holds more beside them (audit.bundle.packing).

A command on a run copies into a temporary folder and works there; a bundle is this folder, packed. So everything below the copy knows
no Kafka, and a bundle and a run are judged by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opendt_streams.errors import BadInput, NegativeAnswer
from opendt_streams.wire.fields import first_problem
from opendt_streams.wire.record import Record

FORMAT: Final = 1
TOPICS_FOLDER: Final = "topics"
RUN_FILE: Final = "run.json"

RECORDS: Final = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field(
            "headers", pa.list_(pa.struct([pa.field("key", pa.string(), nullable=False), pa.field("value", pa.binary())])), nullable=False
        ),
        pa.field("value", pa.binary()),
    ]
)
_BATCH: Final = 1_000  # records
_ROW_GROUP: Final = 1_000  # records: what a segment of the seal holds


# What pyarrow raises over a file that is no Parquet file any more, or one with other columns.
UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError)


class DamagedEvidence(NegativeAnswer):
    """A file of the evidence cannot be read, or a bundle cannot be opened."""


class RunInfo(BaseModel):
    """What the copy is of.

    Attributes:
        run: the run's id.
        datacenter: whose records an audit judges; others in the same partition are there for completeness of the log.
        partition, partitions: number of the partition, and how many the topics have. With one, every key means the datacenter.
        code_version: of the code that made the copy.
        settings: the effective settings in the run folder.
        log: by topic the offset at which Kafka's log began when it was copied, and the one that its next record would have had.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    run: str
    datacenter: str
    partition: int
    partitions: int
    code_version: str
    settings: dict[str, Any]
    log: dict[str, tuple[int, int]] = Field(default_factory=dict)


class Evidence:
    """A folder of evidence, opened for reading.

    Raises:
        BadInput: the folder holds none, or one of another format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / RUN_FILE
        try:
            self.info = RunInfo.model_validate_json(path.read_bytes())
        except OSError as error:
            raise BadInput(
                f"no evidence here: {error.strerror}", expected=f"a folder or bundle with its {RUN_FILE}", where=str(folder)
            ) from None
        except ValidationError as error:
            raise BadInput(str(first_problem(error)), where=RUN_FILE) from None
        if self.info.format != FORMAT:
            raise BadInput(f"evidence of format {self.info.format}", expected=f"format {FORMAT}", where=RUN_FILE)

    def path(self, topic: str) -> Path:
        return self.folder / TOPICS_FOLDER / f"{topic}.parquet"

    def records(self, topic: str) -> Iterator[Record]:
        """All records of the partition, in the order of the file, whoever's they are.

        Raises:
            DamagedEvidence: the file is missing, or no file of records any more.
        """
        try:
            with pq.ParquetFile(self.path(topic)) as file:
                for batch in file.iter_batches(_BATCH):
                    yield from records_of(batch.to_pydict(), topic, self.info.partition)
        except UNREADABLE as error:
            raise DamagedEvidence(
                f"not readable: {first_line(error)}",
                where=f"{TOPICS_FOLDER}/{topic}.parquet",
                hint="`opendt audit verify` says what is damaged.",
            ) from None

    def own(self, topic: str) -> Iterator[Record]:
        """The records of the datacenter."""
        return (record for record in self.records(topic) if self.is_own(record.key))

    def end(self, topic: str) -> int:
        """The offset after the last record that is here."""
        with pq.ParquetFile(self.path(topic)) as file:
            groups = file.metadata.num_row_groups
            return int(file.read_row_group(groups - 1, columns=["offset"])["offset"][-1].as_py()) + 1 if groups else 0

    def is_own(self, key: bytes | None) -> bool:
        """With one partition every message is the datacenter's, whatever its key (PROTOCOL 2.5)."""
        return self.info.partitions == 1 or not key or key.decode(errors="replace") == self.info.datacenter


def records_of(columns: Mapping[str, Sequence[Any]], topic: str, partition: int) -> Iterator[Record]:
    """The records in the columns of RECORDS."""
    for offset, timestamp_ms, key, headers, value in zip(*(columns[name] for name in RECORDS.names), strict=True):
        yield Record(topic, partition, offset, key, value, tuple((h["key"], h["value"]) for h in headers), timestamp_ms)


class TopicWriter:
    """Writes the records of one topic into a folder of evidence. Equal records give equal bytes.

    with TopicWriter(folder, "sim.results") as writer:
        writer.put(record)
    """

    def __init__(self, folder: Path, topic: str) -> None:
        path = folder / TOPICS_FOLDER / f"{topic}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = pq.ParquetWriter(
            path, RECORDS, version="2.6", data_page_version="1.0", compression="zstd", compression_level=3, use_dictionary=["key"]
        )
        self._pending: list[Record] = []

    def __enter__(self) -> TopicWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._file.close()

    def put(self, record: Record) -> None:
        self._pending.append(record)
        if len(self._pending) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        rows = self._pending
        columns = [
            [r.offset for r in rows],
            [r.timestamp_ms for r in rows],
            [r.key for r in rows],
            [[{"key": k, "value": v} for k, v in r.raw_headers] for r in rows],
            [r.value for r in rows],
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORDS, strict=True)]
        self._file.write_table(pa.table(arrays, schema=RECORDS), row_group_size=_ROW_GROUP)
        self._pending = []


def first_line(error: BaseException) -> str:
    """What a library says of a file, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
