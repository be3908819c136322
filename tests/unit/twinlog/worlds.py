"""Topics of random runs, with everything that goes wrong in them, and ways of reading them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from random import Random

from opendt_streams.twinlog.part import Part
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.wire import topics
from opendt_streams.wire.messages import Message
from tests.unit.twin.logs import DATACENTER, Logs
from tests.unit.twin.scenario import GRID, Faults, scenario
from tests.unit.twin.world import World

EVERYTHING = Faults(redeliver=True, crash=True, double=True, edit=True, silence=True, garbage=True)


@lru_cache(maxsize=16)
def logs_of(seed: int, faults: Faults = EVERYTHING, instants: int = 4) -> Logs:
    """The topics after a random run."""
    rng = Random(seed)
    world = World(scenario(rng, instants, faults))
    assert world.run(rng, faults)
    return world.logs


def reading(logs: Logs, rng: Random, start: dict[str, int] | None = None) -> Iterator[tuple[str, int, Message]]:
    """All messages in order within each topic, the topics interleaved at random, some messages twice."""
    at = {topic: (start or {}).get(topic, 0) for topic in Recorder.reads}
    favourite = rng.choice(Recorder.reads)
    while left := [t for t in at if at[t] < len(logs[t])]:
        if rng.random() < 0.05:
            favourite = rng.choice(Recorder.reads)
        topic = favourite if favourite in left and rng.random() < 0.9 else rng.choice(left)
        yield topic, at[topic], logs[topic][at[topic]].message
        at[topic] += 1
        if rng.random() < 0.05:
            at[topic] -= min(at[topic], rng.randrange(4))


def by_topic(logs: Logs) -> Iterator[tuple[str, int, Message]]:
    """One topic after the other, as a rebuild may read them."""
    for topic in Recorder.reads:
        for offset, record in enumerate(logs[topic]):
            yield topic, offset, record.message


def recorded(messages: Iterator[tuple[str, int, Message]]) -> tuple[list[Part], Recorder]:
    recorder, parts = Recorder(DATACENTER, GRID), []
    for message in messages:
        recorder.step(*message)
        parts += recorder.take_parts()
    return parts, recorder


def ledger_of(logs: Logs) -> list[tuple[int, Message]]:
    return [(offset, record.message) for offset, record in enumerate(logs[topics.LEDGER])]
