"""The figures of a run, taken from its topics when it is over: the `--json` document of DESIGN section 9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from opendt_streams.audit.evidence import Evidence
from opendt_streams.model import times
from opendt_streams.notices.notice import Notice, many
from opendt_streams.projection.datacenter import Datacenter, dead_letters
from opendt_streams.run.plan import Plan
from opendt_streams.run.shadow import read_shadow
from opendt_streams.run.supervisor import Supervisor
from opendt_streams.twinlog.digest import TopicDigest, twinlog_digest
from opendt_streams.twinlog.recorder import Recorder
from opendt_streams.twinlog.writer import TwinLog, twinlog_folder
from opendt_streams.wire import topics


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
    for topic in (topics.PHYSICAL, topics.WORKLOAD):
        for record in evidence.own(topic):
            site.take(record)
    letters = dead_letters(evidence.own(topics.DEAD_LETTER))
    for letter in letters.values():
        site.letter(letter.topic, letter.place, letter.reason)
    document = _document(plan, timing, supervisor, broker_restarts, site, len(letters))
    known = sorted([*site.warnings, *_restarts(document["restarts_by_service"])], key=lambda notice: notice.place)
    return document | {
        "warnings": [notice.document() for notice in known],
        "digests": {**{topic: digest.hexdigest() for topic, digest in digests.items()}, "twinlog": twinlog_digest(twinlog.folder)},
    }


def _restarts(by_service: Mapping[str, int]) -> list[Notice]:
    """What only the supervisor knows."""
    return [
        Notice(
            "restarted",
            f"{name} died {many(count, 'time')} and was started again: the results are the same, but it took longer.",
            f"logs/{name}.log says why.",
            count,
            None,
            name,
        )
        for name, count in sorted(by_service.items())
        if count
    ]


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
