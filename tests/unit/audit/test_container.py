"""A bundle comes from anywhere. Whatever was done to its bytes ends in an answer, and that answer is yes only where nothing was lost."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opendt_streams.audit.bundle.container import REPACKED
from opendt_streams.audit.bundle.opening import opened
from opendt_streams.audit.bundle.packing import pack
from opendt_streams.audit.bundle.rows import probed
from opendt_streams.audit.evidence import DamagedEvidence
from opendt_streams.audit.verify.of_bundle import verify_bundle
from opendt_streams.audit.verify.verification import INNER, NOTHING
from opendt_streams.errors import BadInput
from opendt_streams.wire import topics
from tests.unit.audit.conftest import Sealed
from tests.unit.audit.tampering import Forger
from tests.unit.audit.test_tampering import verified


def written(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "bundle.zip"
    file.write_bytes(content)
    return file


def test_a_sound_bundle_opens(sealed: Sealed) -> None:
    with opened(sealed.file) as evidence:
        assert evidence.info.run == "a-run"
        assert sum(1 for _ in evidence.records("sim.results")) > 10
        folder = evidence.folder
    assert not folder.exists()


def test_the_same_folder_is_packed_into_the_same_bytes(sealed: Sealed, tmp_path: Path) -> None:
    pack(sealed.folder, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == sealed.file.read_bytes()


@settings(max_examples=250, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
@example(0.0, 0)
@example(0.9999999, 7)
def test_one_flipped_bit_anywhere_is_found(sealed: Sealed, tmp_path_factory: pytest.TempPathFactory, where: float, bit: int) -> None:
    content = bytearray(sealed.file.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    answer = verified(written(tmp_path_factory.mktemp("flipped"), bytes(content)))
    assert answer.proved == NOTHING
    assert answer.findings


def test_one_flipped_bit_in_every_byte_of_the_headers_of_the_container_is_found(sealed: Sealed, tmp_path: Path) -> None:
    content = sealed.file.read_bytes()
    with zipfile.ZipFile(sealed.file) as archive:
        entries = archive.infolist()
        start = archive.start_dir
    headers = [at for e in entries[:2] for at in range(e.header_offset, e.header_offset + 30 + len(e.filename))]
    for at in [*headers, *range(start, start + 60), *range(len(content) - 22, len(content))]:
        flipped = bytearray(content)
        flipped[at] ^= 4
        assert verified(written(tmp_path, bytes(flipped))).findings, at


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_bundle_is_found(sealed: Sealed, tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    content = sealed.file.read_bytes()
    file = written(tmp_path_factory.mktemp("truncated"), content[: int(share * len(content))])
    assert verified(file).findings
    with pytest.raises(DamagedEvidence), opened(file):
        pass


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + bytes(18)], ids=["empty", "begun", "text", "empty zip"])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path, content)
    assert verified(file).findings
    with pytest.raises(DamagedEvidence), opened(file):
        pass


def test_bytes_before_and_after_are_found(sealed: Sealed, tmp_path: Path) -> None:
    content = sealed.file.read_bytes()
    for altered in (content + b"\0", b"#!/bin/sh\n" + content, content + b"x" * 70_000):
        assert verified(written(tmp_path, altered)).findings


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        verify_bundle(tmp_path / "none.zip", None)


# -- packed by others --------------------------------------------------------------------------------------------------------


def repacked(sealed: Sealed, compression: int, *, folders: bool = False, backwards: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(sealed.file) as archive, zipfile.ZipFile(out, "w", compression) as again:
        if folders:
            again.mkdir("topics")
        for name in reversed(archive.namelist()) if backwards else archive.namelist():
            again.writestr(zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10)), archive.read(name), compression)
    return out.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("backwards", [False, True])
def test_what_another_program_packed_again_is_verified_with_a_note(
    sealed: Sealed, tmp_path: Path, compression: int, backwards: bool
) -> None:
    answer = verified(written(tmp_path, repacked(sealed, compression, folders=backwards, backwards=backwards)))
    assert (answer.findings, answer.notes, answer.proved) == ([], [REPACKED], INNER)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_damage_to_a_file_that_another_program_packed_is_found_or_leaves_all_contents_as_they_were(
    sealed: Sealed, tmp_path_factory: pytest.TempPathFactory, where: float
) -> None:
    content = bytearray(repacked(sealed, zipfile.ZIP_DEFLATED))
    content[int(where * len(content))] ^= 16
    answer = verified(written(tmp_path_factory.mktemp("flipped"), bytes(content)))
    assert answer.findings or answer.root == sealed.manifest.root


# -- made to harm ------------------------------------------------------------------------------------------------------------


def with_entry(sealed: Sealed, name: str, content: bytes = b"x") -> bytes:
    out = io.BytesIO(sealed.file.read_bytes())
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "topics/../../evil", "C:\\evil", "topics", "evil.py", "run.json/x", "\x1b[31m", ""]
)
def test_nothing_is_unpacked_that_does_not_belong_into_a_bundle(sealed: Sealed, tmp_path: Path, name: str) -> None:
    answer = verified(written(tmp_path, with_entry(sealed, name)))
    assert answer.findings
    assert all("\x1b" not in f.where + f.what for f in answer.findings)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bundle.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_is_found(sealed: Sealed, tmp_path: Path) -> None:
    answer = verified(written(tmp_path, with_entry(sealed, "run.json")))
    assert any("2 files of this name" in f.what for f in answer.findings)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("run.json", "w") as entry:
        for _ in range(200):
            entry.write(bytes(2**20))
    answer = verified(written(tmp_path, out.getvalue()))
    assert any("more than a bundle" in f.what for f in answer.findings)


def test_claimed_sizes_are_not_believed(sealed: Sealed, tmp_path: Path) -> None:
    content = bytearray(sealed.file.read_bytes())
    with zipfile.ZipFile(sealed.file) as archive:
        at = archive.start_dir + 24  # the uncompressed size of the first entry
    content[at : at + 4] = (2**31).to_bytes(4, "little")
    assert verified(written(tmp_path, bytes(content))).findings


def test_a_damaged_file_is_read_by_another_process_first(tmp_path: Path, sealed: Sealed) -> None:
    assert probed(sealed.folder / "topics" / "sim.results.parquet") is None
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert probed(broken) is None  # an error is an answer


def test_what_ends_the_process_that_reads_is_a_finding(sealed: Sealed, tmp_path: Path) -> None:
    content = bytearray(sealed.file.read_bytes())
    with zipfile.ZipFile(sealed.file) as archive:
        entry = archive.getinfo("topics/sim.results.parquet")
    content[entry.header_offset + 30 + len(entry.filename) + entry.file_size // 2] ^= 255
    file = written(tmp_path, bytes(content))
    answer = verify_bundle(file, None, probe=lambda _: "reading it ended the process that did so")
    assert any(f.what.startswith("reading it ended") for f in answer.findings)
    assert answer.log_root is None


def flipped_byte(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damage_inside_a_file_of_records_is_located(sealed: Sealed, tmp_path: Path, share: float) -> None:
    with zipfile.ZipFile(sealed.file) as archive:
        entry = archive.getinfo("topics/sim.results.parquet")
    at = entry.header_offset + 30 + len(entry.filename) + int(entry.file_size * share)
    answer = verify_bundle(written(tmp_path, flipped_byte(sealed.file.read_bytes(), at)), None)
    assert {f.cause for f in answer.findings} == {"damage"}
    assert any(f.where.startswith(("sim.results|0|", "topics/sim.results.parquet")) for f in answer.findings)


def test_an_offset_that_no_kafka_gave_is_found(sealed: Sealed, tmp_path: Path) -> None:
    """Larger than a JSON number says exactly, so that there is no log root."""

    def change(rows: list[dict[str, Any]]) -> None:
        rows[-1]["offset"] += 2**56

    answer = verified(Forger.of(sealed.folder, tmp_path / "forged").alter(topics.RESULTS, change).pack())
    assert answer.findings
    assert answer.log_root is None
