"""Messages that the twin itself writes: the domain's own records with a tag, and what their headers add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.model.decision import Alarm, Decision
from opendt_streams.model.event import TopologyEvent
from opendt_streams.model.result import WindowResult
from opendt_streams.wire import headers as h
from opendt_streams.wire.fields import first_problem
from opendt_streams.wire.messages import (
    AlarmRecorded,
    CalibrationEnded,
    DecisionRecorded,
    Message,
    ResultRecorded,
    ResultsEnded,
    ResumePoint,
)


@dataclass(frozen=True, slots=True)
class ResultsEnd:
    """The last record of sim.results. `unplaceable` tasks stay queued: no host can ever take them."""

    id: str
    datacenter: str
    unplaceable: int


@dataclass(frozen=True, slots=True)
class CalibrationEnd:
    """The last record of sim.calibration."""

    id: str
    datacenter: str


RESULT: Final = TypeAdapter(WindowResult)
RESULTS_END: Final = TypeAdapter(ResultsEnd)
CALIBRATION_END: Final = TypeAdapter(CalibrationEnd)
DECISION: Final = TypeAdapter(Decision)
ALARM: Final = TypeAdapter(Alarm)
EVENT: Final = TypeAdapter(TopologyEvent)
RESUME: Final = TypeAdapter(ResumePoint)

END_ID: Final = "end"
T = TypeVar("T")


def result_value(result: WindowResult) -> dict[str, JSON]:
    """What is absent as a whole, rows or error, is no member; an unknown column is null."""
    return {"message_type": "window-result"} | {name: value for name, value in RESULT.dump_python(result).items() if value is not None}


def results_end_value(datacenter: str, unplaceable: int) -> dict[str, JSON]:
    return {"message_type": "end", **RESULTS_END.dump_python(ResultsEnd(f"{datacenter}|{END_ID}", datacenter, unplaceable))}


def decision_value(decision: Decision) -> dict[str, JSON]:
    return {"message_type": "calibration-decision", **DECISION.dump_python(decision, exclude_none=True)}


def alarm_value(alarm: Alarm) -> dict[str, JSON]:
    return {"message_type": "alarm", **ALARM.dump_python(alarm)}


def calibration_end_value(datacenter: str) -> dict[str, JSON]:
    return {"message_type": "end", **CALIBRATION_END.dump_python(CalibrationEnd(f"{datacenter}|{END_ID}", datacenter))}


def event_value(event: TopologyEvent) -> dict[str, JSON]:
    return EVENT.dump_python(event)  # type: ignore[no-any-return]


def read_event(value: bytes, document: dict[str, Any], __: Mapping[str, str]) -> Message:
    if "clusters" in document and "topology" not in document:
        raise BadInput(
            "a bare topology, as OpenDT's API writes it, says neither who changed what nor on top of which event",
            expected="a topology event",
            hint="Post the topology to the REST API, which makes the event.",
        )
    event = _validated(EVENT, value)
    try:
        canonical(document)
    except ValueError as error:  # its digest could not be computed by anybody
        raise BadInput(f"an event without canonical form: {error}", expected="numbers as RFC 8785 has them") from None
    return event


def read_result(value: bytes, document: dict[str, Any], headers: Mapping[str, str]) -> Message:
    match document.get("message_type"):
        case "window-result":
            return ResultRecorded(_validated(RESULT, value), ledger=h.read_int(headers, h.LEDGER))
        case "end":
            return ResultsEnded(_validated(RESULTS_END, value).unplaceable)
        case other:
            raise BadInput(f"unknown message type {other!r}", expected="window-result or end", where="message_type")


def read_calibration(value: bytes, document: dict[str, Any], headers: Mapping[str, str]) -> Message:
    match document.get("message_type"):
        case "calibration-decision":
            resume = _validated(RESUME, headers.get(h.RESUME, "").encode())
            return DecisionRecorded(_validated(DECISION, value), pin=h.read_int(headers, h.PIN), resume=resume)
        case "alarm":
            return AlarmRecorded(_validated(ALARM, value))
        case "end":
            _validated(CALIBRATION_END, value)
            return CalibrationEnded()
        case other:
            raise BadInput(f"unknown message type {other!r}", expected="calibration-decision, alarm or end", where="message_type")


def read_value(value: bytes) -> dict[str, Any]:
    """A value of ours as a document, unchecked: for projections that only show it."""
    document: dict[str, Any] = from_json(value)
    return document


def _validated(adapter: TypeAdapter[T], value: bytes) -> T:
    try:
        return adapter.validate_json(value, strict=True)
    except ValidationError as error:
        raise first_problem(error) from None
