"""The report is made of the topics alone, the same every time, and nothing in it can do anything to who reads it."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import pytest

from opendt_streams.audit.report import page as page_module
from opendt_streams.audit.report.page import page
from opendt_streams.wire import topics
from tests.unit.audit.conftest import Sealed
from tests.unit.audit.folders import make_bundle
from tests.unit.twinlog.worlds import logs_of

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def report(sealed: Sealed) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((sealed.folder / "report.json").read_bytes())
    return document


def test_it_tells_what_the_topics_hold(sealed: Sealed, report: dict[str, Any]) -> None:
    assert report["log_root"] == sealed.manifest.log_root
    assert {t["topic"]: t["root"] for t in report["topics"]} == {e.topic: e.root for e in sealed.manifest.topics}
    logs = logs_of(3)
    assert len(report["dead_letters"]) == len(logs[topics.DEAD_LETTER])
    assert {s["id"] for s in report["started"]} == set(sealed.manifest.started)
    assert report["ledger"][0]["kind"] == "baselined"
    assert report["figures"]["windows"] == len({r.id for r in logs[topics.RESULTS] if r.headers.get("by") and r.id != "dc|end"})
    assert {d["outcome"] for d in report["decisions"]} <= {"calibrated", "kept"}


def test_the_page_shows_it_all(sealed: Sealed, report: dict[str, Any]) -> None:
    text = (sealed.folder / "report.html").read_text(encoding="utf-8")
    shown = [report["run"], report["log_root"], *(e["verdict"] for e in report["ledger"]), *(d["instant"] for d in report["decisions"])]
    assert [word for word in shown if escape(word) not in text] == []


def test_nothing_comes_from_elsewhere_and_nothing_runs(sealed: Sealed) -> None:
    text = (sealed.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<img|<iframe|src=|href=|url\(|@import|\bon\w+=", text)
    assert "&lt;b&gt;people edited the topology&lt;/b&gt;" in text  # a note of the run, as it was written


def _hostile(value: Any) -> Any:
    """The same document with markup in every text."""
    if isinstance(value, str):
        return HOSTILE + value
    if isinstance(value, dict):
        return {key: _hostile(inner) for key, inner in value.items()}
    return [_hostile(inner) for inner in value] if isinstance(value, list) else value


def test_everything_is_escaped(report: dict[str, Any]) -> None:
    text = page(_hostile(report))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_long_table_is_cut_and_says_so(report: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "MOST_ROWS", 1)
    assert f"{len(report['ledger']) - 1} more are in report.json" in page(report)


def test_the_same_run_gives_the_same_bundle(tmp_path: Path) -> None:
    first = make_bundle(tmp_path / "a", 4, tmp_path / "a.zip")
    second = make_bundle(tmp_path / "b", 4, tmp_path / "b.zip")
    assert first == second
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
