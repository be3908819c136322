"""What a method remembers from one instant to the next, and its form in a decision: the calibrator's snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, Final

import numpy as np

from opendt_streams.calibration.interval import Interval
from opendt_streams.calibration.kalman import Bank
from opendt_streams.calibration.merit import Merit
from opendt_streams.calibration.references import Place, Reference
from opendt_streams.calibration.telemetry import Meter
from opendt_streams.calibration.watch import Pace
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON
from opendt_streams.model.power import Meter as MeterName
from opendt_streams.model.topology import PowerModel

LAYOUT: Final = 2


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of one scope: `fit` and `anchor` are banks of this scope alone.

    `law` is the one that is published, `shapes` are where the laws' curves are expanded (1 for those that have none). `anchor` is the fit
    as it was when the meter took on the value that it still shows: where to return to if it proves stuck. `apart` and
    `apart_anchor` are the same with factors of each host group's own, where the scope has several. By `lag` rows the meter's clock has been
    off since `lag_since_ms` (0: it is right).
    """

    meter_name: MeterName
    meter: Meter
    pace: Pace | None
    fit: Bank | None = None
    anchor: Bank | None = None
    merit: Merit = field(default_factory=Merit)
    law: str | None = None
    shapes: tuple[float, ...] = ()
    apart: Bank | None = None
    apart_anchor: Bank | None = None
    lag: int = 0
    lag_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Everything to go on from. `instant_ms` is None before the first instant.

    `published` are the power models published last, `alarmed` the kinds of alarm that were given and still stand. `window` is what the
    methods with a sliding window keep of it: columns of their own per piece, of which the first is its end [ms].
    """

    instant_ms: int | None = None
    scope: str = "datacenter"
    parts: tuple[Part, ...] = ()
    references: Mapping[Place, Reference] = field(default_factory=dict)
    published: Mapping[Place, PowerModel] = field(default_factory=dict)
    power_w: float | None = None  # of the whole datacenter, as read last
    interval: Interval = field(default_factory=Interval)
    discrepancy: Mapping[str, JSON] = field(default_factory=dict)
    alarmed: tuple[str, ...] = ()
    window: tuple[tuple[float, ...], ...] = ()


def to_json(estimate: Estimate, method: str) -> dict[str, JSON]:
    """All numbers rounded already, but readings of the meter, which are kept as they came."""
    return {
        "method": method,
        "layout": LAYOUT,
        "instant_ms": estimate.instant_ms,
        "scope": estimate.scope,
        "parts": [_part_json(part) for part in estimate.parts],
        "references": {_key(at): [r.hardware, r.idle_w, r.range_w, *astuple(r.model)] for at, r in estimate.references.items()},
        "published": {_key(at): list(astuple(model)) for at, model in estimate.published.items()},
        "meter": estimate.power_w,
        "interval": estimate.interval.to_json(),
        "discrepancy": dict(estimate.discrepancy),
        "alarmed": list(estimate.alarmed),
        "window": [list(piece) for piece in estimate.window],
    }


def from_json(document: Mapping[str, Any], method: str) -> Estimate:
    """The inverse of `to_json`; nothing at all ({}) is the estimate before the first instant.

    Raises:
        BadInput: another version or another method wrote it.
    """
    if not document:
        return Estimate()
    if (document.get("method"), document.get("layout")) != (method, LAYOUT):
        raise BadInput(
            f"an estimate of method {document.get('method')!r}, layout {document.get('layout')!r}",
            expected=f"{method}, layout {LAYOUT}",
            hint="Resume a run with the version and the method that began it.",
        )
    return Estimate(
        instant_ms=document["instant_ms"],
        scope=document["scope"],
        parts=tuple(_part(part) for part in document["parts"]),
        references={_place(key): Reference(r[0], float(r[1]), float(r[2]), _model(r[3:])) for key, r in document["references"].items()},
        published={_place(key): _model(m) for key, m in document["published"].items()},
        power_w=None if document["meter"] is None else float(document["meter"]),
        interval=Interval.from_json(document["interval"]),
        discrepancy=document["discrepancy"],
        alarmed=tuple(document["alarmed"]),
        window=tuple(tuple(piece) for piece in document["window"]),
    )


def _part_json(part: Part) -> dict[str, JSON]:
    m = part.meter
    meter: list[JSON] = [m.power_w, m.since_ms, m.held, round(m.least, 3), round(m.most, 3), m.changes, round(m.repeats, 6)]
    meter += [round(m.expected, 3), round(m.ratio, 6), m.ratios, m.jumped_ms, m.wrong, m.wrong_ms, m.complaint]
    return {
        "cluster": part.meter_name.cluster,
        "host_group": part.meter_name.host_group,
        "meter": meter,
        "pace": None if part.pace is None else [part.pace.time_ms, part.pace.every_ms],
        "law": part.law,
        "shapes": list(part.shapes),
        "fit": _bank_json(part.fit),
        "anchor": _bank_json(part.anchor),
        "apart": _bank_json(part.apart),
        "apart_anchor": _bank_json(part.apart_anchor),
        "merit": part.merit.to_json(),
        "lag": [part.lag, part.lag_since_ms],
    }


def _part(document: Mapping[str, Any]) -> Part:
    return Part(
        MeterName(document["cluster"], document["host_group"]),
        _meter(document["meter"]),
        None if document["pace"] is None else Pace(*document["pace"]),
        _bank(document["fit"]),
        _bank(document["anchor"]),
        Merit.from_json(document["merit"]),
        document["law"],
        tuple(float(shape) for shape in document["shapes"]),
        _bank(document["apart"]),
        _bank(document["apart_anchor"]),
        *document["lag"],
    )


def _meter(values: list[Any]) -> Meter:
    power_w, since, held, least, most, changes, repeats, expected, ratio, *rest = values
    return Meter(float(power_w), since, held, float(least), float(most), changes, float(repeats), float(expected), float(ratio), *rest)


def _bank_json(bank: Bank | None) -> JSON:
    """Per law: factors, upper triangle of the covariance, noise, run, echo, last; in the resolution of the topic."""
    if bank is None:
        return None
    rows, columns = np.triu_indices(bank.factors.shape[2])
    parts = (bank.factors[0].T, bank.covariance[0][:, rows, columns].T, bank.noise * 100, bank.run, bank.echo, bank.last)
    laws = np.vstack(parts).T.tolist()
    return {"time_ms": int(bank.time_ms[0]), "factors": bank.factors.shape[2], "laws": [[round(v, 6) for v in law] for law in laws]}


def _bank(document: Mapping[str, Any] | None) -> Bank | None:
    if document is None:
        return None
    laws, n = np.array(document["laws"], dtype=np.float64), document["factors"]
    rows, columns = np.triu_indices(n)
    covariance = np.empty((1, len(laws), n, n))
    covariance[0][:, rows, columns] = covariance[0][:, columns, rows] = laws[:, n : n + len(rows)]
    noise, run, echo, last = laws[None, :, n + len(rows) :].transpose(2, 0, 1)
    return Bank(np.array([document["time_ms"]], dtype=np.int64), laws[None, :, :n], covariance, noise / 100, run, echo, last)


def _model(values: list[Any]) -> PowerModel:
    kind, idle, top, power, exponent, asym, dvfs, busy, slope = values
    return PowerModel(kind, float(idle), float(top), float(power), float(exponent), float(asym), dvfs, float(busy), float(slope))


def _key(place: Place) -> str:
    return f"{place[0]}/{place[1]}"


def _place(key: str) -> Place:
    cluster, group = key.split("/")
    return int(cluster), int(group)
