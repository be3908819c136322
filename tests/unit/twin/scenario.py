"""A random datacenter: everything it says on its three topics, in the order in which it says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from tests.unit.twin import said
from tests.unit.twin.said import T0, S
from tests.unit.twin.stubs import MOODY, NAMED, NEVER_FITS, POISON

GRID: Final = Grid(window_ms=2 * S, sample_interval_ms=S, publish_every_ms=6 * S, max_jump_ms=30 * S, dedup_horizon_ms=12 * S)
EVERY: Final = GRID.publish_every_ms // S


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong in a world. `paced`: the producer waits for results; `unnamed`: heartbeats name no snapshot."""

    redeliver: bool = False
    crash: bool = False
    double: bool = False
    edit: bool = False
    silence: bool = False
    unnamed: bool = False
    paced: bool = False
    garbage: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One message: when (seconds after T0, by the producer's own clock), on which topic, which bytes."""

    at_s: int
    topic: str
    value: bytes


@dataclass(slots=True)
class Scenario:
    stream: list[Said] = field(default_factory=list)
    off: bool = False  # no calibration


def scenario(rng: Random, instants: int, faults: Faults) -> Scenario:
    """A datacenter of about so many publication instants."""
    return Scenario(_Datacenter(rng, instants, faults).speak(), off=rng.random() < 0.25)


class _Datacenter:
    def __init__(self, rng: Random, instants: int, faults: Faults) -> None:
        self.rng, self.faults = rng, faults
        self.begin = rng.choice([0, EVERY, 1, 2, EVERY - 1, 5 * EVERY + 3])
        self.stop = self.begin + instants * EVERY + rng.randrange(EVERY)
        self.out: list[Said] = []
        self.odd = rng.random() < 0.6
        self.poisoned = rng.random() < 0.15
        self.constant = rng.random() < 0.3
        self.powered = rng.random() < 0.8
        self.opendt = rng.random() < 0.2
        self.outage = rng.randrange(self.begin, self.stop) if not faults.paced and rng.random() < 0.15 else None
        self.pulse = rng.choice([1, 2, 3, EVERY, EVERY + 3])
        self.names = 0
        self.jump_s = 0
        self.batch: list[tuple[int, float]] = []

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def oddly(self, probability: float) -> bool:
        return self.odd and self.chance(probability)

    def say(self, t: int, topic: str, value: bytes) -> None:
        self.out.append(Said(t, topic, value))

    def time_ms(self, t: int) -> int:
        return T0 + (t + self.jump_s) * S

    def speak(self) -> list[Said]:
        rng, begin, stop = self.rng, self.begin, self.stop
        ends = {topic: stop if self.chance(0.7) else rng.randrange(begin, stop) for topic in (topics.WORKLOAD, topics.POWER)}
        if self.chance(0.1) and not self.faults.paced:  # dc-mock refuses an invalid topology at its start, other producers may not
            self.say(begin, topics.PHYSICAL, self._invalid_snapshot(begin))
        self.hardware = said.topology(2)
        self.snapshot = said.snapshot(self.time_ms(begin), self.hardware)
        self.say(begin, topics.PHYSICAL, self.snapshot)
        for t in range(begin, stop + 1):
            if t == self.outage:
                self.jump_s = 45
            self._hardware(t)
            if (t - begin) % self.pulse == 0 and (t > begin or self.chance(0.7)):
                back = rng.randrange(4) if self.oddly(0.1) else 0
                named = None if self.faults.unnamed and self.chance(0.8) else self.snapshot
                self.say(t, topics.WORKLOAD, said.heartbeat(self.time_ms(t - back), named, opendt=self.opendt))
            self._tasks(t)
            self._power(t)
            self._noise(t)
            for topic, end in ends.items():
                if t == end:
                    self.say(t, topic, said.END)
        return self._silenced()

    def _invalid_snapshot(self, t: int) -> bytes:
        broken = self.rng.choice([said.topology(0), {"clusters": []}, said.topology(1, idle_w=-4)])
        return said.snapshot(self.time_ms(t), broken)

    def _hardware(self, t: int) -> None:
        rng = self.rng
        if not self.constant and self.chance(0.12):
            if self.odd and not self.faults.paced and self.chance(0.3):
                self.snapshot = self._invalid_snapshot(t)
            else:
                self.hardware = said.topology(
                    rng.randrange(1, 4),
                    idle_w=rng.choice([50.0, 50.0, 60.5]),
                    group=rng.choice(["H", "H", "H2"]),
                    extra_groups=rng.randrange(2),
                    carbon_path="/mnt/c.parquet" if self.chance(0.4) else None,
                )
                self.snapshot = self._snapshot(t)
            self.say(t, topics.PHYSICAL, self.snapshot)
        elif self.chance(0.1):
            if not self.constant and self.chance(0.5):  # other bytes: another time, perhaps other carbon
                self.snapshot = self._snapshot(t)
            self.say(t, topics.PHYSICAL, self.snapshot)

    def _snapshot(self, t: int) -> bytes:
        carbon = {"c.parquet": {"timestamp_ms": [0], "intensity_g_per_kwh": [self.rng.choice([10.0, 20.5])]}}
        return said.snapshot(self.time_ms(t), self.hardware, carbon if self.chance(0.8) else None)

    def _tasks(self, t: int) -> None:
        rng = self.rng
        for _ in range(rng.randrange(3)):
            self.names += 1
            shift = rng.choice([-9, -4, -1, 3, 8, 40, 70]) if self.oddly(0.3) else 0
            name = rng.randrange(self.names) if self.oddly(0.2) else self.names
            memory = rng.choice([POISON, MOODY, MOODY, NAMED]) if self.poisoned and self.chance(0.1) else 0
            value = said.task(
                name,
                max(T0, self.time_ms(t + shift)) + rng.choice([0, 0, 250, 999]),
                rng.choice([1, 2, 3, 5, 9]) * S,
                cpu_count=NEVER_FITS if self.oddly(0.1) else 1,
                mem_capacity=memory,
                empty=self.chance(0.05),
                opendt=self.opendt,
            )
            for _ in range(2 if self.oddly(0.15) else 1):
                self.say(t, topics.WORKLOAD, value)

    def _power(self, t: int) -> None:
        rng = self.rng
        if self.powered:
            back = rng.randrange(8) if self.oddly(0.1) else 0
            self.batch += [(max(T0, self.time_ms(t - back)), float(rng.randrange(100)))] * (2 if self.oddly(0.1) else 1)
        if self.batch and self.chance(0.5):
            cluster = "C" if self.oddly(0.1) else None
            self.say(t, topics.POWER, said.power(self.batch, cluster, opendt=self.opendt))
            self.batch = []
        if self.chance(0.3) or (self.faults.paced and (t - self.begin) % EVERY == 0):
            self.say(t, topics.POWER, said.heartbeat(self.time_ms(t + (50 if self.oddly(0.05) else 0))))

    def _noise(self, t: int) -> None:
        """Bytes that are no message."""
        if self.faults.garbage and self.chance(0.08):
            topic = self.rng.choice(topics.DATACENTER_TOPICS)
            self.say(
                t,
                topic,
                self.rng.choice([b"", b"{", b"[]", b'{"message_type":"nonsense"}', b'{"message_type":"heartbeat","timestamp":"x"}']),
            )

    def _silenced(self) -> list[Said]:
        """Perhaps dc.power breaks off, without its `end`."""
        if not self.faults.silence or not self.chance(0.7):
            return self.out
        cut = self.rng.randrange(self.begin, self.stop)
        return [x for x in self.out if x.topic != topics.POWER or x.at_s < cut]
