"""How the page fits: small and large screens, dark mode, keyboard, paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.served import Served

CHARTS = ("power", "error", "skill", "utilisation", "tasks", "carbon", "intensity")
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

FOCUSED = "(e => (e.closest('figure') || e).id || e.dataset.preset)(document.activeElement)"
UNNAMED = "[...document.querySelectorAll('input, select, textarea, button')].filter(e => !e.labels?.length && !e.textContent.trim()).length"


def drawn(page: Page) -> None:
    for path in ("#power path.simulated", "#error path.error"):
        page.locator(path).wait_for(state="attached")  # a level line has no height, which counts as hidden


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (360, 740)], ids=str)
def test_it_fits_the_screen(served: Served, watched: Watched, tmp_path: Path, size: tuple[int, int]) -> None:
    page = watched.open(served.url, size=size)
    drawn(page)
    assert page.evaluate(WIDER) == 0
    page.locator("#edit").click()
    expect(page.locator("#editor")).to_be_visible()
    box = page.locator("#editor").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= size[0]
    page.keyboard.press("Escape")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_dark_mode_reaches_the_charts(served: Served, watched: Watched) -> None:
    found = {}
    for scheme in ("light", "dark"):
        page = watched.open(served.url, color_scheme=scheme)
        drawn(page)
        colour = "element => getComputedStyle(element).color"
        found[scheme] = (
            page.eval_on_selector("body", "element => getComputedStyle(element).backgroundColor"),
            page.eval_on_selector("#power path.measured", colour),
            page.eval_on_selector("#power path.simulated", colour),
        )
    assert all(light != dark for light, dark in zip(found["light"], found["dark"], strict=True))
    assert found["dark"][0] == "rgb(15, 20, 26)"


def test_everything_is_reached_by_keyboard(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    drawn(page)
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(document.activeElement.closest('figure') || document.activeElement).id || document.activeElement.dataset.preset"
            )
        )
    assert reached.index("datacenter") < reached.index("6h") < reached.index("from") < reached.index("power")
    assert set(CHARTS) | {"datacenter", "cluster", "6h", "24h", "7d", "all", "from", "to", "follow", "people", "edit"} <= set(reached)


def test_arrow_keys_read_a_chart_aloud(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    drawn(page)
    page.locator("#power .plot").focus()
    page.keyboard.press("Home")
    said = page.locator("#power output")
    expect(said).to_contain_text("Simulated")
    first = said.text_content()
    page.keyboard.press("ArrowRight")
    expect(said).not_to_have_text(first or "")
    expect(page.locator("#power .cursor")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#power .cursor")).to_have_count(0)


def test_every_chart_says_in_words_and_in_a_table_what_it_shows(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    drawn(page)
    for chart in CHARTS:
        expect(page.locator(f"#{chart}-summary")).to_contain_text("on average")
        assert page.locator(f"#{chart} .plot").get_attribute("aria-describedby") == f"{chart}-summary"
        page.locator(f"#{chart} .values > summary").click()
        page.locator(f"#{chart} tbody tr").first.wait_for()
    for role in ("banner", "main", "contentinfo", "status"):
        assert page.get_by_role(role).count() > 0, role
    unnamed = (
        "[...document.querySelectorAll('input, select, textarea, button')].filter(e => !e.labels?.length && !e.textContent.trim()).length"
    )
    assert page.evaluate(unnamed) == 0


def test_on_paper_there_are_no_controls(served: Served, watched: Watched) -> None:
    page = watched.open(served.url, color_scheme="dark")
    drawn(page)
    page.emulate_media(media="print")
    for control in (".presets", "#edit", "#power .values", ".follow"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("#power path.simulated")).to_be_visible()
    assert page.eval_on_selector("body", "element => getComputedStyle(element).backgroundColor") == "rgb(255, 255, 255)"


def test_who_wants_no_motion_gets_none(served: Served, watched: Watched) -> None:
    page = watched.open(served.url, reduced_motion="reduce")
    drawn(page)
    assert page.eval_on_selector(".dot", "element => getComputedStyle(element).animationName") == "none"
