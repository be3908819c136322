"""One interval's samples through the bank of filters: who is taught what, and the fit as it was at the moments that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from opendt_streams.calibration import kalman
from opendt_streams.calibration.estimate import Part
from opendt_streams.calibration.features import Flags, Rows
from opendt_streams.calibration.kalman import Bank
from opendt_streams.calibration.laws import Law
from opendt_streams.calibration.references import Place, Reference
from opendt_streams.calibration.scopes import Scope
from opendt_streams.calibration.watch import Watched
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Topology

_HELD_OUT: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """`start`, `before_held_out`, `bank`: before the interval, before its held-out samples, after it. `anchors` per scope: what to return
    to if the value that its meter shows proves stuck. `believed` (samples x scopes) were taught."""

    start: Bank
    before_held_out: Bank
    bank: Bank
    anchors: tuple[Bank | None, ...]
    believed: Flags


def learn(
    parts: Sequence[Part],
    watched: Sequence[Watched],
    start: Bank,
    walk: Float64,
    time_ms: Int64,
    power_w: Float64,
    seen: Rows,
    held_out_from_ms: int,
) -> Learnt:
    """Teach the bank that `start` is (it is not changed) with the believed readings of all scopes."""
    believed = np.array([w.believed for w in watched]).T & seen.comparable[:, None]
    stops = {_HELD_OUT: int(np.searchsorted(time_ms, held_out_from_ms, side="right"))}
    stops |= {s: w.hold + 1 for s, w in enumerate(watched) if w.hold is not None and w.meter.held > 1}
    bank = start.copy()
    copies = kalman.teach(bank, time_ms, power_w, seen.x, believed.astype(np.float64), walk, stops)
    anchors: list[Bank | None] = []
    for s, (part, w) in enumerate(zip(parts, watched, strict=True)):
        if w.meter.held <= 1 or w.meter.stuck:
            anchors.append(None)
        elif w.hold is None:
            anchors.append(part.anchor)
        else:
            anchors.append(copies[s].only(s))
    return Learnt(start, copies[_HELD_OUT], bank.rounded(), tuple(anchors), believed)


def starting(laws: Sequence[Law], parts: Sequence[Part], watched: Sequence[Watched], prior: Float64, walk: Float64) -> Bank:
    """The filters to go on with: those of each part, from before its meter took on a value that has proved stuck; else the prior."""
    bank = kalman.begin(prior, walk, np.array([law.prior_scale for law in laws]))
    for s, (part, w) in enumerate(zip(parts, watched, strict=True)):
        fit = part.anchor if w.undone and part.anchor is not None else part.fit
        if fit is not None and fit.factors.shape[1] == len(laws):
            bank.put(s, fit, 0)
    return bank


def priors(laws: Sequence[Law], scopes: Sequence[Scope], topology: Topology, references: Mapping[Place, Reference]) -> Float64:
    """Where fits begin (scopes x laws x 3): the datasheet, or the shape of busy-linear models that it has already."""
    found = np.empty((len(scopes), len(laws), 3))
    for s, scope in enumerate(scopes):
        busy = slope = span = 0.0
        for c, h, group in topology.host_groups:
            if (c, h) in scope.places:
                reference = references[c, h]
                fitted = reference.model.model_type == "busy-linear"
                busy += group.count * (reference.model.busy_power_w if fitted else 0.0)
                slope += group.count * (reference.model.slope_power_w if fitted else reference.range_w)
                span += group.count * reference.range_w
        for k, law in enumerate(laws):
            found[s, k] = (1.0, busy / span, slope / span) if law.model_type == "busy-linear" and span > 0 else (1.0, 0.0, 1.0)
    return found


def walks(laws: Sequence[Law], scopes: Sequence[Scope], topology: Topology, references: Mapping[Place, Reference]) -> Float64:
    """Variance of a step of each factor (scopes x laws x 3): as many watts of idle power as of the others."""
    found = np.zeros((len(scopes), len(laws), 3))
    for s, scope in enumerate(scopes):
        idle = span = 0.0
        for c, h, group in topology.host_groups:
            if (c, h) in scope.places:
                idle += group.count * references[c, h].idle_w
                span += group.count * references[c, h].range_w
        scale = span / idle if idle > 0 else 1.0
        for k, law in enumerate(laws):
            found[s, k] = (scale * scale, 1.0 if law.has_second else 0.0, 1.0)
    return found
