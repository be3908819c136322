"""The dashboards and rules as they are checked in, and everything in them that asks the data source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[3]
GRAFANA: Final = ROOT / "grafana"
BOARDS: Final[dict[str, dict[str, Any]]] = {p.stem: json.loads(p.read_bytes()) for p in sorted((GRAFANA / "dashboards").glob("*.json"))}


def provisioned(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((GRAFANA / "provisioning" / name / "opendt.yaml").read_bytes())
    return document


def rules() -> list[dict[str, Any]]:
    return [rule for group in provisioned("alerting")["groups"] for rule in group["rules"]]


def targets() -> Iterator[tuple[str, str]]:
    """Where each target stands, and what it is."""
    for uid, board in BOARDS.items():
        for panel in board["panels"]:
            for query in panel["targets"]:
                if "target" in query:
                    yield f"{uid}: {panel['title']}, {query['refId']}", query["target"]
    for rule in rules():
        yield rule["title"], rule["data"][0]["model"]["target"]
