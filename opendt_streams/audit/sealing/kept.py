"""What a run folder keeps of the last time it was sealed, so that the next verification has something to compare with.

    DIR/audit/manifest.json     the seal of all records that there were
    DIR/audit/seals.parquet     the digest of every record that was ever sealed, those included that retention has deleted since
    DIR/audit/history.json      every seal before: its roots and how far it went, for `--root` of an earlier day

Nothing in here is trusted: a root is proved by computing it again from the records.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from opendt_streams.audit.bundle.packing import MANIFEST_FILE, SEALS_FILE
from opendt_streams.audit.evidence import DamagedEvidence
from opendt_streams.audit.sealing.digests import Log, RecordSeal
from opendt_streams.audit.sealing.digests_file import Seals, read_seals, write_seals
from opendt_streams.audit.sealing.manifest import Manifest, Partition, log_root_of, partition_of, read_manifest, root_of
from opendt_streams.audit.sealing.seal import sha256_of

FOLDER: Final = "audit"
HISTORY_FILE: Final = "history.json"
_ANEW: Final = "Move these files away to seal the run anew; then there is nothing to compare with but a root that you kept"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A seal of an earlier day: what its manifest said besides the partitions, and from where to where each of these went."""

    manifest: dict[str, Any]
    ends: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, manifest: Manifest) -> Earlier:
        document = manifest.model_dump()
        del document["topics"]
        return cls(document, {entry.topic: (entry.start, entry.end) for entry in manifest.topics})

    def again(self, logs: Mapping[str, Log]) -> tuple[str, str]:
        """(root, log root) as the records give them that are there now."""
        partitions = [part_of(logs[topic], start, end).model_dump() for topic, (start, end) in self.ends.items()]
        log_root = log_root_of(partitions)
        return root_of(self.manifest | {"topics": partitions, "log_root": log_root}), log_root


_HISTORY: Final = TypeAdapter(list[Earlier])


def part_of(log: Log, start: int, end: int) -> Partition:
    """What sealing the log would have given when it went from `start` to `end`."""
    rows = [row for row in log.rows if start <= row.offset < end]
    return partition_of(Log(log.topic, log.partition, start, end, rows))


@dataclass(slots=True)
class Kept:
    """The folder `audit` of a run. `manifest` is None where nothing was sealed yet."""

    folder: Path
    manifest: Manifest | None = None
    seals: Seals = field(default_factory=dict)
    history: list[Earlier] = field(default_factory=list)

    @classmethod
    def read(cls, run_dir: Path) -> Kept:
        """What is there.

        Raises:
            DamagedEvidence: a file is missing, or not as it was written.
        """
        folder = run_dir / FOLDER
        try:
            history = _HISTORY.validate_json((folder / HISTORY_FILE).read_bytes()) if (folder / HISTORY_FILE).exists() else []
            if not ((folder / MANIFEST_FILE).exists() or (folder / SEALS_FILE).exists()):
                return cls(folder, history=history)
            manifest = read_manifest((folder / MANIFEST_FILE).read_bytes())
            kept = cls(folder, manifest, read_seals(folder / SEALS_FILE), history)
        except (OSError, ValidationError) as error:
            what = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
            raise DamagedEvidence(f"the seal that was kept cannot be read: {what}", where=str(folder), hint=_ANEW) from None
        except DamagedEvidence as error:
            where = str(folder / (error.where or ""))
            raise DamagedEvidence(f"the seal that was kept is damaged: {error.what}", where=where, hint=_ANEW) from None
        if manifest.files != {SEALS_FILE: sha256_of(folder / SEALS_FILE)}:
            raise DamagedEvidence("the seal that was kept is damaged: its files do not fit each other", where=str(folder), hint=_ANEW)
        if manifest != manifest.signed() or any(kept.log(e.topic, e.partition, e.start, e.end) != e for e in manifest.topics):
            raise DamagedEvidence(
                "the seal that was kept is damaged: its roots are not those of its digests", where=str(folder), hint=_ANEW
            )
        return kept

    def log(self, topic: str, partition: int, start: int, end: int) -> Partition:
        return part_of(Log(topic, partition, start, end, self.seals.get(topic, [])), start, end)

    def write(self, manifest: Manifest, rows: Mapping[str, Sequence[RecordSeal]]) -> None:
        """Keep a seal instead of the one before, which goes into the history. Each file is replaced whole or not at all.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        union = {topic: [*_before(self.seals.get(topic, ()), now), *now] for topic, now in rows.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{SEALS_FILE}.{os.getpid()}"
        write_seals(unfinished, union)
        own = manifest.model_copy(update={"files": {SEALS_FILE: sha256_of(unfinished)}}).signed()
        self.note(own)
        unfinished.replace(self.folder / SEALS_FILE)
        self._replace(MANIFEST_FILE, own.content())

    def note(self, manifest: Manifest) -> None:
        """Remember the roots of a seal, such as a bundle's, without taking it for the run's.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if all(e.manifest["root"] != manifest.root for e in self.history):
            self.history.append(Earlier.of(manifest))
            self._replace(HISTORY_FILE, _HISTORY.dump_json(self.history))

    def _replace(self, name: str, content: bytes) -> None:
        unfinished = self.folder / f".{name}.{os.getpid()}"
        unfinished.write_bytes(content)
        unfinished.replace(self.folder / name)


def _before(kept: Sequence[RecordSeal], now: Sequence[RecordSeal]) -> list[RecordSeal]:
    """What retention has deleted since."""
    return [row for row in kept if not now or row.offset < now[0].offset]
