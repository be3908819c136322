"""One publication interval of event time, and the rows that it has in every table. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from opendt_streams.model import times
from opendt_streams.model.canonical import canonical
from opendt_streams.model.decision import Alarm, Decision, Score
from opendt_streams.model.event import MAIN
from opendt_streams.model.power import PowerSample
from opendt_streams.model.result import Series, WindowResult
from opendt_streams.model.rounding import significant_sum
from opendt_streams.topology.ledger import Judged, Ledger, Verdict
from opendt_streams.topology.words import changes
from opendt_streams.twinlog import schemas
from opendt_streams.twinlog.measured import measured_w
from opendt_streams.twinlog.meters import Readings
from opendt_streams.twinlog.part import Part

_NANOSECONDS = 1_000_000  # per millisecond


@dataclass(frozen=True, slots=True)
class Interval:
    """What was said about (start, end]: the windows that start in it, the decision of its end, what the ledger gained up to that pin."""

    datacenter: str
    start_ms: int
    first_run_number: int
    first_window_ms: int | None
    sample_interval_ms: int
    results: tuple[WindowResult, ...]
    decision: Decision | None
    alarms: tuple[Alarm, ...]
    judged: tuple[Judged, ...]
    readings: Readings
    ledger: Ledger

    def parts(self, *, finished: bool = True) -> list[Part]:
        """One per table that has rows."""
        rows: dict[str, Iterator[dict[str, Any]]] = {
            schemas.AGG_RESULTS: self._agg_results(),
            schemas.RESULTS: self._results(),
            schemas.CLUSTERS: self._clusters(),
            schemas.CALIBRATION: self._calibration(),
            schemas.ALARMS: self._alarms(),
            schemas.TOPOLOGY: self._topology(),
            schemas.TELEMETRY: self._telemetry(),
        }
        tables = {name: pa.Table.from_pylist(list(found), schema=schemas.TABLES[name]) for name, found in rows.items()}
        return [Part(name, self.start_ms, table, finished) for name, table in tables.items() if table.num_rows]

    def _agg_results(self) -> Iterator[dict[str, Any]]:
        measured = self._measured_w()
        for number, result in enumerate(self.results, start=self.first_run_number):
            if result.total is None:
                continue
            total = result.total
            columns = (result.row_ms, total.power_w, total.energy_j, *_carbon(total))
            for row_ms, power_w, energy_j, intensity, carbon_g in zip(*columns, strict=True):
                yield {
                    "timestamp": row_ms * _NANOSECONDS,
                    "run_number": number,
                    "power_draw": power_w,
                    "energy_usage": energy_j,
                    "carbon_intensity": intensity,
                    "carbon_emission": carbon_g,
                    "cached": False,
                    "datacenter": self.datacenter,
                    "branch": result.branch,
                    "window_start": result.window_start_ms,
                    "topology_event": result.topology_event,
                    "measured_power_w": measured.get(row_ms),
                }

    def _measured_w(self) -> dict[int, float]:
        row_ms = [t for result in self.results if result.total is not None for t in result.row_ms]
        in_force = self.ledger.accepted(self.results[-1].topology_event) if self.results else None
        samples: list[PowerSample] = [*self.readings.samples, *self.readings.ahead]
        return measured_w(row_ms, samples, in_force.topology if in_force else None, self.sample_interval_ms)

    def _results(self) -> Iterator[dict[str, Any]]:
        for number, result in enumerate(self.results, start=self.first_run_number):
            total = result.total
            energy_j = significant_sum(total.energy_j) if total else None
            seconds = (result.window_end_ms - result.window_start_ms) / times.SECOND
            yield {
                "window_start": result.window_start_ms,
                "window_end": result.window_end_ms,
                "run_number": number,
                "datacenter": self.datacenter,
                "branch": result.branch,
                "topology_event": result.topology_event,
                "drain": result.drain,
                **{f"tasks_{name}": getattr(result.tasks, name) for name in schemas.TASK_FIELDS},
                "rows": len(result.row_ms),
                "mean_power_w": significant_sum([energy_j / seconds]) if energy_j is not None else None,
                "energy_j": energy_j,
                "carbon_g": significant_sum(total.carbon_g) if total and total.carbon_g is not None else None,
                "error": result.error,
            }

    def _clusters(self) -> Iterator[dict[str, Any]]:
        for result in self.results:
            carbon = [_carbon(cluster.series) for cluster in result.clusters]
            for row, row_ms in enumerate(result.row_ms):
                for index, cluster in enumerate(result.clusters):
                    intensity, carbon_g = carbon[index]
                    yield {
                        "timestamp": row_ms,
                        "datacenter": self.datacenter,
                        "branch": result.branch,
                        "window_start": result.window_start_ms,
                        "cluster_index": index,
                        "cluster": cluster.name,
                        "power_w": cluster.series.power_w[row],
                        "energy_j": cluster.series.energy_j[row],
                        "carbon_intensity_g_per_kwh": intensity[row],
                        "carbon_g": carbon_g[row],
                    }

    def _calibration(self) -> Iterator[dict[str, Any]]:
        if (decision := self.decision) is None:
            return
        discrepancy = decision.discrepancy
        yield {
            "instant": decision.instant_ms,
            "datacenter": self.datacenter,
            "method": decision.method,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "topology_event": decision.topology_event,
            "data_from": decision.data_from_ms,
            "data_until": decision.data_until_ms,
            "samples": decision.samples,
            "late_samples": decision.late_samples,
            **{k: v for name in schemas.SCORES for k, v in _score(name, getattr(decision, name)).items()},
            "interval_half_width": decision.interval_half_width,
            "discrepancy_offset_w": discrepancy.offset_w if discrepancy else None,
            "discrepancy_decay_per_hour": discrepancy.decay_per_hour if discrepancy else None,
            "parameters": canonical(decision.parameters).decode(),
            "estimate": canonical(decision.estimate).decode(),
        }

    def _alarms(self) -> Iterator[dict[str, Any]]:
        for alarm in self.alarms:
            yield {"time": alarm.time_ms, "datacenter": self.datacenter, "kind": alarm.kind, "text": alarm.text}

    def _topology(self) -> Iterator[dict[str, Any]]:
        for judged in self.judged:
            event = judged.event
            yield {
                "offset": judged.offset,
                "verdict": judged.verdict.value,
                "detail": judged.detail,
                "effective": self._effective_ms(judged),
                **{name: getattr(event, name) for name in ("id", "parent", "branch", "kind", "actor", "reason", "cause")},
                "changes": "\n".join(self._changes(judged)),
                "topology": canonical(event.topology).decode(),
            }

    def _effective_ms(self, judged: Judged) -> int | None:
        """Derived (PROTOCOL 5.4): the first instant whose decision pins an offset behind the event; the first window for the first."""
        if judged.verdict is not Verdict.ACCEPTED or judged.event.branch != MAIN:
            return None
        if judged.event.parent is None:
            return self.first_window_ms
        return self.decision.instant_ms if self.decision else None

    def _changes(self, judged: Judged) -> list[str]:
        accepted = self.ledger.accepted(judged.event.id)
        if accepted is None:
            return []  # what was rejected changed nothing; its topology may not even be valid
        parent = self.ledger.accepted(judged.event.parent or "")
        return changes(parent.topology if parent else None, accepted.topology)

    def _telemetry(self) -> Iterator[dict[str, Any]]:
        for sample in self.readings.samples:
            yield {
                "timestamp": sample.time_ms,
                "datacenter": self.datacenter,
                "cluster": sample.meter.cluster,
                "host_group": sample.meter.host_group,
                "power_w": sample.power_w,
            }


def _carbon(series: Series) -> tuple[Sequence[float | None], Sequence[float | None]]:
    """Intensity and carbon by row; None in every row where they are unknown."""
    unknown = [None] * len(series.power_w)
    return series.carbon_intensity_g_per_kwh or unknown, series.carbon_g or unknown


def _score(name: str, score: Score | None) -> dict[str, Any]:
    return {f"{name}_{field}": getattr(score, field) if score else None for field in schemas.SCORE_FIELDS}
