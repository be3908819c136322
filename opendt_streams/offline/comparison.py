"""Methods side by side: every method at every publication interval over one recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from opendt_streams.calibration.metrics import times_noise_floor
from opendt_streams.calibration.port import Method
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.offline.against_truth import TruthFigures, against_truth
from opendt_streams.offline.driving import drive
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.scoring import Figures, figures, persistence_figures
from opendt_streams.workload.truth.document import Truth


@dataclass(frozen=True, slots=True)
class Line:
    """One method at one interval; `truth` and the noise floor of the meter where they are known."""

    figures: Figures
    truth: TruthFigures | None = None
    noise_floor_percent: float | None = None

    @property
    def times_noise_floor(self) -> float | None:
        return times_noise_floor(self.figures.mape_percent, self.noise_floor_percent)

    def as_document(self) -> dict[str, Any]:
        return self._figures() | ({"truth": asdict(self.truth)} if self.truth is not None else {})

    def as_row(self) -> dict[str, Any]:
        """The same, flat: for a table. Of several steps and faults the worst."""
        row = self._figures()
        if (truth := self.truth) is not None:
            row |= {f"truth_{f.name.removeprefix('truth_')}": getattr(truth, f.name) for f in fields(truth) if f.name not in _LISTS}
            hours = [r.hours for r in truth.recoveries]
            row["truth_hours_to_recover"] = None if None in hours else max((h for h in hours if h is not None), default=None)
            samples = [f.recognised_after_samples for f in truth.faults]
            row["truth_recognised_after_samples"] = None if None in samples else max((s for s in samples if s is not None), default=None)
            row["truth_crept_percent"] = max((f.crept_percent for f in truth.faults), default=None)
        return row

    def _figures(self) -> dict[str, Any]:
        floor = {} if self.noise_floor_percent is None else {"times_noise_floor": self.times_noise_floor}
        return asdict(self.figures) | floor


_LISTS = ("recoveries", "faults", "mape_percent")


def compare(
    recording: Recording,
    methods: Sequence[str],
    publish_every_ms: Sequence[int],
    make: Callable[[str, int], Method],
    *,
    truth: Truth | None = None,
    noise_floor_percent: float | None = None,
    train_days: int = 0,
    delay_ms: int = 0,
    clock: Callable[[], float] = lambda: 0.0,
    progress: Callable[[float, str], None] = lambda _share, _what: None,
) -> list[Line]:
    """By interval, then method; last of each interval persistence. `make(name, interval)` gives the method.

    With `train_days` only the days after these are scored; methods go on learning in them, as they do in a twin.

    Raises:
        BadInput: the recording has no more than the days to train on, or the truth is that of another site.
        BadConfiguration: the recording's window does not divide an interval.
    """
    from_ms = recording.start_ms + train_days * times.DAY
    if from_ms >= recording.end_ms:
        raise BadInput(f"nothing is left to score after {train_days} days", expected=f"fewer days: there are {recording.days:.1f}")
    lines, done, total = list[Line](), 0, len(methods) * len(publish_every_ms)
    for every in publish_every_ms:
        for name in methods:
            what = f"{name}, {every / times.MINUTE:g} min"
            driven = drive(
                recording,
                make(name, every),
                every,
                delay_ms=delay_ms,
                clock=clock,
                progress=lambda share, done=done, what=what: progress((done + share) / total, what),  # type: ignore[misc]
            )
            judged = against_truth(recording, driven, truth) if truth else None
            lines.append(Line(figures(recording, driven, from_ms), judged, noise_floor_percent))
            done += 1
        lines.append(Line(persistence_figures(recording, every, from_ms), noise_floor_percent=noise_floor_percent))
    return lines
