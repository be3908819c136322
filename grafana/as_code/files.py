"""The files that Grafana reads, as bytes that depend on the code alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.as_code import provisioning, rules
from grafana.as_code.calibration import calibration
from grafana.as_code.ledger import ledger
from grafana.as_code.operations import operations
from grafana.as_code.twin import twin

BOARDS: Final = (twin, calibration, ledger, operations)
_MADE: Final = "# Made by python -m grafana.as_code; change that, not this.\n"


def files() -> Mapping[str, bytes]:
    """By their paths below grafana/."""
    boards = [_document(board().build()) for board in BOARDS]
    return {
        **{f"dashboards/{found['uid']}.json": _json(found) for found in boards},
        "provisioning/datasources/opendt.yaml": _yaml(provisioning.datasource()),
        "provisioning/dashboards/opendt.yaml": _yaml(provisioning.dashboards()),
        "provisioning/alerting/opendt.yaml": _yaml(rules.provisioning()),
    }


def _document(board: Dashboard) -> dict[str, Any]:
    """As Grafana has it: panels are numbered from 1."""
    found: dict[str, Any] = json.loads(json.dumps(board, cls=JSONEncoder))
    for number, panel in enumerate(found["panels"], 1):
        panel["id"] = number
    return found


def _json(document: Any) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _yaml(document: Any) -> bytes:
    return (_MADE + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=140)).encode()
