"""report.html: everything in one file, nothing from elsewhere, the same bytes for the same run, and text that stays text."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from opendt_streams.charts.data import MOST_POINTS, report_data
from opendt_streams.charts.report import report_page
from opendt_streams.model.canonical import canonical
from opendt_streams.projection.accuracy import accuracy
from opendt_streams.wire import topics
from opendt_streams.wire.record import Record
from opendt_streams.wire.system import dead_letter_value
from tests.unit.api.site import HOUR, SITE, T0, WINDOW
from tests.unit.charts.made import SUMMARY, report, site

HOSTILE = "</script><img src=x onerror=alert(1)>&\u2028"


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in self.texts and not data.isspace():
            self.texts[self.tags[-1][0]].append(data)


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


@pytest.fixture(scope="module")
def page() -> str:
    return report(site(36))


def test_it_says_how_far_the_error_is_from_the_noise_floor_where_that_is_known(page: str) -> None:
    assert "noise floor" not in page
    known = report_page(SUMMARY | {"noise_floor_percent": 0.5}, "complete", [], report_data(site(36), {}))
    assert "2.500 times the noise floor" in known
    unscored = report_page(SUMMARY | {"noise_floor_percent": 0.5, "mape_percent": None}, "complete", [], report_data(site(36), {}))
    assert "times the noise floor" not in unscored


def test_nothing_comes_from_elsewhere(page: str) -> None:
    for tag, attributes in Elements(page).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert (attributes.get(name) or "data:,") == "data:,", (tag, attributes)
    style = "".join(Elements(page).texts["style"])
    assert style and "@import" not in style and "url(" not in style


def test_only_its_own_scripts_and_style_may_run(page: str) -> None:
    found = Elements(page)
    policy = next(a["content"] or "" for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    for text in (*scripts, found.texts["style"][0]):
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy


def test_every_figure_is_there(page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page)
    for figure in (
        "1.250",
        "4.500",
        "0.720",
        "-0.500",
        "1.125",
        "10.8 Wh (38.9 kJ)",
        "0.5 kWh (1.8 MJ)",
        "0.25 kg CO2",
        "0.238 g CO2",
        "1,503",
        *SUMMARY["digests"].values(),
        SUMMARY["log_root"],
    ):
        assert figure in text, figure
    assert re.search("2023-11-15.*1.750.*4.000.*0.250.*3.500.*0.375.*91.000", text, re.DOTALL)
    assert "simulator was started again" in text and SUMMARY["warnings"][0]["text"] in text


def test_equal_runs_give_equal_bytes(page: str) -> None:
    assert report(site(36)) == page


def test_whatever_is_said_stays_text() -> None:
    letter = Record(topics.DEAD_LETTER, 0, 0, b"site", canonical(dead_letter_value(topics.POWER, 0, 1, HOSTILE, b"x")), (), T0)
    found = report(
        site(3),
        [letter],
        run=HOSTILE,
        datacenter=HOSTILE,
        warnings=[{"kind": HOSTILE, "event_time": HOSTILE, "count": 1, "text": HOSTILE, "action": HOSTILE}],
    )
    tags = [tag for tag, _ in Elements(found).tags]
    assert "img" not in tags and tags.count("script") == 3
    assert embedded(found)["letters"][0]["reason"] == HOSTILE


def test_unknown_carbon_is_a_dash_and_the_report_says_why() -> None:
    text = re.sub(r"<[^>]+>", " ", report(site(3)))
    assert "The carbon is unknown: no carbon trace of dark; C 0.238 g CO2." in text
    assert re.search(r"The data, 2023-11-14T22:00:00Z to 2023-11-15T22:00:00Z\s+10.8 Wh \(38.9 kJ\)\s+–", text)
    assert re.search(r"carbon kg\s+–", text)


def test_a_run_of_nothing_has_a_report() -> None:
    found = embedded(report(site(0)))
    assert found["series"] is None and found["accuracy"] is None and found["counts"]["events"] == 1


def test_a_long_run_stays_small() -> None:
    """Ten days of windows: the points do not grow with them, and sums stay sums."""
    long = site(10 * 24 * 12)
    data = report_data(long, {})
    assert len(data["series"]["time"]) <= MOST_POINTS + 1
    carbon_kg = long.facts.summary().carbon_kg
    assert carbon_kg is not None
    total_g = sum(v for v in data["series"]["columns"]["carbon_g"] if v is not None)
    assert total_g == pytest.approx(carbon_kg * 1000, rel=1e-6)
    assert len(data["accuracy"]["time"]) == 10 * 24 - 1


def test_intervals_add_up_to_the_official_score() -> None:
    """Whole run: the range's score is the run's; intervals weighted by their samples are the mean."""
    made = site(36)
    found = accuracy(made, T0 - 1, T0 + 36 * WINDOW)
    official = made.facts.summary()
    assert found.whole is not None
    assert found.whole.score.mape_percent == official.mape_percent
    assert found.whole.score.skill == official.skill
    assert found.time_ms.tolist() == [T0 + 2 * HOUR, T0 + 3 * HOUR]
    weighted = (found.columns["mape_percent"] * found.samples).sum() / found.samples.sum()
    assert weighted == pytest.approx(official.mape_percent)


def test_a_part_of_the_run_is_scored_alone() -> None:
    made = site(36)
    part = accuracy(made, T0 + 2 * HOUR, T0 + 3 * HOUR)
    assert part.time_ms.tolist() == [T0 + 3 * HOUR]
    assert part.whole is not None and part.whole.score.mape_percent == part.columns["mape_percent"][0]
    assert made.name == SITE
