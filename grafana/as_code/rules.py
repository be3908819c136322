"""Alert rules, as Grafana is provisioned with them. They ask for what is so now (`state`), so they hold for replays of the past too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from grafana.as_code import calibration, operations, twin
from grafana.as_code.source import UID

FOLDER: Final = "OpenDT"
GROUP: Final = "opendt"
_EXPRESSIONS: Final = "__expr__"
_NEWEST_S: Final = 300
_POINTS: Final = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when the newest value of `target` has been above `above` for as long as `lasting`."""

    uid: str
    title: str
    target: str
    above: float
    lasting: str
    severity: str
    summary: str
    dashboard: str


OF_SITE: Final = " ({{ .Labels.datacenter }})"
RULES: Final = (
    Rule(
        "opendt-stale", "Twin stale", "opendt.*.state.stale", 0, "2m", "critical",
        f"No result for a minute, and the run is not complete{OF_SITE}. Look at the simulator and its input.", operations.UID,
    ),
    Rule(
        "opendt-error", "Error above bound", "opendt.*.state.error_percent", twin.ERROR_BOUND_PERCENT, "5m", "warning",
        f"The newest hour's mean error is above {twin.ERROR_BOUND_PERCENT} %{OF_SITE}.", twin.UID,
    ),
    Rule(
        "opendt-dead-letters", "Dead letters present", "opendt_api.dead_letters", 0, "0s", "warning",
        "Records could not be processed. GET /api/v1/dead-letters says which and why.", operations.UID,
    ),
    Rule(
        "opendt-bound", "Parameter bound binding", "opendt.*.state.bound_binding", 0, "0s", "warning",
        f"The data wants parameters beyond their physical bounds{OF_SITE}. Is the hardware what the topology says?", calibration.UID,
    ),
)  # fmt: skip


def provisioning() -> dict[str, Any]:
    """The file of alert rules. No text of it holds a dollar sign, which Grafana would take for a variable."""
    group = {"orgId": 1, "name": GROUP, "folder": FOLDER, "interval": "1m", "rules": [_rule(rule) for rule in RULES]}
    return {"apiVersion": 1, "groups": [group]}


def _rule(rule: Rule) -> dict[str, Any]:
    """A: the series of the newest minutes; B: the last value of each; C: whether it is above the bound."""
    query = {"refId": "A", "target": rule.target, "textEditor": True, "maxDataPoints": _POINTS, "intervalMs": 1_000}
    last = {"refId": "B", "type": "reduce", "expression": "A", "reducer": "last", "settings": {"mode": "dropNN"}}
    bound = {"evaluator": {"type": "gt", "params": [rule.above]}}
    threshold = {"refId": "C", "type": "threshold", "expression": "B", "conditions": [bound]}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "C",
        "for": rule.lasting,
        "noDataState": "OK",  # nothing of that kind is known: there is no datacenter yet, or none with meters
        "execErrState": "Error",  # the API does not answer
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "__dashboardUid__": rule.dashboard},
        "data": [
            _step("A", UID, query),
            _step("B", _EXPRESSIONS, last),
            _step("C", _EXPRESSIONS, threshold),
        ],
    }


def _step(ref_id: str, datasource: str, model: dict[str, Any]) -> dict[str, Any]:
    return {"refId": ref_id, "datasourceUid": datasource, "relativeTimeRange": {"from": _NEWEST_S, "to": 0}, "model": model}
