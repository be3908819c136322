"""What all dashboards have: the datacenter to choose, links to the others with the same range, UTC, and the way to where the data is."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as c
from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationTarget,
    DashboardCursorSync,
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    VariableRefresh,
    VariableSort,
)

from grafana.as_code.panels import ORANGE, RED, WHOLE, YELLOW
from grafana.as_code.source import REF, SITE, Events, Query

TAG: Final = "opendt"
_RANGE: Final = "from=${__data.fields[1].numeric}&to=${__data.fields[2].numeric}&var-datacenter=${datacenter}"


def board(uid: str, title: str, about: str) -> d.Dashboard:
    """An empty dashboard. Its range is that of the time picker, in event time."""
    found = d.Dashboard(title).uid(uid).description(about).tags([TAG]).timezone("utc").time("now-24h", "now").refresh("30s")
    found.tooltip(DashboardCursorSync.CROSSHAIR).readonly()
    datacenter = d.QueryVariable("datacenter").label("Datacenter").datasource(REF).query("opendt.*")
    found.with_variable(datacenter.refresh(VariableRefresh.ON_DASHBOARD_LOAD).sort(VariableSort.ALPHABETICAL_ASC))
    others = d.DashboardLink("opendt").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(False)
    return found.link(others.keep_time(True).include_vars(True)).with_panel(event_time(uid))


def event_time(uid: str) -> table.Panel:
    """Where the data of this datacenter lies, whatever the range is; a click shows all of it."""
    panel = table.Panel().title("Event time of the run").datasource(REF).height(4).span(WHOLE)
    panel.description("The panels below show event time. A replay's lies in the past: click to set the time picker to all of it.")
    panel.with_target(Query("A", f"alias({SITE}.state.first_window_ms, 'first window')"))
    panel.with_target(Query("B", f"alias({SITE}.state.newest_window_end_ms, 'newest window')"))
    panel.with_target(Query("C", f"alias({SITE}.state.windows, 'windows')"))
    panel.transformations(
        [
            DataTransformerConfig(id_val="joinByField", options={"mode": "outer"}),
            DataTransformerConfig(id_val="filterByValue", options=_WITH_A_VALUE),
            DataTransformerConfig(id_val="organize", options={"excludeByName": {}, "renameByName": {"Time": "asked at"}}),
        ]
    )
    link = [{"title": "Show the whole run", "url": f"/d/{uid}?{_RANGE}", "targetBlank": False}]
    for name in ("first window", "newest window"):
        panel.override_by_name(name, [DynamicConfigValue("unit", "dateTimeAsIso"), DynamicConfigValue("links", link)])
    panel.override_by_name("windows", [DynamicConfigValue("unit", "short")])
    return panel.footer(c.TableFooterOptions().show(False).reducer([]))


_WITH_A_VALUE: Final = {
    "type": "include",
    "match": "any",
    "filters": [{"fieldName": "windows", "config": {"id": "isNotNull", "options": {}}}],
}


def annotated(found: d.Dashboard, *, events: bool = True) -> d.Dashboard:
    """Alarms, warnings, and ledger events, as marks on all curves of the range."""
    if events:
        found.annotation(_marks("Topology events", ORANGE, ["ledger", "accepted", "$datacenter"]))
    found.annotation(_marks("Warnings", YELLOW, ["warning", "$datacenter"]))
    return found.annotation(_marks("Alarms", RED, ["alarm", "$datacenter"]))


def _marks(name: str, color: str, tags: list[str]) -> d.AnnotationQuery:
    return d.AnnotationQuery().name(name).datasource(REF).enable(True).icon_color(color).target(_Marks(tags))


class _Marks(Builder[AnnotationTarget]):
    """The data source's own query as an annotation's target, for which the library knows that of Grafana's own annotations only."""

    def __init__(self, tags: list[str]) -> None:
        self._tags = tags

    def build(self) -> AnnotationTarget:
        return _Target(tags=self._tags)


class _Target(AnnotationTarget):
    def to_json(self) -> dict[str, object]:
        return Events("Anno", self.tags).to_json()
