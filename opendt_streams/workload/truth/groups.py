"""The host groups of a site, and their true parameters over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.power import WHOLE_DATACENTER, Meter
from opendt_streams.model.times import parse
from opendt_streams.workload import sample_meter
from opendt_streams.workload.sample_files import START
from opendt_streams.workload.sample_site import SMALLEST_SITE, SampleGroup, sample_groups
from opendt_streams.workload.truth.description import Change, SiteTruth
from opendt_streams.workload.truth.document import TrueGroup

_EXPONENT: Final = 1.8  # of `mse`, which the sample's law is not

FIELDS: Final = {"idle": "idlePower", "range": "maxPower", "busy": "busyPower", "slope": "slopePower"}


@dataclass(frozen=True, slots=True)
class SiteGroup:
    """Hardware and datasheet (its `truth` is not that of this site), and what is true of it."""

    sheet: SampleGroup
    true: TrueGroup


def site_groups(truth: SiteTruth, seed: int) -> tuple[SiteGroup, ...]:
    """In topology order: cluster by cluster. What differs from group to group comes from the seed."""
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    kinds = sample_groups(SMALLEST_SITE)
    count, left = divmod(truth.hosts, truth.host_groups)
    groups = []
    for index in range(truth.host_groups):
        kind, again = kinds[index % len(kinds)], index // len(kinds)
        sheet = replace(
            kind,
            cluster=f"C{1 + index * truth.clusters // truth.host_groups:02d}",
            name=f"{kind.name}-{again + 1}" if again else kind.name,
            count=count + (index < left),
        )
        idle, span = (1 + truth.spread * float(x) for x in np.clip(rng.standard_normal(2), -2, 2))
        groups.append(SiteGroup(sheet, _true_group(truth, sheet, idle, span)))
    return tuple(groups)


def sample_truth(hosts: int, days: int) -> tuple[SiteGroup, ...]:
    """The groups of the sample. Its slow wave is a line from hour to hour here, so that truth.json says exactly what is true."""
    knots = tuple(range(0, days * times.DAY + 1, times.HOUR))
    wave = sample_meter.drift(np.array(knots) // times.SECOND).tolist()
    time_ms = tuple(parse(START) + knot for knot in knots)
    groups = []
    for sheet in sample_groups(hosts):
        law = {"idlePower": sheet.truth.idle_w, "busyPower": sheet.truth.busy_w, "slopePower": sheet.truth.slope_w}
        watts = {name: tuple(round(value * factor, 6) for factor in wave) for name, value in law.items()}
        asym_util = round(1 / sheet.cores, 6)
        groups.append(
            SiteGroup(sheet, TrueGroup(sheet.cluster, sheet.name, sheet.count, "busy-linear", _EXPONENT, asym_util, time_ms, watts))
        )
    return tuple(groups)


def site_meters(truth: SiteTruth, groups: tuple[SiteGroup, ...]) -> tuple[Meter, ...]:
    """In the order in which they report."""
    if truth.meters == "one":
        return (WHOLE_DATACENTER,)
    names = [Meter(g.sheet.cluster, g.sheet.name if truth.meters == "host-group" else None) for g in groups]
    return tuple(dict.fromkeys(names))


def _true_group(truth: SiteTruth, sheet: SampleGroup, idle_factor: float, range_factor: float) -> TrueGroup:
    idle_w = truth.idle * idle_factor * sheet.datasheet_idle_w
    range_w = truth.range * range_factor * (sheet.datasheet_max_w - sheet.datasheet_idle_w)
    values = {"idle": idle_w, "range": range_w}
    if truth.law == "busy-linear":
        values = {"idle": idle_w, "busy": truth.busy_share * range_w, "slope": (1 - truth.busy_share) * range_w}
    changes = [c for c in truth.changes if not c.host_groups or sheet.name in c.host_groups]
    start_ms = parse(START)
    knots = _knots(truth, changes)
    columns = {name: _course(name, value, changes, knots) for name, value in values.items()}
    if truth.law != "busy-linear":
        columns["range"] = [a + b for a, b in zip(columns["idle"], columns["range"], strict=True)]
    return TrueGroup(
        cluster=sheet.cluster,
        host_group=sheet.name,
        hosts=sheet.count,
        model_type=truth.model_type,
        exponent=truth.exponent,
        asym_util=round(1 / sheet.cores, 6) if truth.asym_util is None else truth.asym_util,
        time_ms=tuple(start_ms + k for k in knots),
        watts={FIELDS[name]: tuple(round(x, 3) for x in column) for name, column in columns.items()},
    )


def _knots(truth: SiteTruth, changes: list[Change]) -> list[int]:
    """Milliseconds since the start between which every parameter goes in a straight line. A step takes one."""
    found = {0, truth.days * times.DAY}
    for change in changes:
        at, until = span_ms(change)
        found |= {at, until}
    return sorted(k for k in found if k <= truth.days * times.DAY)


def span_ms(change: Change) -> tuple[int, int]:
    """Milliseconds since the start between which it happens."""
    at = round(change.at_hour * times.HOUR)
    return at, at + 1 if change.until_hour is None else round(change.until_hour * times.HOUR)


def _course(name: str, value: float, changes: list[Change], knots: list[int]) -> list[float]:
    shares = np.ones(len(knots))
    for change in changes:
        if change.parameter == name or (change.parameter == "range" and name in ("busy", "slope")):
            at, until = span_ms(change)
            shares += change.by * np.interp(knots, [at, until], [0.0, 1.0])
    return [float(x) for x in value * shares]
