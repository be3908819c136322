"""The figures of a run, taken from its topics when it is over: the `--json` document of DESIGN section 9."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from opendt_streams.run.plan import Plan
from opendt_streams.run.supervisor import Supervisor
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.recorder import twinlog_folder
from opendt_streams.twinlog.digest import TopicDigest, twinlog_digest
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.score import RunFacts
from opendt_streams.twinlog.writer import TwinLog
from opendt_streams.wire import topics
from opendt_streams.wire.decode import file_name
from opendt_streams.wire.messages import Snapshot


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of wall time: until the first message was produced, and from there to the last result recorded."""

    startup_s: float
    wall_s: float


async def summarise(
    plan: Plan, deployment: Deployment, timing: Timing, supervisor: Supervisor, broker_restarts: int, *, complete: bool
) -> dict[str, object]:
    """Read the topics once: figures, digests; and merge the twinning log (with what is unfinished, where the run is not complete)."""
    facts = RunFacts(deployment.settings.grid)
    digests = {topic: TopicDigest() for topic in topics.TWIN_TOPICS}
    recorder = Recorder(plan.datacenter, deployment.settings.grid)
    dead_letters: set[str] = set()
    missing_traces: set[str] = set()
    async with LogReader(deployment.url, deployment.settings.kafka) as log:
        for partition in range(deployment.settings.kafka.partitions):
            for topic in Recorder.reads:
                async for record in log.read(topic, partition):
                    if deployment.datacenter_of(record.key) != plan.datacenter:
                        continue
                    message = record.message()
                    facts.take(topic, record.offset, message)
                    if topic in digests:
                        digests[topic].feed(plan.datacenter, record.offset, record.value, message)
                    if not complete:
                        recorder.step(topic, record.offset, message)
            async for record in log.read(topics.DEAD_LETTER, partition):
                dead_letters.add(record.headers.get("ce_id", str(record.offset)))
            missing_traces |= await _missing_traces(log, partition)
    twinlog = TwinLog(twinlog_folder(plan.run_dir))
    if not complete:
        twinlog.store([*recorder.take_parts(), *recorder.flush()])
    twinlog.merge()
    return _document(plan, timing, supervisor, broker_restarts, facts, len(dead_letters)) | {
        "warnings": [f"no dc.topology message carries the carbon trace {name}: its carbon is 0" for name in sorted(missing_traces)],
        "digests": {**{topic: digest.hexdigest() for topic, digest in digests.items()}, "twinlog": twinlog_digest(twinlog.folder)},
    }


async def _missing_traces(log: LogReader, partition: int) -> set[str]:
    """Carbon traces that a topology names and nobody sent: OpenDT's producers have no place for them in a message."""
    missing: set[str] = set()
    async for record in log.read(topics.PHYSICAL, partition):
        message = record.message()
        if isinstance(message, Snapshot):
            named = {c.carbon_trace for c in message.topology.clusters if c.carbon_trace is not None}
            missing |= {file_name(name) for name in named - set(message.carbon)}
    return missing


def _document(
    plan: Plan, timing: Timing, supervisor: Supervisor, broker_restarts: int, facts: RunFacts, dead_letters: int
) -> dict[str, Any]:
    found = asdict(facts.summary())
    restarts = supervisor.restarts() | ({"broker": broker_restarts} if broker_restarts else {})
    simulated_s = found["simulated_seconds"]
    return {
        "run": plan.run_dir.name,
        "run_dir": str(plan.run_dir),
        "datacenter": plan.datacenter,
        "engine": plan.settings.engine.name,
        "calibration": plan.settings.calibrator.method,
        "wall_seconds": round(timing.wall_s, 3),
        "startup_seconds": round(timing.startup_s, 3),
        "speedup": round(simulated_s / timing.wall_s, 1) if timing.wall_s > 0 else None,
        **found,
        "dead_letters": dead_letters,
        "restarts": sum(restarts.values()),
        "restarts_by_service": restarts,
        "peak_rss_mb": supervisor.peak_rss_mb(),
    }
