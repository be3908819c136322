"""A run folder keeps the seal of its last verification: what was sealed must stay as it was, and what came since is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from opendt_streams.audit.evidence import DamagedEvidence
from opendt_streams.audit.sealing.kept import Kept
from opendt_streams.audit.sealing.seal import read_all
from opendt_streams.audit.verify.of_run import FIRST, keep, verify_run
from opendt_streams.audit.verify.verification import AGAINST_LOG_ROOT, AGAINST_ROOT, INNER, NOTHING, Verification
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from tests.unit.audit.conftest import PEACEFUL_SEED
from tests.unit.audit.folders import records_of, write_evidence
from tests.unit.twinlog.worlds import logs_of

Records = dict[str, list[Record]]


class Run:
    """A run folder, and the topics that a verification finds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.records: Records = records_of(logs_of(PEACEFUL_SEED))

    def verify(self, root: str | None = None, starts: Mapping[str, int] | None = None, records: Records | None = None) -> Verification:
        self.count += 1
        kept_records = {t: [r for r in log if r.offset >= (starts or {}).get(t, 0)] for t, log in (records or self.records).items()}
        evidence = write_evidence(self.folder / f"copy{self.count}", kept_records, starts)
        sealed = read_all(evidence)
        answer, kept = Verification(str(self.folder), root), Kept.read(self.folder)
        manifest = verify_run(evidence, sealed, kept, answer, None)
        keep(kept, manifest, sealed, answer)
        return answer

    def up_to(self, share: float) -> Records:
        """The log as it was before the twin had said anything: what the datacenter says, to that share."""
        return {
            t: log if t in (topics.CONFIG, topics.PHYSICAL) else log[: int(len(log) * share)] if t in topics.DATACENTER_TOPICS else []
            for t, log in self.records.items()
        }

    def altered(self, topic: str, offset: int, change: Callable[[Record], Record]) -> Records:
        return {t: [change(r) if t == topic and r.offset == offset else r for r in log] for t, log in self.records.items()}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_the_first_time_there_is_nothing_to_compare_with(run: Run) -> None:
    first = run.verify()
    assert (first.ok, first.proved, FIRST in first.notes) == (True, INNER, True)
    second = run.verify()
    assert (second.ok, FIRST in second.notes, set(second.since.values())) == (True, False, {0})
    assert first.log_root == second.log_root


def test_what_came_since_is_counted(run: Run) -> None:
    early = run.up_to(0.5)
    assert run.verify(records=early).ok
    answer = run.verify()
    assert answer.findings == []
    assert answer.since == {topic: len(log) - len(early[topic]) for topic, log in run.records.items()}


def test_an_earlier_log_root_is_proved_for_what_there_was(run: Run) -> None:
    before = run.verify(records=run.up_to(0.5)).log_root
    assert run.verify(records=run.up_to(0.7)).ok
    answer = run.verify(before)
    assert answer.proved == AGAINST_LOG_ROOT
    assert any("came since" in note for note in answer.notes)
    assert run.verify(answer.log_root).proved == AGAINST_LOG_ROOT


def test_the_root_of_a_bundle_is_proved_for_its_run(run: Run) -> None:
    assert run.verify().ok
    evidence = write_evidence(run.folder / "bundle", run.up_to(0.6))
    bundle = read_all(evidence).manifest({"config.yaml": "0" * 64})
    Kept.read(run.folder).note(bundle)
    assert run.verify(bundle.root).proved == AGAINST_ROOT
    assert run.verify(bundle.log_root).proved == AGAINST_LOG_ROOT


def test_a_root_that_nobody_sealed_proves_nothing(run: Run) -> None:
    assert run.verify().ok
    answer = run.verify("f" * 64)
    assert answer.proved == NOTHING
    assert [f.field for f in answer.findings] == ["root"]


def test_a_stored_root_is_not_believed(run: Run) -> None:
    """Somebody writes the root that a victim kept into the history."""
    assert run.verify().ok
    path = run.folder / "audit" / "history.json"
    log_root = str(run.verify().log_root)
    path.write_text(path.read_text(encoding="utf-8").replace(log_root, "f" * 64), encoding="utf-8")
    assert run.verify("f" * 64).proved == NOTHING


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda r: replace(r, value=(r.value or b"")[:-1] + b" "), "value"),
        (lambda r: replace(r, key=b"other"), "key"),
        (lambda r: replace(r, raw_headers=(*r.raw_headers, ("x", None))), "headers"),
        (lambda r: replace(r, timestamp_ms=r.timestamp_ms + 1), "timestamp"),
    ],
)
def test_a_record_that_was_altered_since_is_named(run: Run, change: Callable[[Record], Record], field: str) -> None:
    assert run.verify().ok
    answer = run.verify(records=run.altered(topics.WORKLOAD, 7, change))
    assert ("dc.workload|0|7", field) in {(f.where, f.field) for f in answer.findings}
    assert run.verify().ok, "a failed verification must not replace the seal"


def test_a_log_that_was_cut_off_is_noticed(run: Run) -> None:
    assert run.verify().ok
    cut = {t: log[:-3] if t == topics.WORKLOAD else log for t, log in run.records.items()}
    last = run.records[topics.WORKLOAD][-1].offset
    answer = run.verify(records=cut)
    assert f"dc.workload|0|{last - 2}" in {f.where for f in answer.findings}
    assert any(f"from offset {last - 2} to {last}" in f.what for f in answer.findings)


def test_retention_is_said_and_nothing_worse(run: Run) -> None:
    whole = run.verify()
    assert whole.ok
    answer = run.verify(starts={topics.WORKLOAD: 10, topics.POWER: 4})
    assert answer.findings == []
    assert "dc.workload: retention has deleted offsets 0 to 9" in answer.notes
    assert "dc.workload: retention has deleted offsets 0 to 9 since they were sealed" in answer.notes
    assert answer.log_root != whole.log_root
    again = run.verify(whole.log_root, starts={topics.WORKLOAD: 12, topics.POWER: 4})
    assert again.proved == AGAINST_LOG_ROOT, "the digests of what was deleted are kept"


def test_what_retention_left_must_be_as_it_was(run: Run) -> None:
    assert run.verify().ok
    records = run.altered(topics.WORKLOAD, 20, lambda r: replace(r, timestamp_ms=1))
    answer = run.verify(starts={topics.WORKLOAD: 10}, records=records)
    assert [(f.where, f.field) for f in answer.findings] == [("dc.workload|0|20", "timestamp")]


@pytest.mark.parametrize("name", ["manifest.json", "seals.parquet", "history.json"])
def test_a_damaged_seal_is_said_to_be_damaged(run: Run, name: str) -> None:
    assert run.verify().ok
    path = run.folder / "audit" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedEvidence, match="seal that was kept"):
        Kept.read(run.folder)


@pytest.mark.parametrize("name", ["manifest.json", "seals.parquet"])
def test_half_a_seal_is_none(run: Run, name: str) -> None:
    assert run.verify().ok
    (run.folder / "audit" / name).unlink()
    with pytest.raises(DamagedEvidence):
        Kept.read(run.folder)


def test_a_folder_that_cannot_be_written_is_said(run: Run) -> None:
    (run.folder / "audit").write_text("in the way", encoding="utf-8")
    evidence = write_evidence(run.folder / "copy", run.records)
    sealed = read_all(evidence)
    answer = Verification("", None)
    keep(Kept(run.folder / "audit"), sealed.manifest({}), sealed, answer)
    assert any("could not be kept" in note for note in answer.notes)


def test_another_datacenters_seal_does_not_fit(run: Run) -> None:
    assert run.verify().ok
    evidence = write_evidence(run.folder / "other", run.records)
    sealed = read_all(evidence)
    sealed.info = sealed.info.model_copy(update={"datacenter": "elsewhere"})
    answer = Verification("", None)
    verify_run(evidence, sealed, Kept.read(run.folder), answer, None)
    assert ("audit", "datacenter") in {(f.where, f.field) for f in answer.findings}
