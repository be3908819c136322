"""A synthetic datacenter with a known power law, and the twin's loop around a calibration method: simulate, measure, decide."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from opendt_streams.calibration import CalibrationSettings, Evidence, Method, Proposal, method
from opendt_streams.calibration.metrics import OfficialScore, coverage_percent, official_score
from opendt_streams.model import times
from opendt_streams.model.basis import basis_power_w
from opendt_streams.model.canonical import JSON, canonical
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import GroupBasis, Series, TaskCounts, WindowResult
from opendt_streams.model.task import Float64, Int64
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology

START_MS = 1_700_000_000_000 // times.DAY * times.DAY
ROW_MS = 30 * times.SECOND
WINDOW_MS = 5 * times.MINUTE
SETTINGS = CalibrationSettings()


def group(name: str = "H", count: int = 50, idle_w: float = 40.0, max_w: float = 190.0, cores: int = 8) -> HostGroup:
    return HostGroup(
        name, count, 1, cores, 2000.0, 64_000, PowerModel("mse", idle_power_w=idle_w, max_power_w=max_w, calibration_factor=3.0)
    )


def busy_linear(idle_w: float, busy_w: float, slope_w: float) -> PowerModel:
    return PowerModel("busy-linear", idle_w, max_power_w=0.0, busy_power_w=busy_w, slope_power_w=slope_w)


def times_datasheet(g: HostGroup, idle: float, busy: float, slope: float) -> PowerModel:
    """What a host of the group truly draws, as factors on its datasheet."""
    span = g.power_model.max_power_w - g.power_model.idle_power_w
    return busy_linear(idle * g.power_model.idle_power_w, busy * span, slope * span)


@dataclass(frozen=True)
class Site:
    """Host groups and the factors by which each hour's truth differs from the datasheet; `meter` turns true power into readings."""

    groups: tuple[HostGroup, ...] = (group(),)
    truth: Callable[[int], tuple[float, float, float]] = lambda hour: (1.2, 0.3, 0.7)
    noise: float = 0.004
    seed: int = 1
    meter: Callable[[Int64, Float64], Float64] = field(default=lambda time_ms, power_w: power_w)

    @property
    def topology(self) -> Topology:
        return Topology((Cluster("C", self.groups),))

    def bases(self, hour: int) -> list[tuple[GroupBasis, ...]]:
        """The load of an hour, by window: a daily cycle, some hosts busy with one core or several."""
        rng = np.random.default_rng([self.seed, hour])
        columns = [self._group_rows(rng, hour, g) for g in self.groups]
        return [
            tuple(
                GroupBasis(0, i, g.count, g.cores, g.capacity_mhz, tuple(d[w : w + 10]), tuple(n[w : w + 10]), (), ())
                for i, (g, (d, n)) in enumerate(zip(self.groups, columns, strict=True))
            )
            for w in range(0, 120, 10)
        ]

    def readings(self, hour: int) -> tuple[Int64, Float64]:
        rng = np.random.default_rng([self.seed, hour, 7])
        time_ms = START_MS + hour * times.HOUR + ROW_MS * np.arange(1, 121)
        true_w = np.concatenate(
            [
                sum(basis_power_w(b, times_datasheet(g, *self.truth(hour))) for b, g in zip(window, self.groups, strict=True))
                for window in self.bases(hour)
            ]
        )
        return time_ms, self.meter(time_ms, true_w * (1 + self.noise * rng.standard_normal(120)))

    def evidence(self, hour: int, in_force: Topology) -> Evidence:
        """What the decision at the end of the hour knows, the results as simulated with these parameters."""
        time_ms, power_w = self.readings(hour)
        starts = range(START_MS + hour * times.HOUR, START_MS + (hour + 1) * times.HOUR, WINDOW_MS)
        return Evidence(
            START_MS + (hour + 1) * times.HOUR,
            tuple(simulated(s, b, in_force) for s, b in zip(starts, self.bases(hour), strict=True)),
            tuple(PowerSample(t, p) for t, p in zip(time_ms.tolist(), power_w.tolist(), strict=True)),
            in_force,
        )

    def _group_rows(self, rng: np.random.Generator, hour: int, g: HostGroup) -> tuple[list[tuple[float, ...]], list[tuple[int, ...]]]:
        level = 0.35 + 0.25 * np.sin(2 * np.pi * hour / 24) + 0.1 * rng.random()
        walk = np.clip(level + np.cumsum(rng.normal(0, 0.01, 120)), 0.05, 0.9)
        kinds = np.sort(rng.random(4)) * g.capacity_mhz
        shares = rng.dirichlet(np.ones(4))
        hosts = np.floor(walk[:, None] * g.count * shares[None, :]).astype(int) + (rng.random((120, 4)) < 0.3)
        hosts = np.minimum(hosts, g.count // 4)
        demand = [tuple(round(float(k), 6) for k, n in zip(kinds, row, strict=True) if n) for row in hosts]
        return demand, [tuple(int(n) for n in row if n) for row in hosts]


def simulated(start_ms: int, bases: tuple[GroupBasis, ...], topology: Topology) -> WindowResult:
    models = {(c, h): g.power_model for c, h, g in topology.host_groups}
    power = sum(basis_power_w(b, models[b.cluster, b.group]) for b in bases)
    watts = tuple(round(float(p), 3) for p in np.asarray(power))
    nothing = (0.0,) * len(watts)
    return WindowResult(
        id=f"S|main|{start_ms}",
        datacenter="S",
        branch="main",
        window_start_ms=start_ms,
        window_end_ms=start_ms + WINDOW_MS,
        topology_event="e",
        drain=False,
        tasks=TaskCounts(),
        row_ms=tuple(start_ms + ROW_MS * (i + 1) for i in range(len(watts))),
        total=Series(watts, nothing, nothing, nothing),
        basis=bases,
    )


@dataclass
class Run:
    """What the loop gave: one proposal per hour, and the hours' samples with what had been published for them."""

    proposals: list[Proposal]
    sample_ms: Int64
    measured_w: Float64
    predicted_w: Float64
    half_width: Float64
    topology: Topology

    def score(self, from_hour: int = 1) -> OfficialScore:
        return official_score(self.sample_ms, self.measured_w, self.predicted_w, START_MS + from_hour * times.HOUR, times.HOUR)

    def mape(self, hour: int) -> float:
        part = slice(hour * 120, hour * 120 + 120)
        found = official_score(self.sample_ms[part], self.measured_w[part], self.predicted_w[part], START_MS, times.HOUR).score.mape_percent
        assert found is not None
        return found

    def coverage(self, from_hour: int) -> float:
        part = slice(from_hour * 120, None)
        found = coverage_percent(self.predicted_w[part], self.measured_w[part], self.half_width[part])
        assert found is not None
        return found

    @property
    def models(self) -> list[PowerModel]:
        return [g.power_model for _, _, g in self.topology.host_groups]


def through_json(estimate: object) -> dict[str, JSON]:
    """The estimate as it comes back from the topic."""
    found: dict[str, JSON] = json.loads(canonical(estimate))
    return found


def drive(site: Site, hours: int, by: Method | None = None, between: Callable[[int, Evidence], Evidence] = lambda _, e: e) -> Run:
    """The twin's loop. `between` may tamper with an hour's evidence before the method sees it."""
    by = by or method("recursive", SETTINGS)
    topology, estimate, width = site.topology, dict[str, JSON](), float("nan")
    proposals, columns = list[Proposal](), list[tuple[Int64, Float64, Float64, Float64]]()
    for hour in range(hours):
        evidence = between(hour, site.evidence(hour, topology))
        proposal = by.decide(estimate, evidence)
        at, power = site.readings(hour)
        predicted = np.concatenate([r.total.power_w for r in site.evidence(hour, topology).results if r.total is not None])
        columns.append((at, power, predicted, np.full(len(at), width)))
        estimate = through_json(proposal.estimate)
        width = proposal.interval_half_width if proposal.interval_half_width is not None else width
        proposals.append(proposal)
        if proposal.models is not None:
            topology = topology.with_power_models(dict(proposal.models), default=None)
    at, power, predicted, widths = (np.concatenate(c) for c in zip(*columns, strict=True))
    return Run(proposals, at, power, predicted, widths, topology)
