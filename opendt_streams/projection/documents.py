"""What the calibrator said, and what nobody could process, as documents for machines."""

from __future__ import annotations

from typing import Any

from opendt_streams.model import times
from opendt_streams.model.topology import Topology
from opendt_streams.projection.datacenter import DeadLetter, Told
from opendt_streams.wire.messages import DecisionRecorded
from opendt_streams.wire.twin import alarm_value, decision_value


def decision_document(told: Told, *, brief: bool = False) -> dict[str, Any]:
    """The members of schemas/calibration-decision.json, where and when it was recorded; `brief`: without the estimator's state."""
    assert isinstance(told.message, DecisionRecorded)
    decision = told.message.decision
    document = {"instant": times.iso(decision.instant_ms), **decision_value(decision), "pin": told.message.pin, **_place(told)}
    if brief:
        del document["estimate"]
    return document


def alarm_document(told: Told) -> dict[str, Any]:
    assert not isinstance(told.message, DecisionRecorded)
    return alarm_value(told.message.alarm) | _place(told)


def letter_document(letter: DeadLetter, *, brief: bool = False) -> dict[str, Any]:
    """`brief`: without the record's bytes."""
    document = letter.document | {"recorded": times.iso(letter.recorded_ms)}
    return {name: value for name, value in document.items() if not (brief and name == "raw_base64")}


def host_group_names(topology: Topology | None) -> dict[str, str]:
    """What people call the host groups that parameters name as "cluster index/host entry index"."""
    if topology is None:
        return {}
    return {f"{c}/{h}": f"{topology.clusters[c].name}/{group.name}" for c, h, group in topology.host_groups}


def _place(told: Told) -> dict[str, Any]:
    return {"offset": told.offset, "recorded": times.iso(told.recorded_ms)}
