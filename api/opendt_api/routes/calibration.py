"""What the calibrator decided, hour by hour, and its alarms; and records that nobody could process."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from opendt_api import parameters as p
from opendt_api.context import Shared, Site
from opendt_api.routes.datacenters import page
from opendt_streams.projection.documents import alarm_document, decision_document, letter_document

router = APIRouter(prefix="/api/v1", tags=["calibration"])


class Decisions(BaseModel):
    """Newest first. The members of a decision are those of schemas/calibration-decision.json, and where and when it was recorded."""

    datacenter: str
    decisions: list[dict[str, Any]] = Field(
        examples=[[{"instant": "2022-10-07T01:00:00Z", "outcome": "calibrated", "reason": "calibrated"}]]
    )
    next: int | None = Field(description="`cursor` of the next page; null on the last one.")


class Alarms(BaseModel):
    """Newest first."""

    datacenter: str
    alarms: list[dict[str, Any]]
    next: int | None


class DeadLetters(BaseModel):
    """Newest first: topic, partition, offset and reason, with the record's bytes up to 1 MiB in base 64."""

    dead_letters: list[dict[str, Any]]
    next: int | None


@router.get("/datacenters/{dc}/calibration")
async def calibration(site: Site, limit: p.Limit = 100, cursor: p.Cursor = None, brief: p.Brief = False) -> Decisions:
    """The decisions of a datacenter."""
    told, following = page(site.decisions, cursor, limit)
    return Decisions(datacenter=site.name, decisions=[decision_document(t, brief=brief) for t in told], next=following)


@router.get("/datacenters/{dc}/alarms")
async def alarms(site: Site, limit: p.Limit = 100, cursor: p.Cursor = None) -> Alarms:
    """What people should look at: frozen telemetry, parameters at their bounds."""
    told, following = page(list(site.alarms.values()), cursor, limit)
    return Alarms(datacenter=site.name, alarms=[alarm_document(t) for t in told], next=following)


@router.get("/dead-letters", tags=["operations"])
async def dead_letters(context: Shared, limit: p.Limit = 100, cursor: p.Cursor = None, brief: p.Brief = False) -> DeadLetters:
    """Records that could not be processed, and why."""
    letters, following = page(list(context.projection.dead_letters.values()), cursor, limit)
    return DeadLetters(dead_letters=[letter_document(letter, brief=brief) for letter in letters], next=following)
