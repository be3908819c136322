"""What the calibrator decided, as series at its publication instants: scores of the hour that ends there, parameters from there on."""

from __future__ import annotations

from typing import Final

from opendt_streams.model.decision import Decision, Score
from opendt_streams.projection.columns import Columns

SCORES: Final = ("mape_percent", "persistence_mape_percent", "bias_percent", "cvrmse_percent", "share_under_10_percent")
_DECIDED: Final = ("calibrated", "kept", "samples", "late_samples", "interval_half_width_percent", "bound", "telemetry")


class Hourly:
    """`parameters`: numbers in force from an instant on, by host group ("cluster index/host entry index") and name as the ledger has it.

    `bound` and `telemetry` are 1 while an alarm of that kind stands, whether or not it was given at that very instant.
    """

    def __init__(self) -> None:
        self.scores, self.decided = Columns(*SCORES), Columns(*_DECIDED)
        self.parameters: dict[tuple[str, str], Columns] = {}
        self.alarm_ms: list[int] = []

    def take(self, decision: Decision) -> None:
        """The first decision of an instant."""
        instant_ms = decision.instant_ms
        self.scores.insert(instant_ms, [_value(decision.score_in_force, name) for name in SCORES])
        calibrated, half_width = decision.outcome == "calibrated", decision.interval_half_width
        standing = alarms_standing(decision)
        row = (
            calibrated,
            not calibrated,
            decision.samples,
            decision.late_samples,
            100 * half_width if half_width is not None else float("nan"),
            "bound" in standing,
            "telemetry" in standing,
        )
        self.decided.insert(instant_ms, [float(value) for value in row])
        for group, parameters in decision.parameters.items():
            for name, value in parameters.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    self.parameters.setdefault((group, name), Columns("value")).insert(instant_ms, [float(value)])


def alarms_standing(decision: Decision) -> tuple[str, ...]:
    """Kinds of alarm that the calibrator has given and not taken back (its estimate says so)."""
    kinds = decision.estimate.get("alarmed")
    return tuple(str(kind) for kind in kinds) if isinstance(kinds, list | tuple) else ()


def _value(score: Score | None, name: str) -> float:
    value = getattr(score, name) if score is not None else None
    return float("nan") if value is None else float(value)
