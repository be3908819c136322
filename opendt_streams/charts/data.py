"""What a run's report shows, out of a projection of its topics: in the shapes that the API has, so that the same script draws both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.task import Float64
from opendt_streams.projection.accuracy import accuracy
from opendt_streams.projection.datacenter import Datacenter, DeadLetter, Told
from opendt_streams.projection.documents import alarm_document, decision_document, host_group_names, letter_document
from opendt_streams.projection.series import Query, answer, iso_times
from opendt_streams.topology.documents import entry_summary

MOST_POINTS: Final = 750
MOST_ENTRIES: Final = 1_000  # of the ledger, of decisions, of dead letters: the newest; the twinning log has all
_STEPS_MS: Final = tuple(int(minutes * times.MINUTE) for minutes in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440))
_METRICS: Final = (
    *("simulated_power_w", "measured_power_w", "interval_low_w", "interval_high_w", "carbon_g", "carbon_intensity_g_per_kwh"),
    *("utilisation", "tasks_running", "tasks_queued"),
)
_OF_DECISION: Final = (
    *("instant", "outcome", "reason", "score_in_force", "score_before", "score_after", "interval_half_width", "parameters"),
)


def report_data(site: Datacenter, letters: Mapping[str, DeadLetter]) -> dict[str, Any]:
    """Series of the whole run in some hundred points, scores per publication interval, the newest entries of every list."""
    entries, decisions = site.history().entries, site.decisions
    counts = {"events": len(entries), "decisions": len(decisions), "alarms": len(site.alarms), "letters": len(letters)}
    return {
        **_series(site),
        "counts": counts,
        "host_groups": host_group_names(site.facts.head.topology if site.facts.head else None),
        "events": [entry_summary(entry) for entry in entries[-MOST_ENTRIES:][::-1]],
        "decisions": [_decision(told) for told in decisions[-MOST_ENTRIES:][::-1]],
        "alarms": [alarm_document(told) for told in list(site.alarms.values())[-MOST_ENTRIES:][::-1]],
        "letters": [letter_document(letter, brief=True) for letter in list(letters.values())[-MOST_ENTRIES:][::-1]],
    }


def _decision(told: Told) -> dict[str, Any]:
    """The members that are shown."""
    document = decision_document(told, brief=True)
    return {name: document.get(name) for name in _OF_DECISION}


def _series(site: Datacenter) -> dict[str, Any]:
    first_ms, newest_ms = site.progress.first_window_ms, site.progress.newest_end_ms
    if first_ms is None or newest_ms is None or not len(site.simulated.of[None]):
        return {"series": None, "accuracy": None}
    step_ms = next((step for step in _STEPS_MS if (newest_ms - first_ms) / step <= MOST_POINTS), _STEPS_MS[-1])
    found = answer(site, Query(_METRICS, first_ms, newest_ms, step_ms))
    scored = accuracy(site, first_ms - 1, newest_ms)
    return {
        "series": {
            "resolution_ms": step_ms,
            "from": first_ms,
            "to": newest_ms,
            "time": iso_times(found.time_ms),
            "columns": {name: _rounded(values) for name, values in found.columns.items()},
        },
        "accuracy": {
            "interval_seconds": site.grid.publish_every_ms / times.SECOND,
            "time": iso_times(scored.time_ms),
            "columns": {name: _rounded(values) for name, values in scored.columns.items()},
        },
    }


def _rounded(values: Float64) -> list[float | None]:
    """As many digits as anybody can see, whatever the size, and null for unknown."""
    return [None if np.isnan(value) else float(f"{value:.7g}") for value in values.tolist()]
