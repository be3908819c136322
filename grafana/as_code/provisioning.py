"""Where Grafana finds the data and the dashboards. `$` is Grafana's: variables of its environment, and files that it reads."""

from __future__ import annotations

from typing import Any

from grafana.as_code.rules import FOLDER
from grafana.as_code.source import TYPE, UID


def datasource() -> dict[str, Any]:
    """The token comes from a file, so that no environment and no configuration shows it."""
    source = {
        "name": "OpenDT",
        "uid": UID,
        "type": TYPE,
        "access": "proxy",
        "url": "$OPENDT_API_URL/graphite",
        "isDefault": True,
        "editable": False,
        "jsonData": {"graphiteVersion": "1.1", "graphiteType": "default", "httpHeaderName1": "Authorization"},
        "secureJsonData": {"httpHeaderValue1": "Bearer $__file{/run/secrets/api_token}"},
    }
    return {"apiVersion": 1, "prune": True, "datasources": [source]}


def dashboards() -> dict[str, Any]:
    """They are code: what is changed in the browser is not kept."""
    provider = {
        "name": "opendt",
        "folder": FOLDER,
        "type": "file",
        "allowUiUpdates": False,
        "disableDeletion": True,
        "updateIntervalSeconds": 60,
        "options": {"path": "/etc/grafana/opendt", "foldersFromFilesStructure": False},
    }
    return {"apiVersion": 1, "providers": [provider]}
