"""The dashboards: made by the code, in the right units and colours (docs/grafana.md lists them), and over the time picker's range."""

from __future__ import annotations

import re
from typing import Any

import pytest

from grafana.as_code.files import files
from opendt_streams.projection.series import UNITS
from tests.unit.grafana.boards import BOARDS, GRAFANA, ROOT, provisioned, rules

GRAFANAS: dict[str, str] = {"W": "watt", "%": "percent", "g": "massg", "g/kWh": "suffix: g/kWh"}  # our units in Grafana's words
boards = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def test_what_is_checked_in_is_what_the_code_makes() -> None:
    made = files()
    there = {p.relative_to(GRAFANA).as_posix() for p in GRAFANA.rglob("*") if p.suffix in {".json", ".yaml"} and "examples" not in p.parts}
    assert there == made.keys()
    assert [name for name, content in made.items() if (GRAFANA / name).read_bytes() != content] == [], "make grafana writes them anew"


def test_uids_are_stable() -> None:
    assert {board["uid"] for board in BOARDS.values()} == {"opendt-twin", "opendt-calibration", "opendt-ledger", "opendt-operations"}
    assert provisioned("datasources")["datasources"][0]["uid"] == "opendt"


@boards
def test_the_time_picker_rules_and_time_is_utc(board: dict[str, Any]) -> None:
    assert board["timezone"] == "utc"
    assert not board["editable"]
    assert not board.get("timepicker", {}).get("hidden", False)
    for panel in board["panels"]:
        assert not {"timeFrom", "timeShift", "hideTimeOverride"} & panel.keys(), panel["title"]


@boards
def test_everything_asks_our_data_source(board: dict[str, Any]) -> None:
    own = {"type": "graphite", "uid": "opendt"}
    queries = [query for panel in board["panels"] for query in panel["targets"]]
    asking = [*board["panels"], *queries, *board["annotations"]["list"], *board["templating"]["list"]]
    assert [a["datasource"] for a in asking] == [own] * len(asking)


@boards
def test_panels_do_not_overlap_and_say_what_they_show(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["description"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_units_are_those_of_the_metrics() -> None:
    """A curve that is a metric of the API as it is has that metric's unit."""
    looked_at = 0
    for board in BOARDS.values():
        for panel in board["panels"]:
            for query in panel["targets"]:
                plain = re.fullmatch(r"alias\(opendt\.\$datacenter\.(\w+), '[^']*'\)", query.get("target", ""))
                if plain and UNITS[plain[1]] in GRAFANAS:
                    looked_at += 1
                    assert panel["fieldConfig"]["defaults"]["unit"] == GRAFANAS[UNITS[plain[1]]], panel["title"]
    assert looked_at >= 8


def test_the_page_lists_every_curve_with_unit_and_colour() -> None:
    page = (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| opendt-")]
    assert [tuple(cell.strip().strip("`") for cell in row.strip("|").split("|")) for row in rows] == listing()


def listing() -> list[tuple[str, ...]]:
    """Dashboard, panel, curve, unit, colour; of panels over time."""
    found: list[tuple[str, ...]] = []
    for uid, board in BOARDS.items():
        for panel in (p for p in board["panels"] if p["type"] == "timeseries"):
            unit = panel["fieldConfig"]["defaults"]["unit"]
            colors = {o["matcher"]["options"]: o["properties"][0]["value"]["fixedColor"] for o in panel["fieldConfig"].get("overrides", [])}
            for query in panel["targets"]:
                named = re.search(r"^alias\(.*, '([^']*)'\)$", query["target"])
                name = named[1] if named else "one each"
                found.append((uid, panel["title"], name, unit.removeprefix("suffix: "), colors.get(name, "palette")))
    return found


def test_rules_have_what_grafana_needs() -> None:
    """pkg/services/provisioning/alerting/rules_types.go at 0085cf867127ce5bf3217356bdd75f7fb04a4da9."""
    assert {rule["title"] for rule in rules()} == {"Twin stale", "Error above bound", "Dead letters present", "Parameter bound binding"}
    for rule in rules():
        assert rule["uid"].startswith("opendt-")
        assert rule["condition"] == rule["data"][-1]["refId"]
        assert rule["annotations"]["__dashboardUid__"] in BOARDS
        assert [step["model"]["expression"] for step in rule["data"][1:]] == [step["refId"] for step in rule["data"][:-1]]
    assert "$" not in (GRAFANA / "provisioning/alerting/opendt.yaml").read_text()  # Grafana would look for a variable


def test_what_is_changed_in_the_browser_is_not_kept() -> None:
    (provider,) = provisioned("dashboards")["providers"]
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
