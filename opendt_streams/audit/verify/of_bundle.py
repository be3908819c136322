"""`opendt audit verify FILE`: everything in a bundle computed anew and compared, from the container down to every part of every record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from opendt_streams.audit.bundle.opening import Unpacked, unpacked
from opendt_streams.audit.bundle.packing import MANIFEST_FILE, NAMES, SEALS_FILE, TOPIC_FILES
from opendt_streams.audit.bundle.rows import probed
from opendt_streams.audit.evidence import RUN_FILE, DamagedEvidence, Evidence
from opendt_streams.audit.finding import Finding
from opendt_streams.audit.report.document import SUMMARY_FILE, read_document
from opendt_streams.audit.report.files import rebuilt_findings
from opendt_streams.audit.sealing.digests_file import Seals, read_seals
from opendt_streams.audit.sealing.manifest import Manifest, log_root_of, partition_of, read_manifest, root_of
from opendt_streams.audit.sealing.seal import Sealed, file_digests
from opendt_streams.audit.sealing.sealed_topics import TopicFile, seals_differ, topic_findings
from opendt_streams.audit.verify.checks.consistency import Consistency
from opendt_streams.audit.verify.verification import AGAINST_LOG_ROOT, AGAINST_ROOT, Verification, offset_findings
from opendt_streams.errors import BadInput
from opendt_streams.wire.topics import ALL_TOPICS

_SAME: Final = ("run", "datacenter", "partition", "partitions", "code_version")


def verify_bundle(file: Path, kept: str | None, probe: Callable[[Path], str | None] = probed) -> Verification:
    """`kept`: a root, or log root, that somebody kept elsewhere.

    Raises:
        BadInput: there is no such file.
    """
    answer = Verification(str(file), kept)
    with unpacked(file) as out:
        answer.add(out.findings)
        answer.notes += out.notes
        try:
            _Bundle(out, answer, probe).verify()
        except DamagedEvidence as error:
            answer.add([Finding(error.where or file.name, error.what, "damage")])
    return answer


class _Bundle:
    def __init__(self, out: Unpacked, answer: Verification, probe: Callable[[Path], str | None]) -> None:
        self._out, self._answer, self._probe = out, answer, probe
        self._folder = out.folder

    def verify(self) -> None:
        """
        1. The manifest in itself. 2. The files that it names. 3. Every record. 4. What the manifest says of them all.
        5. What the records say of each other. 6. The root that somebody kept.

        Raises:
            DamagedEvidence: without this file there is nothing to compare.
        """
        manifest = self._manifest()
        answer = self._answer
        differing = dict(self._files(manifest))
        answer.info = self._info(manifest).info
        sealed = Sealed(answer.info)
        seals = self._seals(differing)
        by_topic = self._topics(manifest, differing, seals, sealed)
        explained = {TOPIC_FILES[topic] for topic, found in by_topic.items() if found}
        for found in by_topic.values():
            answer.add(found)
        if SEALS_FILE not in differing:
            answer.add(seals_differ(manifest, seals))
        answer.add(_worded(finding) for name, finding in differing.items() if name not in explained | self._out.damaged)
        if len(sealed.logs) == len(ALL_TOPICS):
            answer.partitions = [partition_of(log) for log in sealed.logs.values()]
            answer.event_time_ms = sealed.event_time_ms
            try:
                answer.log_root = log_root_of([entry.model_dump() for entry in answer.partitions])
            except ValueError:  # no Kafka gave such offsets: they are findings already
                answer.notes.append("there is no log root: some offsets are larger than JSON can say exactly")
            if not any(by_topic.values()):
                answer.add(_summary_differences(manifest, sealed))
            answer.say_retention()
            if any(f.cause == "damage" for found in by_topic.values() for f in found):
                answer.notes.append("what the records say of each other was not checked: some are damaged")
            else:
                answer.add(offset_findings(sealed.logs.values()))
                answer.add(self._consistency())
            if answer.ok and not differing:
                answer.add(rebuilt_findings(self._folder, sealed, answer.notes))
        else:
            answer.notes.append("what the records say of each other was not checked: not all topics can be read")
        answer.root = root_of(manifest.model_dump())
        answer.add(_root_differences(manifest))
        self._against_kept(manifest)

    def _manifest(self) -> Manifest:
        path = self._folder / MANIFEST_FILE
        if not path.is_file():
            raise DamagedEvidence("the bundle has none, or it cannot be unpacked", where=MANIFEST_FILE)
        return read_manifest(path.read_bytes())

    def _files(self, manifest: Manifest) -> Iterator[tuple[str, Finding]]:
        """What is wrong with files as such, by their names."""
        there = dict(file_digests(self._folder))
        for name in dict.fromkeys((*manifest.files, *there, *(n for n in NAMES if n != MANIFEST_FILE))):
            sealed, found = manifest.files.get(name), there.get(name)
            if found is None and name not in self._out.damaged:
                yield name, Finding(name, "the file is missing", "tampering")
            elif sealed is None:
                yield name, Finding(name, "the file is not in the manifest: it was put in", "tampering")
            elif found != sealed:
                yield name, Finding(name, f"the file is not the one that was sealed: its sha256 is {found}, not {sealed}", "tampering")

    def _info(self, manifest: Manifest) -> Evidence:
        try:
            evidence = Evidence(self._folder)
        except BadInput as error:
            raise DamagedEvidence(f"{error.what}", where=RUN_FILE) from None
        for name in _SAME:
            if (said := getattr(evidence.info, name)) != (sealed := getattr(manifest, name)):
                self._answer.add([Finding(RUN_FILE, f"{name} is {said!r}; the manifest says {sealed!r}", "tampering", name)])
        return evidence

    def _seals(self, differing: dict[str, Finding]) -> Seals:
        """What can be read of them. A damaged file of seals is a finding as a file already."""
        path = self._folder / SEALS_FILE
        try:
            if SEALS_FILE not in differing or self._probe(path) is None:
                return read_seals(path)
        except DamagedEvidence as error:
            if SEALS_FILE not in differing:
                self._answer.add([Finding(SEALS_FILE, error.what, "damage")])
        return {}

    def _topics(self, manifest: Manifest, differing: dict[str, Finding], seals: Seals, sealed: Sealed) -> dict[str, list[Finding]]:
        found = {}
        for topic in ALL_TOPICS:
            name = TOPIC_FILES[topic]
            cause: Any = "damage" if name in self._out.damaged else "tampering"
            intact = name not in differing and name not in self._out.damaged
            file = TopicFile(self._folder / name, intact, cause, self._probe, SEALS_FILE not in differing)
            found[topic] = list(topic_findings(topic, file, manifest, seals, sealed))
        return found

    def _consistency(self) -> list[Finding]:
        consistency = Consistency(Evidence(self._folder), read_document(self._folder / SUMMARY_FILE).get("summary"))
        found = list(consistency.findings())
        self._answer.notes += consistency.notes
        return found

    def _against_kept(self, manifest: Manifest) -> None:
        answer = self._answer
        if answer.kept is None:
            return
        if answer.kept == answer.root:
            answer.shown = AGAINST_ROOT
        elif answer.kept == answer.log_root:
            answer.shown = AGAINST_LOG_ROOT
            answer.notes.append(
                "the log root is of the records alone: settings and report are shown to fit them, but not to be those of the export"
            )
        else:
            what = f"the root is {answer.root} and the log root {answer.log_root}; you kept {answer.kept}: this is not what was sealed then"
            answer.add([Finding(MANIFEST_FILE, what, "tampering", "root")])


def _worded(finding: Finding) -> Finding:
    """Of a topic's file in which no record differs."""
    if finding.where not in TOPIC_FILES.values():
        return finding
    return replace(finding, what=f"{finding.what}; every record in it is as it was sealed")


def _root_differences(manifest: Manifest) -> Iterator[Finding]:
    """A log root that is wrong makes the root wrong too, and is said alone."""
    signed = manifest.signed()
    for name in ("log_root", "root"):
        if (said := getattr(manifest, name)) != (true := getattr(signed, name)):
            yield Finding(MANIFEST_FILE, f"it is {said}; what else the manifest says gives {true}", "tampering", name)
            return


def _summary_differences(manifest: Manifest, sealed: Sealed) -> Iterator[Finding]:
    """What the manifest says of the records besides their partitions."""
    for name, true in (("started", sealed.started), ("event_time_ms", sealed.event_time_ms)):
        if (said := getattr(manifest, name)) != true:
            yield Finding(MANIFEST_FILE, f"it is {said}; the records give {true}", "tampering", name)
