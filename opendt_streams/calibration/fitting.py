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
_LEAST_LEVEL: Final = 0.1  # of the datasheet's power: what noise is at least a share of

DIFFER: Final = (0.12, 0.06, 0.12)
"""Standard deviations by which the factors of host groups behind one meter differ from their common ones."""
ALONE: Final = 0.1
"""How much of the random walk's variance each group has for itself, besides what all have in common."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The banks `start`, `before` and `end` are those before the interval, before its held-out samples and after it; `anchors` (per scope)
    are what to return to if the value that the meter shows proves stuck."""

    start: Bank
    before: Bank
    end: Bank
    anchors: tuple[Bank | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """The course of the fits that are common to a scope's host groups, and per scope that of the fits that tell them apart; `believed`
    (samples x scopes) were taught."""

    common: Course
    apart: tuple[Course | None, ...]
    believed: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """An interval's samples (times, power per scope, columns), and the time from which on they are held out."""

    time_ms: Int64
    power_w: Float64
    seen: Rows
    held_out_from_ms: int

    def teach(
        self, parts: Sequence[Part], watched: Sequence[Watched], common: Belief, apart: Sequence[Belief | None], which: Sequence[int]
    ) -> Learnt:
        """Teach what is known of all scopes with their believed readings. `which` are the laws that tell groups apart."""
        believed = np.array([w.believed for w in watched]).T & self.seen.comparable[:, None]
        floor_w = _LEAST_LEVEL * (self.seen.x[..., 0] + self.seen.x[..., 2])
        start = common.start([(p.fit, p.anchor) for p in parts], watched)
        course = self._course(start, common, watched, self.seen.x, floor_w, believed, [p.anchor for p in parts])
        courses = list[Course | None]()
        for s, (part, w, belief, x) in enumerate(zip(parts, watched, apart, self.seen.by_group, strict=True)):
            if belief is None or x is None:
                courses.append(None)
                continue
            one = slice(s, s + 1)
            first = belief.start([(part.apart, part.apart_anchor)], [w])
            floor = floor_w[:, one][:, :, list(which)]
            courses.append(self._course(first, belief, [w], x[:, None], floor, believed[:, one], [part.apart_anchor], one))
        return Learnt(course, tuple(courses), believed)

    def _course(
        self,
        start: Bank,
        belief: Belief,
        watched: Sequence[Watched],
        x: Float64,
        floor_w: Float64,
        believed: Flags,
        anchors: Sequence[Bank | None],
        scopes: slice = slice(None),
    ) -> Course:
        stops = {_HELD_OUT: int(np.searchsorted(self.time_ms, self.held_out_from_ms, side="right"))}
        stops |= {s: w.hold + 1 for s, w in enumerate(watched) if w.hold is not None and w.meter.held > 1}
        bank = start.copy()
        power_w = self.power_w[:, scopes]
        copies = kalman.teach(bank, self.time_ms, power_w, x, floor_w, believed.astype(np.float64), belief.walk, stops)
        kept = list[Bank | None]()
        for s, (anchor, w) in enumerate(zip(anchors, watched, strict=True)):
            if w.meter.held <= 1 or w.meter.stuck:
                kept.append(None)
            else:
                kept.append(anchor if w.hold is None else copies[s].only(s).rounded())
        return Course(start, copies[_HELD_OUT], bank.rounded(), tuple(kept))


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What is thought of factors before any sample (scopes x laws x n), and how they walk (.. x n)."""

    prior: Float64
    covariance: Float64
    walk: Float64

    def start(self, known: Sequence[tuple[Bank | None, Bank | None]], watched: Sequence[Watched]) -> Bank:
        """The filters to go on with: those known (fit, anchor), from before the meter took on a value that has proved stuck; else these, as
        where anything known is not finite."""
        bank = kalman.begin(self.prior, self.covariance)
        for s, ((fit, anchor), w) in enumerate(zip(known, watched, strict=True)):
            found = anchor if w.undone and anchor is not None else fit
            if found is not None and found.factors.shape[1:] == self.prior.shape[1:] and found.sound(0):
                bank.put(s, found, 0)
        return bank


def common_belief(laws: Sequence[Law], scopes: Sequence[Scope], topology: Topology, references: Mapping[Place, Reference]) -> Belief:
    """Factors begin at the datasheet, or at the shape of busy-linear models that it has already; a step is as many watts of idle power as
    of the others."""
    prior, scale = np.empty((len(scopes), len(laws), 3)), np.array([law.prior_scale for law in laws])
    walk = np.zeros((len(scopes), len(laws), 3))
    for s, scope in enumerate(scopes):
        idle = busy = slope = span = 0.0
        for c, h in sorted(scope.places):
            count, reference = topology.clusters[c].host_groups[h].count, references[c, h]
            fitted = reference.model.model_type == "busy-linear"
            idle += count * reference.idle_w
            span += count * reference.range_w
            busy += count * (reference.model.busy_power_w if fitted else 0.0)
            slope += count * (reference.model.slope_power_w if fitted else reference.range_w)
        for k, law in enumerate(laws):
            begins = (1.0, busy / span, slope / span) if law.model_type == "busy-linear" and span > 0 else (1.0, 0.0, 1.0)
            prior[s, k] = begins
            walk[s, k] = ((span / idle) ** 2 if idle > 0 else 1.0, 1.0 if law.has_second else 0.0, 1.0)
    steps = kalman.PRIOR_STEPS * scale
    return Belief(prior, kalman.diagonal(walk * (steps * steps)), kalman.diagonal(walk))


def apart_belief(common: Belief, s: int, which: Sequence[int], groups: int) -> Belief:
    """The same for each of a scope's host groups: they move together, as the common factors do, and differ by a little."""
    prior = np.tile(common.prior[s, list(which)], groups)
    used = np.diagonal(common.walk[s, list(which)], axis1=1, axis2=2) > 0
    differ = kalman.diagonal(np.tile(used * (np.array(DIFFER) / kalman.STEP) ** 2, groups))
    together = np.tile(common.covariance[s, list(which)], (groups, groups))
    walk = np.tile(common.walk[s, list(which)], (groups, groups))
    alone = kalman.diagonal(np.tile(np.diagonal(common.walk[s, list(which)], axis1=1, axis2=2), groups))
    return Belief(prior[None], (together + differ)[None], (walk + ALONE * alone)[None])
