"""The ledger of topology events: as marks on the power curve, and as a table."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as c
from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from grafana.as_code.board import annotated, board
from grafana.as_code.panels import GREEN, HALF, RED, WHOLE, Curve, curves, figure
from grafana.as_code.source import REF, SITE, Events

UID = "opendt-ledger"
_HEIGHT = 12
_WHEN = "Of the range: accepted ones where they took effect, others when they were recorded."


def ledger() -> d.Dashboard:
    found = annotated(board(UID, "OpenDT: ledger", "Who changed the topology, when, and what became of the power."))
    found.with_panel(
        curves(
            "Power, with the events that took effect",
            "watt",
            Curve("measured", f"{SITE}.measured_power_w", GREEN),
            Curve("simulated", f"{SITE}.simulated_power_w", RED),
            about="A mark is where windows began to use an event; its text says who wrote it, why, and what it changed.",
            width=WHOLE,
        )
    )
    found.with_panel(_events("Topology events", ["ledger", "$datacenter"], _WHEN))
    found.with_panel(_events("Alarms", ["alarm", "$datacenter"], "Of the range, at their publication instants."))
    return found.with_panel(figure("Events in the ledger", "short", f"{SITE}.state.topology_events", about="Of all kinds, so far."))


def _events(title: str, tags: list[str], about: str) -> table.Panel:
    panel = table.Panel().title(title).description(about).datasource(REF).height(_HEIGHT).span(HALF).with_target(Events("A", tags))
    names = {"time": "event time", "title": "what", "text": "why and what changed"}
    order = {name: i for i, name in enumerate(("time", "title", "text", "tags"))}
    options = {"excludeByName": {"annotation": True}, "indexByName": order, "renameByName": names}
    panel.transformations([DataTransformerConfig(id_val="organize", options=options)])
    return panel.footer(c.TableFooterOptions().show(False).reducer([]))
