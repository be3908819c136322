"""report.html opened as a file: its charts are drawn, its lists are shown, it asks nobody for anything."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Watched
from tests.browser.test_looks import CHARTS, WIDER
from tests.unit.charts.made import report, site


def test_it_draws_its_charts_from_a_file(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report(site(36)), encoding="utf-8")
    for size in ((1280, 800), (360, 740)):
        page = watched.open(path.as_uri(), size=size, color_scheme="dark")
        for chart in CHARTS:
            expect(page.locator(f"#{chart} path.line").first).to_have_attribute("d", re.compile("M"))
        expect(page.locator("#ledger .event")).to_have_count(1)
        expect(page.locator("#decisions tbody tr")).to_have_count(3)
        expect(page.locator("#parameters path.line")).to_have_count(2)
        expect(page.locator("#letters")).to_contain_text("everything could be processed")
        assert page.evaluate(WIDER) == 0
    assert set(watched.asked) == {path.as_uri()}


def test_a_dragged_mouse_looks_closer_and_a_button_goes_back(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report(site(36)), encoding="utf-8")
    page = watched.open(path.as_uri())
    summary = page.locator("#power-summary")
    whole = summary.text_content() or ""
    plot = page.locator("#power .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 80, steps=3)
    page.mouse.up()
    expect(summary).not_to_have_text(whole)
    page.get_by_role("button", name="Whole run").click()
    expect(summary).to_have_text(whole)


def test_a_run_of_nothing_says_so(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report(site(0)), encoding="utf-8")
    page = watched.open(path.as_uri())
    expect(page.locator("#power")).to_contain_text("Nothing was simulated")
