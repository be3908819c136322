"""What the recursive method remembers from one instant to the next, and its form in a decision: the calibrator's snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opendt_streams.calibration.interval import Interval, expanded, sparse
from opendt_streams.calibration.kalman import Fit
from opendt_streams.calibration.projection import Vector
from opendt_streams.calibration.references import Place, Reference
from opendt_streams.calibration.telemetry import Meter
from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON

LAYOUT: Final = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Everything to go on from. `instant_ms` is None before the first instant.

    `anchor` is the fit as it was when the meter took on the value that it still shows: where to return to if it proves stuck.
    `published` are the factors published last; `alarmed` the kinds of alarm that were given and still stand.
    """

    instant_ms: int | None = None
    meter: Meter | None = None
    fit: Fit | None = None
    anchor: Fit | None = None
    references: Mapping[Place, Reference] = field(default_factory=dict)
    published: Vector | None = None
    interval: Interval = field(default_factory=Interval)
    alarmed: tuple[str, ...] = ()


def to_json(estimate: Estimate) -> dict[str, JSON]:
    """All numbers rounded already, but readings of the meter, which are kept as they came."""
    meter, interval = estimate.meter, estimate.interval
    return {
        "layout": LAYOUT,
        "instant_ms": estimate.instant_ms,
        "meter": None if meter is None else {"power_w": meter.power_w, "since_ms": meter.since_ms, "held": meter.held},
        "fit": _fit_json(estimate.fit),
        "anchor": _fit_json(estimate.anchor),
        "references": {f"{c}/{h}": [r.hardware, r.idle_w, r.range_w] for (c, h), r in estimate.references.items()},
        "published": None if estimate.published is None else list(estimate.published),
        "interval": {
            "alpha": interval.alpha,
            "half_width": interval.half_width,
            "hours": [[hour, *sparse(counts)] for hour, counts in (interval.counts or {}).items()],
        },
        "alarmed": list(estimate.alarmed),
    }


def from_json(document: Mapping[str, Any]) -> Estimate:
    """The inverse of `to_json`; nothing at all ({}) is the estimate before the first instant.

    Raises:
        BadInput: another version or another method wrote it.
    """
    if not document:
        return Estimate()
    if document.get("layout") != LAYOUT:
        raise BadInput(
            f"an estimate of layout {document.get('layout')!r}",
            expected=f"layout {LAYOUT}",
            hint="Resume a run with the version and the method that began it.",
        )
    meter, interval, published = document["meter"], document["interval"], document["published"]
    return Estimate(
        instant_ms=document["instant_ms"],
        meter=None if meter is None else Meter(float(meter["power_w"]), meter["since_ms"], meter["held"]),
        fit=_fit(document["fit"]),
        anchor=_fit(document["anchor"]),
        references={_place(key): Reference(r[0], float(r[1]), float(r[2])) for key, r in document["references"].items()},
        published=None if published is None else _vector(published),
        interval=Interval(
            alpha=float(interval["alpha"]),
            half_width=None if interval["half_width"] is None else float(interval["half_width"]),
            counts={hour: expanded(first, counts) for hour, first, *counts in interval["hours"]} or None,
        ),
        alarmed=tuple(document["alarmed"]),
    )


def _fit_json(fit: Fit | None) -> JSON:
    if fit is None:
        return None
    return {
        "time_ms": fit.time_ms,
        "factors": list(fit.factors),
        "covariance": list(fit.covariance),
        "mean_w": fit.mean_w,
        "samples": fit.samples,
    }


def _fit(document: Mapping[str, Any] | None) -> Fit | None:
    if document is None:
        return None
    c = [float(x) for x in document["covariance"]]
    return Fit(
        document["time_ms"],
        _vector(document["factors"]),
        (c[0], c[1], c[2], c[3], c[4], c[5]),
        float(document["mean_w"]),
        document["samples"],
    )


def _vector(values: list[Any]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def _place(key: str) -> Place:
    cluster, group = key.split("/")
    return int(cluster), int(group)
