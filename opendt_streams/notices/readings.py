"""Notices of dc.power: meters that measure nothing, and whether readings can be true of the hosts that were simulated at their time.

A reading is judged by the topology of its window, as scores do. So whichever of both topics is read first, the same follows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from difflib import get_close_matches

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.plausible import Draw, draw_of, measures_anything
from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.model.task import Float64
from opendt_streams.model.topology import Topology
from opendt_streams.notices.meter import Tally, clock, level, odd_readings
from opendt_streams.notices.notice import Notice, listed, many
from opendt_streams.notices.outcome import Outcome
from opendt_streams.topology.ledger import Ledger
from opendt_streams.windows.grid import Grid

COVERED = 0.5
"""Share of the windows below which the meters cover so little that it is said."""
MOST_CLOCKS = 50
"""Meters up to whose number the clock of each is looked at."""
_SHORTEST_STEP_MS = times.SECOND


class Readings:
    def __init__(self, grid: Grid, outcome: Outcome, ledger: Ledger) -> None:
        self._grid, self._outcome, self._ledger = grid, outcome, ledger
        self._of: dict[Meter, Tally] = {}
        self._draws: dict[tuple[str, Meter], Draw] = {}
        self._clocks: dict[Meter, tuple[tuple[int, int], Notice | None]] = {}  # worked out once an hour of event time, for what it costs
        self._right: set[Meter] = set()  # meters that measure something
        self._asked: set[Meter] = set()  # meters of which the first `_looked` events were asked
        self._looked = 0
        self.ended = False
        self.newest_ms: int | None = None  # watermark

    def take(self, samples: tuple[PowerSample, ...]) -> None:
        for sample in samples:
            tally = self._of.get(sample.meter)
            if tally is None:
                tally = self._of[sample.meter] = Tally(sample.meter)
            if tally.note(sample.time_ms, sample.power_w):
                self.reached(sample.time_ms)
                tally.waiting.append((sample.time_ms, sample.power_w))
        self._settle()

    def reached(self, time_ms: int) -> None:
        self.newest_ms = time_ms if self.newest_ms is None else max(self.newest_ms, time_ms)

    def settle(self) -> None:
        """Results or events came: judge what waited for them."""
        self._settle()

    def _settle(self) -> None:
        outcome = self._outcome
        if outcome.first_ms is None or outcome.end_ms is None:
            return
        for tally in self._of.values():
            while tally.waiting and self._judged(tally, *tally.waiting[0]):
                tally.waiting.popleft()

    def _judged(self, tally: Tally, time_ms: int, power_w: float) -> bool:
        outcome = self._outcome
        assert outcome.first_ms is not None and outcome.end_ms is not None
        if time_ms <= outcome.first_ms:
            tally.outside += 1
            return True
        if time_ms > outcome.end_ms or (can := self._draw_at(time_ms, tally.meter)) is None:
            return False
        tally.judge((time_ms - 1 - outcome.first_ms) // self._grid.window_ms, time_ms, power_w, can)
        return True

    def _draw_at(self, time_ms: int, meter: Meter) -> Draw | None:
        """What the meter's hosts can draw by the topology of the window; None while the ledger does not know it."""
        events = self._outcome.events
        at = max(bisect_right(events, time_ms - 1, key=lambda event: event[0]) - 1, 0)
        return self._draw(events[at][1], meter)

    def _draw(self, event: str, meter: Meter) -> Draw | None:
        found = self._draws.get((event, meter))
        if found is None:
            accepted = self._ledger.accepted(event)
            if accepted is None:
                return None
            self._draws = {key: draw for key, draw in self._draws.items() if key[0] != event} if len(self._draws) > 10_000 else self._draws
            found = self._draws[event, meter] = draw_of(meter, accepted.topology)
        return found

    # -- what follows ----------------------------------------------------------------------------------------------------

    def notices(self) -> Iterator[Notice]:
        known = [accepted.topology for accepted in self._ledger.main]
        new, self._looked = known[self._looked :], len(known)
        asked, self._asked = self._asked, set(self._of)
        for meter in self._of.keys() - self._right:
            if measures_anything(meter, new if meter in asked else known):
                self._right.add(meter)
        wrong = [meter for meter in self._of if known and meter not in self._right]
        for meter in wrong:
            yield _unknown(self._of[meter], known[-1])
        right = [tally for meter, tally in self._of.items() if meter not in wrong]
        for tally in right:
            yield from self._of_meter(tally)
        yield from self._presence(right, bool(wrong))

    def _of_meter(self, tally: Tally) -> Iterator[Notice]:
        found, simulated = None, self._outcome.mean_w.get(tally.meter.cluster)
        if simulated is not None and tally.meter.host_group is None:  # of host groups no result tells the power
            measured_w = tally.means(self._outcome.windows)
            found = level(tally, np.array(simulated), measured_w)
            off = self._clock(tally, measured_w) if found is None and len(self._of) <= MOST_CLOCKS else None
            yield from (notice for notice in (found, off) if notice is not None)
        ahead, head = Tally(tally.meter), self._ledger.head
        can = draw_of(tally.meter, head.topology) if head is not None and tally.waiting else None
        if can is not None:
            for time_ms, power_w in tally.waiting:
                ahead.judge(0, time_ms, power_w, can)
        yield from odd_readings(tally, ahead, believed=found is None)
        if tally.outside or (self._outcome.ended and tally.waiting):
            count = tally.outside + (len(tally.waiting) if self._outcome.ended else 0)
            span = f"{times.iso(self._outcome.first_ms or 0)} to {times.iso(self._outcome.end_ms or 0)}"
            yield Notice(
                "power-outside",
                f"{many(count, 'reading')} of the {tally.of} lie outside of what was simulated ({span}): they are compared with nothing.",
                "Compare the times of the meter with those of heartbeats and tasks.",
                count,
                tally.first_ms,
                tally.meter.name,
            )

    def _clock(self, tally: Tally, measured_w: Float64) -> Notice | None:
        """Of the hours that both have said all about, so that asking in between changes nothing."""
        outcome, every = self._outcome, max(1, self._grid.publish_every_ms // self._grid.window_ms)
        settled = min(outcome.windows, max(len(tally.samples) - 1, 0)) // every * every
        part = outcome.windows if outcome.ended else settled
        key = part, tally.count if outcome.ended else 0
        known = self._clocks.get(tally.meter)
        if known is None or known[0] != key:
            demand = np.array(outcome.demand[tally.meter.cluster])
            known = self._clocks[tally.meter] = key, clock(tally, demand[:part], measured_w[:part], self._grid.window_ms)
        return known[1]

    def _presence(self, tallies: Collection[Tally], wrong: bool) -> Iterator[Notice]:
        """Whether anything measures these hosts, and how much of the time."""
        outcome = self._outcome
        if outcome.first_ms is None or outcome.end_ms is None:
            return
        heard = outcome.ended or self.ended or outcome.end_ms > self._grid.first_instant(outcome.first_ms)
        if not self._of:
            if heard:
                yield Notice(
                    "no-power",
                    "No power was measured: nothing is scored, and the parameters are those of the datasheets.",
                    "Give a consumption.parquet, or send readings to dc.power.",
                    1,
                    outcome.first_ms,
                )
            return
        if wrong and not tallies:
            return
        until_ms = outcome.end_ms if self.ended or outcome.ended else min(outcome.end_ms, self.newest_ms or outcome.first_ms)
        windows = (until_ms - outcome.first_ms) // self._grid.window_ms
        data = ~np.array(outcome.drained[:windows], dtype=np.bool_)
        read = np.zeros(len(data), dtype=np.bool_)
        for tally in tallies:
            n = min(len(read), len(tally.samples))
            read[:n] |= np.array(tally.samples[:n]) > 0
        covered, of = int((read & data).sum()), int(data.sum())
        possible = sum(t.count - t.impossible.count for t in tallies)
        if of and covered < COVERED * of and possible:
            yield _coverage(tallies, covered, of, outcome.busy_ms)


def _unknown(tally: Tally, topology: Topology) -> Notice:
    meter, clusters = tally.meter, list(dict.fromkeys(c.name for c in topology.clusters))
    if meter.cluster is not None and meter.cluster not in clusters:
        name, known, what = meter.cluster, clusters, "cluster"
    else:
        own = [c for c in topology.clusters if meter.cluster in (None, c.name)]
        name, known, what = meter.host_group or "", list(dict.fromkeys(g.name for c in own for g in c.host_groups)), "host group"
    near = [k for k in known if k.casefold().strip() == name.casefold().strip()] or get_close_matches(name, known, 1)
    return Notice(
        "meter-unknown",
        f'The meter {meter.name} measures nothing: there is no {what} "{name}". The {what}s that there are: {listed(known, 20)}. '
        f"{many(tally.count, 'reading')} of it {'is' if tally.count == 1 else 'are'} not compared with anything.",
        (f'Call it "{near[0]}"' if near else f"Name one of these {what}s") + ", or leave the meter's fields out for the whole datacenter.",
        tally.count,
        tally.first_ms,
        meter.name,
    )


def _coverage(tallies: Collection[Tally], covered: int, of: int, busy_ms: tuple[int, int] | None) -> Notice:
    first_ms, last_ms = min(t.first_ms for t in tallies), max(t.newest_ms or t.first_ms for t in tallies)
    steps = [t.shortest_ms for t in tallies if t.shortest_ms is not None]
    text = f"The meters cover {covered:,} of {many(of, 'window')} ({100 * covered / of:.1f} %): "
    text += f"their readings are of {times.iso(first_ms)} to {times.iso(last_ms)}"
    apart = busy_ms is not None and (first_ms > busy_ms[1] or last_ms <= busy_ms[0])
    if busy_ms is not None:
        text += f", tasks ran from {times.iso(busy_ms[0])} to {times.iso(busy_ms[1])}"
    if steps and min(steps) < _SHORTEST_STEP_MS:
        text += f"; they are {min(steps)} ms apart: seconds where milliseconds belong?"
    action = "Compare the times of the meters with those of the tasks: time zone, unit (milliseconds), beginning."
    return Notice("power-coverage", text + ("" if text.endswith("?") else "."), action, of - covered, first_ms if apart else None)
