"""A record of the ledger, read as far as folding and verifying need it: some 100,000 of them in seconds.

Nearly every value is canonical JSON as the twin writes it; then its digests are digests of slices of its bytes, and nothing is serialised
again. Whatever is out of the ordinary goes the long way through `wire.decode`; a property test holds the two equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, get_args

import orjson

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON, canonical, sha256_hex
from opendt_streams.model.event import EventKind, TopologyEvent
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_power_model, read_topology
from opendt_streams.topology.events import event_id
from opendt_streams.wire import topics
from opendt_streams.wire.headers import ID, RECORDED, SOURCE
from opendt_streams.wire.messages import Invalid
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import event_value
from opendt_streams.wire.versions import TYPE, type_name

_TYPE_NOW: Final = (None, type_name("topology-event").encode())
_TEXTS: Final = ("id", "branch", "kind", "actor", "reason", "cause", "result")
_KEYS: Final = frozenset((*_TEXTS, "rules", "parent", "topology"))
_KINDS: Final = frozenset(get_args(EventKind))
# Numbers that RFC 8785 may write otherwise than orjson: whole floats, exponents, integers past 2**53.
_ODD_NUMBER: Final = re.compile(rb"[:,\[]-?(?:[0-9]{16}|[0-9]+(?:[eE]|\.(?:[0-9]+[eE]|0+[,}\]])))")
_TOPOLOGY: Final = b',"topology":'
_POWER_MODEL: Final = re.compile(rb'"cpuPowerModel":\{[^{}]*\}')


class Hardware:
    """Numbers for valid hardware: equal for topologies that differ in nothing but power models.

    Ledgers consist of few kinds of hardware under ever new power models. A canonical document whose bytes outside its power models were
    read before is valid if its power models are: what is the same is not read again.
    """

    def __init__(self) -> None:
        self._by_bytes: dict[bytes, int] = {}
        self._by_topology: dict[Topology, int] = {}

    def number(self, canonical_form: bytes, document: Any) -> int:
        """Of a topology document and its canonical form.

        Raises:
            BadInput: it is no topology; names the path of what is wrong.
        """
        rest = _POWER_MODEL.sub(b"", canonical_form)  # a valid power model holds no braces, and no text holds an unescaped quote
        known = self._by_bytes.get(rest)
        if known is not None and _power_models_are_valid(document):
            return known
        topology = read_topology(document, "opendc")
        known = self._by_topology.setdefault(topology.without_power_models(), len(self._by_topology))
        self._by_bytes[rest] = known
        return known


def _power_models_are_valid(document: Any) -> bool:
    try:
        for cluster in document["clusters"]:
            for group in cluster["hosts"]:
                if "cpuPowerModel" in group:
                    read_power_model(group["cpuPowerModel"], "opendc")
    except BadInput:
        return False
    return True


@dataclass(slots=True)
class Reading:
    """An event as its record says it, with the digests that its content really has. It is a `judging.Claim`.

    `document` is the canonical form of its topology; `canonical` says whether the whole value is in that form, as the twin writes it.
    `parent_hardware` is put in by whoever folds.
    """

    offset: int
    timestamp_ms: int
    value: bytes
    headers: dict[str, str]
    id: str
    rules: int
    parent: str | None
    branch: str
    kind: str
    actor: str
    reason: str
    cause: str
    result: str
    topology: Any
    document: bytes
    canonical: bool
    content_id: str
    content_result: str
    numbers: Hardware
    hardware: int | None = None
    parent_hardware: int | None = None
    trusted: bool = False  # found to be altered, and folded as if it were not: so that what follows is judged for itself

    def digests_hold(self) -> bool:
        return self.trusted or (self.result == self.content_result and self.id == self.content_id)

    def flaw(self) -> str | None:
        if self.trusted and self.result != self.content_result:
            return None  # of what it was, only the digest is left
        try:
            self.hardware = self.numbers.number(self.document, self.topology)
        except BadInput as error:
            return str(error)
        return None

    def keeps_hardware(self) -> bool:
        return self.trusted or self.parent_hardware is None or self.hardware == self.parent_hardware

    def event(self) -> TopologyEvent:
        kind: Any = self.kind
        return TopologyEvent(
            self.id, self.rules, self.parent, self.branch, kind, self.actor, self.reason, self.cause, self.topology, self.result
        )


class Reader:
    """Reads the records of one ledger."""

    def __init__(self) -> None:
        self.numbers = Hardware()

    def read(self, record: Record) -> Reading | Invalid:
        """What `record.message()` says, and the digests."""
        raw = dict(record.raw_headers)
        if record.value and raw.get(TYPE) in _TYPE_NOW and (found := self._plain(record, record.value, raw)) is not None:
            return found
        message = record.message()
        if isinstance(message, TopologyEvent):
            return self._slowly(record, record.value or b"", message)
        if isinstance(message, Invalid):
            return message
        return Invalid(f"{type(message).__name__} does not belong on this topic", sha256_hex(record.value or b""))

    def _plain(self, record: Record, value: bytes, raw: dict[str, bytes | None]) -> Reading | None:
        """The reading of a value in canonical form; None if it is anything else."""
        if len(value) > topics.MAX_VALUE_BYTES or not value.isascii() or _ODD_NUMBER.search(value):
            return None
        try:
            said = orjson.loads(value)
        except ValueError:
            return None
        if type(said) is not dict or said.keys() != _KEYS or not _has_types(said):
            return None
        if orjson.dumps(said, option=orjson.OPT_SORT_KEYS) != value:
            return None
        try:
            headers = {k: v.decode() for k in (ID, SOURCE, RECORDED) if (v := raw.get(k)) is not None}
        except UnicodeDecodeError:
            return None
        document = value[value.index(_TOPOLOGY) + len(_TOPOLOGY) : -1]
        named = b',"id":' + orjson.dumps(said["id"])
        at = value.index(named)
        content_id = sha256_hex(value[:at] + value[at + len(named) :])
        return Reading(
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            value=value,
            headers=headers,
            document=document,
            canonical=True,
            content_id=content_id,
            content_result=sha256_hex(document),
            numbers=self.numbers,
            **said,
        )

    def _slowly(self, record: Record, value: bytes, event: TopologyEvent) -> Reading:
        document = canonical(event.topology)
        headers = record.headers
        fields = {name: getattr(event, name) for name in _KEYS}
        return Reading(
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            value=value,
            headers={k: headers[k] for k in (ID, SOURCE, RECORDED, TYPE) if k in headers},
            document=document,
            canonical=value == canonical(event_value(event)),
            content_id=event_id(event),
            content_result=sha256_hex(document),
            numbers=self.numbers,
            **fields,
        )


def _has_types(said: dict[str, JSON]) -> bool:
    return (
        all(type(said[name]) is str for name in _TEXTS)
        and said["kind"] in _KINDS
        and type(said["rules"]) is int
        and (said["parent"] is None or type(said["parent"]) is str)
        and type(said["topology"]) is dict
    )
