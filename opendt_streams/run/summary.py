"""The figures of a run, taken from its topics when it is over: the `--json` document of DESIGN section 9."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from opendt_streams.audit.evidence import Evidence
from opendt_streams.model import times
from opendt_streams.projection.datacenter import Datacenter
from opendt_streams.run.plan import Plan
from opendt_streams.run.shadow import read_shadow
from opendt_streams.run.supervisor import Supervisor
from opendt_streams.twinlog.digest import TopicDigest, twinlog_digest
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.writer import TwinLog, twinlog_folder
from opendt_streams.wire import topics
from opendt_streams.wire.decode import file_name
from opendt_streams.wire.headers import ID
from opendt_streams.wire.messages import Snapshot


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of wall time: until the first message was produced, and from there to the last result recorded.

    `began_ms`: the wall time of that message.
    """

    startup_s: float
    wall_s: float
    began_ms: int


def summarise(
    plan: Plan, evidence: Evidence, timing: Timing, supervisor: Supervisor, broker_restarts: int, site: Datacenter, *, complete: bool
) -> dict[str, object]:
    """Figures, digests, warnings; and merge the twinning log (with what is unfinished, where the run is not complete).

    `site` hears all records on the way: what reports are made of.
    """
    recorder = Recorder(plan.datacenter, plan.settings.grid)
    digests = {topic: TopicDigest() for topic in topics.TWIN_TOPICS}
    for topic in Recorder.reads:
        for record in evidence.own(topic):
            message = record.message()
            site.hear(record, message)
            if topic in digests:
                digests[topic].feed(plan.datacenter, record.offset, record.value, message)
            if not complete:
                recorder.step(topic, record.offset, message)
    twinlog = TwinLog(twinlog_folder(plan.run_dir))
    if not complete:
        twinlog.store([*recorder.take_parts(), *recorder.flush()])
    twinlog.merge()
    dead_letters = {record.headers.get(ID, str(record.offset)) for record in evidence.own(topics.DEAD_LETTER)}
    return _document(plan, timing, supervisor, broker_restarts, site, len(dead_letters)) | {
        "warnings": [f"no dc.topology message carries the carbon trace {name}: its carbon is 0" for name in _missing_traces(evidence)],
        "digests": {**{topic: digest.hexdigest() for topic, digest in digests.items()}, "twinlog": twinlog_digest(twinlog.folder)},
    }


def _missing_traces(evidence: Evidence) -> list[str]:
    """Carbon traces that a topology names and nobody sent: OpenDT's producers have no place for them in a message."""
    missing: set[str] = set()
    for record in evidence.own(topics.PHYSICAL):
        message = record.message()
        if isinstance(message, Snapshot):
            named = {c.carbon_trace for c in message.topology.clusters if c.carbon_trace is not None}
            missing |= {file_name(name) for name in named - set(message.carbon)}
    return sorted(missing)


def _document(
    plan: Plan, timing: Timing, supervisor: Supervisor, broker_restarts: int, site: Datacenter, dead_letters: int
) -> dict[str, Any]:
    found = asdict(site.facts.summary())
    restarts = supervisor.restarts() | ({"broker": broker_restarts} if broker_restarts else {})
    # The drain stands apart in wall time as well.
    data_wall_s = ((site.progress.data_recorded_ms or timing.began_ms) - timing.began_ms) / times.SECOND
    return {
        "run": plan.run_dir.name,
        "run_dir": str(plan.run_dir),
        "datacenter": plan.datacenter,
        "engine": plan.settings.engine.name,
        "calibration": plan.settings.calibrator.method,
        "wall_seconds": round(timing.wall_s, 3),
        "startup_seconds": round(timing.startup_s, 3),
        "speedup": round(found["simulated_seconds"] / data_wall_s, 1) if data_wall_s > 0 else None,
        **found,
        "noise_floor_percent": plan.noise_floor_percent,
        "dead_letters": dead_letters,
        "restarts": sum(restarts.values()),
        "restarts_by_service": restarts,
        "peak_rss_mb": supervisor.peak_rss_mb(),
        "shadow": read_shadow(plan.run_dir),
    }
