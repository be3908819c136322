"""The page as it is looked at: curves, live updates, the time picker."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from opendt_streams.model import times
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from tests.browser.conftest import WINDOWS, Watched
from tests.browser.served import Served, Wall
from tests.unit.api.site import HOUR, T0, WINDOW

END = T0 + WINDOWS * WINDOW
DRAWN = re.compile(r"M.+L.+")


def shown(time_ms: int) -> str:
    return times.iso(time_ms)[:16].replace("T", " ")


def rows(page: Page, chart: str) -> list[str]:
    """The times in a chart's table."""
    if page.locator(f"#{chart} details[open]").count() == 0:
        page.locator(f"#{chart} .values > summary").click()
    page.locator(f"#{chart} tbody tr").first.wait_for()
    return page.locator(f"#{chart} tbody th").all_text_contents()


def test_curves_and_scores_are_drawn(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    for chart, tone in (
        *(("power", "simulated"), ("power", "measured"), ("power", "interval"), ("utilisation", "utilisation")),
        *(("carbon", "carbon"), ("intensity", "intensity"), ("tasks", "running")),
    ):
        expect(page.locator(f"#{chart} path.{tone}").first).to_have_attribute("d", re.compile("M"))
    expect(page.locator("#parameters path.line")).to_have_count(2)
    expect(page.locator(".parameters option")).to_have_text("C/H")
    expect(page.locator("#parameters .legend")).to_contain_text("maxPower 20 W")
    for chart, tone in (("error", "error"), ("error", "baseline"), ("skill", "skill")):
        expect(page.locator(f"#{chart} path.{tone}")).to_have_attribute("d", re.compile("M.+H"))
    expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
    expect(page.locator("#tiles")).to_contain_text("Error (MAPE)")
    expect(page.locator("#tiles .tile").first.locator("dd").first).to_have_text(re.compile(r"^\d+\.\d+ %$"))
    expect(page.locator("#status")).to_contain_text("live")
    expect(page).to_have_title(re.compile("site"))


def test_what_comes_is_seen_without_loading_again(
    served: Served, watched: Watched, past_and_future: tuple[list[Record], list[Record]]
) -> None:
    page = watched.open(served.url)
    progress, curve = page.locator("#progress"), page.locator("#power path.simulated")
    expect(progress).to_contain_text(shown(END))
    expect(curve).to_have_attribute("d", DRAWN)
    before = curve.get_attribute("d")
    served.tell(*past_and_future[1])
    expect(progress).to_contain_text(shown(END + 6 * WINDOW))
    expect(curve).not_to_have_attribute("d", before or "")
    assert rows(page, "power")[0] == shown(END + 6 * WINDOW)


def test_the_time_picker_narrows_the_range_and_stops_following(
    served: Served, watched: Watched, past_and_future: tuple[list[Record], list[Record]]
) -> None:
    page = watched.open(served.url)
    expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
    page.fill("#from", times.iso(T0 + HOUR)[:16])
    page.fill("#to", times.iso(T0 + HOUR + 2 * WINDOW)[:16])
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#follow")).not_to_be_checked()
    expect(page).to_have_url(re.compile(r"from=.*to="))
    expect(page.locator("#power-summary")).to_contain_text(f"From {shown(T0 + HOUR)} to {shown(T0 + HOUR + 2 * WINDOW)} UTC")
    narrow = rows(page, "power")
    assert (narrow[0], narrow[-1]) == (shown(T0 + HOUR + 2 * WINDOW), shown(T0 + HOUR))
    served.tell(*past_and_future[1])
    expect(page.locator("#progress")).to_contain_text(shown(END + 6 * WINDOW))
    assert rows(page, "power") == narrow
    page.locator("#follow").check()
    expect(page.locator("#power-summary")).to_contain_text(f"to {shown(END + 6 * WINDOW)} UTC")


def test_the_range_lives_in_the_url(served: Served, watched: Watched) -> None:
    page = watched.open(f"{served.url}?from={times.iso(T0)}&to={times.iso(T0 + HOUR)}")
    expect(page.locator("#power-summary")).to_contain_text(f"From {shown(T0)} to {shown(T0 + HOUR)} UTC")
    assert page.input_value("#from") == times.iso(T0)[:16]
    page.get_by_role("button", name="6 h").click()
    expect(page.get_by_role("button", name="6 h")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"range=6h"))
    page.go_back()
    expect(page.locator("#power-summary")).to_contain_text(f"to {shown(T0 + HOUR)} UTC")


def test_a_range_that_is_no_range_is_refused(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
    page.fill("#to", times.iso(T0 - 30 * times.DAY)[:16])
    page.get_by_role("button", name="Show").click()
    assert page.eval_on_selector("#to", "input => input.validationMessage") == "The end lies after the beginning"
    assert "from=" not in page.url


def test_a_dragged_mouse_picks_a_range(served: Served, watched: Watched) -> None:
    page = watched.open(f"{served.url}?range=all")
    expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
    box = page.locator("#power .plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + 80, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=.*to="))
    expect(page.locator("#follow")).not_to_be_checked()


def test_a_cluster_shows_its_own_curves(served: Served, watched: Watched) -> None:
    page = watched.open(served.url)
    expect(page.locator("#cluster option")).to_have_text(["all", "C"])
    page.locator("#cluster").select_option("C")
    expect(page.locator("#tasks")).to_contain_text("Known of the whole datacenter only")
    expect(page.locator("#power path.simulated")).to_have_attribute("d", DRAWN)
    expect(page.locator("#power path.measured")).to_have_attribute("d", "")
    expect(page).to_have_url(re.compile("cluster=C"))


def test_windows_after_the_end_of_the_datacenter_are_in_the_whole_run_only(
    watched: Watched, past_and_future: tuple[list[Record], list[Record]]
) -> None:
    """They have nothing to be compared with."""
    past, future = past_and_future
    drained = [record for record in future if record.topic == topics.RESULTS]
    with Served([*past, *drained], Wall(T0 + 1_000)) as served:
        page = watched.open(served.url)
        expect(page.locator("#power-summary")).to_contain_text(f"to {shown(END)} UTC")
        page.get_by_role("button", name="Whole run").click()
        expect(page.locator("#power-summary")).to_contain_text(f"to {shown(END + 6 * WINDOW)} UTC")
        expect(page.locator("#power .legend")).to_contain_text("Measured –")
