"""What somebody does to a bundle who wants it to say something else: to its records, and then to as many of its seals as he thinks of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from opendt_streams.audit.bundle.packing import MANIFEST_FILE, SEALS_FILE, pack
from opendt_streams.audit.evidence import RECORDS, Evidence
from opendt_streams.audit.report.files import report_files
from opendt_streams.audit.sealing.digests_file import write_seals
from opendt_streams.audit.sealing.manifest import log_root_of, root_of
from opendt_streams.audit.sealing.seal import file_digests, read_all, write_seal
from opendt_streams.model.canonical import canonical
from opendt_streams.wire import topics

Row = dict[str, Any]
Change = Callable[[list[Row]], None]

RESULTS: Final = f"topics/{topics.RESULTS}.parquet"


@dataclass(frozen=True, slots=True)
class Forger:
    """Works on a copy of a sealed folder, and packs it."""

    folder: Path

    @classmethod
    def of(cls, sealed: Path, work: Path) -> Forger:
        shutil.copytree(sealed, work)
        return cls(work)

    def pack(self) -> Path:
        file = self.folder.with_suffix(".zip")
        pack(self.folder, file)
        return file

    def rows(self, topic: str) -> list[Row]:
        rows: list[Row] = pq.read_table(self.folder / "topics" / f"{topic}.parquet").to_pylist()
        return rows

    def alter(self, topic: str, change: Change) -> Forger:
        """Rewrite a topic's file, as anybody with pyarrow can."""
        rows = self.rows(topic)
        change(rows)
        pq.write_table(pa.Table.from_pylist(rows, schema=RECORDS), self.folder / "topics" / f"{topic}.parquet")
        return self

    def edit_manifest(self, change: Callable[[dict[str, Any]], None]) -> Forger:
        path = self.folder / MANIFEST_FILE
        document = json.loads(path.read_bytes())
        change(document)
        path.write_bytes(canonical(document))
        return self

    def edit_json(self, name: str, change: Callable[[dict[str, Any]], None]) -> Forger:
        path = self.folder / name
        document = json.loads(path.read_bytes())
        change(document)
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        return self

    def sign(self) -> Forger:
        """The roots of the manifest fit what it says."""

        def change(document: dict[str, Any]) -> None:
            document["log_root"] = log_root_of(document["topics"])
            document["root"] = root_of(document)

        return self.edit_manifest(change)

    def forge_report(self) -> Forger:
        """The report of the altered records."""
        evidence = Evidence(self.folder)
        for name, content in report_files(evidence, read_all(evidence)).items():
            (self.folder / name).write_bytes(content)
        return self

    # -- how far he goes, each further than the one before ---------------------------------------------------------------

    def leave(self) -> Forger:
        return self

    def forge_files(self) -> Forger:
        """The manifest names the altered files."""
        digests = dict(file_digests(self.folder))
        return self.edit_manifest(lambda document: document.update(files=digests))

    def forge_seals(self) -> Forger:
        """Seals of the altered records."""
        write_seals(self.folder / SEALS_FILE, read_all(Evidence(self.folder)).rows())
        return self.forge_files()

    def forge_segments(self) -> Forger:
        """And roots of segments, but not what the manifest keeps of each record."""
        self.forge_seals()
        new = self._entries()

        def change(document: dict[str, Any]) -> None:
            for entry, made in zip(document["topics"], new, strict=True):
                for segment, other in zip(entry["segments"], made["segments"], strict=False):
                    segment["root"] = other["root"]
                entry["root"] = made["root"]

        return self.edit_manifest(change)

    def forge_topics(self) -> Forger:
        """And everything about the topics, but not the roots over them."""
        self.forge_seals()
        new = self._entries()
        return self.edit_manifest(lambda document: document.update(topics=new))

    def forge_all_but_log_root(self) -> Forger:
        self.forge_topics()
        return self.edit_manifest(lambda document: document.update(root=root_of(document)))

    def forge_everything(self) -> Forger:
        """A bundle that is consistent in itself: only a root that was kept tells."""
        write_seal(self.folder, read_all(Evidence(self.folder)))
        return self

    def _entries(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = read_all(Evidence(self.folder)).manifest({}).model_dump(mode="json")["topics"]
        return entries


LEVELS: Final[tuple[Callable[[Forger], Forger], ...]] = (
    Forger.leave,
    Forger.forge_files,
    Forger.forge_seals,
    Forger.forge_segments,
    Forger.forge_topics,
    Forger.forge_all_but_log_root,
)

# -- what he does to the records ---------------------------------------------------------------------------------------------

AT: Final = 5  # which row


def flip_value(rows: list[Row]) -> None:
    raw = bytearray(rows[AT]["value"])
    at = raw.index(b"0") if b"0" in raw else len(raw) // 2
    raw[at] ^= 1  # 0 and 1 differ in one bit: the value stays readable
    rows[AT]["value"] = bytes(raw)


def flip_key(rows: list[Row]) -> None:
    rows[AT]["key"] = b"dd"


def lose_key(rows: list[Row]) -> None:
    rows[AT]["key"] = None


def flip_header(rows: list[Row]) -> None:
    header = rows[AT]["headers"][-1]
    header["value"] = header["value"][:-1] + bytes([header["value"][-1] ^ 1])


def add_header(rows: list[Row]) -> None:
    rows[AT]["headers"].append({"key": "note", "value": None})


def change_time(rows: list[Row]) -> None:
    rows[AT]["timestamp_ms"] += 1


def remove(rows: list[Row]) -> None:
    del rows[AT]


def remove_and_renumber(rows: list[Row]) -> None:
    del rows[AT]
    for row in rows[AT:]:
        row["offset"] -= 1


def swap_rows(rows: list[Row]) -> None:
    rows[AT], rows[AT + 1] = rows[AT + 1], rows[AT]


def swap_contents(rows: list[Row]) -> None:
    swap_rows(rows)
    rows[AT]["offset"], rows[AT + 1]["offset"] = rows[AT + 1]["offset"], rows[AT]["offset"]


def swap_values(rows: list[Row]) -> None:
    rows[AT]["value"], rows[AT + 1]["value"] = rows[AT + 1]["value"], rows[AT]["value"]


def repeat(rows: list[Row]) -> None:
    rows.insert(AT + 1, dict(rows[AT]))


def repeat_and_renumber(rows: list[Row]) -> None:
    repeat(rows)
    for row in rows[AT + 1 :]:
        row["offset"] += 1


def insert(rows: list[Row]) -> None:
    rows.insert(AT, dict(rows[AT], timestamp_ms=rows[AT]["timestamp_ms"] - 1))
    for row in rows[AT + 1 :]:
        row["offset"] += 1


def renumber(rows: list[Row]) -> None:
    for row in rows[AT:]:
        row["offset"] += 10


def replace_result(rows: list[Row]) -> None:
    """By one that the twin might have said."""
    document = json.loads(rows[AT]["value"])
    document["tasks"]["completed"] += 1
    rows[AT]["value"] = canonical(document)


CHANGES: Final[dict[Change, str | None]] = {
    flip_value: "value",
    flip_key: "key",
    lose_key: "key",
    flip_header: "headers",
    add_header: "headers",
    change_time: "timestamp",
    remove: "offset",
    remove_and_renumber: "offset",
    swap_rows: "offset",
    swap_contents: "offset",
    swap_values: "value",
    repeat: "offset",
    repeat_and_renumber: "offset",
    insert: "offset",
    renumber: "offset",
    replace_result: "value",
}
