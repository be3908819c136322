"""The catalogue of messages: each kind's name, its models, and who writes and reads it on which topic (DESIGN section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from opendt_streams.wire import datacenter as dc
from opendt_streams.wire import headers as h
from opendt_streams.wire import system, topics, twin

DC_MOCK: Final = "dc-mock"
SIMULATOR: Final = "simulator"
CALIBRATOR: Final = "calibrator"
RECORDER: Final = "recorder"
PEOPLE: Final = "people"  # through the command line or the REST API

_PROVENANCE: Final = (h.CONFIG, h.INPUTS, h.LEDGER)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message.

    `tag` is the `message_type` that the value has besides the fields of its model; None where the model has it, or the value has none.
    `headers` are those that its readers rely on besides CloudEvents' own; `optional` those that some of its writers add.
    """

    name: str
    title: str
    model: TypeAdapter[Any]
    tag: str | None = None
    headers: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic: its kinds by who writes them, and who reads it. `observed`: a real datacenter's producers write it too."""

    topic: str
    text: str
    writers: dict[str, tuple[Kind, ...]]
    readers: tuple[str, ...] = ()
    observed: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(dict.fromkeys(kind for kinds in self.writers.values() for kind in kinds))


TASK: Final = Kind("task", "A task at its submission", TypeAdapter(dc.TaskMessage | dc.OpenDTTaskMessage))
HEARTBEAT: Final = Kind("heartbeat", "Time goes on", TypeAdapter(dc.HeartbeatMessage))
END: Final = Kind("end", "The end of a dc topic", TypeAdapter(dc.EndMessage))
POWER: Final = Kind("power", "Measured power", TypeAdapter(dc.PowerMessage | dc.PowerBatchMessage | dc.OpenDTPowerMessage))
SILENCE: Final = Kind("silence", "The meters fell silent", TypeAdapter(dc.SilenceMessage), headers=_PROVENANCE)
SNAPSHOT: Final = Kind("topology-snapshot", "The physical topology", TypeAdapter(dc.SnapshotMessage))
EVENT: Final = Kind(  # people start no service whose configuration they could name
    "topology-event", "A change of the simulated topology", twin.EVENT, headers=(h.INPUTS, h.LEDGER), optional=(h.CONFIG,)
)
RESULT: Final = Kind("window-result", "One simulated window", twin.RESULT, "window-result", _PROVENANCE)
RESULTS_END: Final = Kind("results-end", "The end of sim.results", twin.RESULTS_END, "end", _PROVENANCE)
DECISION: Final = Kind(
    "calibration-decision", "What one publication instant decided", twin.DECISION, "calibration-decision", (*_PROVENANCE, h.PIN, h.RESUME)
)
ALARM: Final = Kind("alarm", "Something that people should look at", twin.ALARM, "alarm", _PROVENANCE)
CALIBRATION_END: Final = Kind("calibration-end", "The end of sim.calibration", twin.CALIBRATION_END, "end", _PROVENANCE)
STARTED: Final = Kind("started", "A service of the twin starts", system.STARTED, "started", (h.CONFIG,))
DEAD_LETTER: Final = Kind("dead-letter", "A record that could not be processed", system.UNPROCESSED, "dead-letter", (h.CONFIG,))

CHANNELS: Final = (
    Channel(
        topics.WORKLOAD,
        "What the datacenter is asked to run. Heartbeats move its time; nothing follows `end`.",
        {DC_MOCK: (TASK, HEARTBEAT, END)},
        (SIMULATOR,),
        observed=True,
    ),
    Channel(
        topics.POWER,
        "What the meters say. Heartbeats and samples move its time.",
        {DC_MOCK: (POWER, HEARTBEAT, END), CALIBRATOR: (SILENCE,)},
        (CALIBRATOR, RECORDER),
        observed=True,
    ),
    Channel(
        topics.PHYSICAL,
        "What the datacenter consists of. A snapshot acts through the heartbeats on dc.workload that name it.",
        {DC_MOCK: (SNAPSHOT,)},
        (SIMULATOR,),
        observed=True,
    ),
    Channel(
        topics.LEDGER,
        "The ledger: immutable, hash-linked changes of the simulated topology, never compacted. The log's order arbitrates.",
        {SIMULATOR: (EVENT,), CALIBRATOR: (EVENT,), PEOPLE: (EVENT,)},
        (SIMULATOR, CALIBRATOR, RECORDER, PEOPLE),
    ),
    Channel(
        topics.RESULTS,
        "What the twin simulated, window by window. Readers keep the first record of an id.",
        {SIMULATOR: (RESULT, RESULTS_END)},
        (CALIBRATOR, RECORDER, DC_MOCK),
    ),
    Channel(
        topics.CALIBRATION,
        "What the calibrator decided, one decision per publication instant, and its alarms. Readers keep the first record of an id.",
        {CALIBRATOR: (DECISION, ALARM, CALIBRATION_END)},
        (SIMULATOR, CALIBRATOR, RECORDER),
    ),
    Channel(
        topics.CONFIG,
        "With which code and configuration each service of the twin speaks.",
        {SIMULATOR: (STARTED,), CALIBRATOR: (STARTED,), RECORDER: (STARTED,)},
        (SIMULATOR, CALIBRATOR, RECORDER),
    ),
    Channel(
        topics.DEAD_LETTER,
        "Records that could not be processed, with the reason. Written by the topic's primary consumer.",
        {SIMULATOR: (DEAD_LETTER,), CALIBRATOR: (DEAD_LETTER,)},
    ),
)

KINDS: Final = tuple(dict.fromkeys(kind for channel in CHANNELS for kind in channel.kinds))
