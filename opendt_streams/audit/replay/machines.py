"""The machines of a replay: those of the live twin, as the settings in its log describe them (PROTOCOL section 3)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from opendt_streams.assembly import new_simulator, require_engine, restore_calibrator
from opendt_streams.audit.evidence import RUN_FILE, Evidence
from opendt_streams.audit.finding import Finding, place
from opendt_streams.audit.replay.snapshots import Snapshots, calibrator_at
from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.opendc.installation import VARIABLE
from opendt_streams.errors import Unavailable
from opendt_streams.settings import Settings, load, of_document
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.machine import Machine
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.unanswered import NONE, Unanswered, unanswered_windows
from opendt_streams.version import code_version
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import topics
from opendt_streams.wire.system import Started, read_started, started_value


@dataclass(frozen=True, slots=True)
class Machines:
    """How to make each machine new, or `resume` one (by name) that has computed nothing after a time, with the time it goes on from.

    `code_versions`: which code wrote the records; `findings`: what is wrong with what it said of itself; `unanswered`: the windows that
    are taken over from the record, since the engine gave no answer then.
    """

    grid: Grid
    make: Mapping[str, Callable[[], Machine]]
    settings: Settings
    resume: Callable[[str, int], tuple[int, Machine] | None] = lambda _name, _time_ms: None
    code_versions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    unanswered: Unanswered = field(default_factory=dict)

    @property
    def other_code(self) -> str | None:
        """The code that wrote the records, where it is not the one that replays them."""
        return next((v for v in self.code_versions if v != code_version()), None)


def logged_machines(evidence: Evidence, snapshots: Path | None = None) -> Machines:
    """From the first `started` record of each deciding service; the settings in the run folder stand in where there is none.

    `snapshots`: the folder in which an earlier replay left simulators.

    Raises:
        BadConfiguration: this version cannot understand the logged settings.
    """
    first: dict[str, Started] = {}
    findings: list[Finding] = []
    versions: dict[str, None] = {}
    for record in evidence.own(topics.CONFIG):
        started = read_started(record.value)
        if started is None:
            continue
        where = place(record.topic, record.partition, record.offset)
        if _digest_of(started) != started.id:
            findings.append(Finding(where, f"the `started` record of {started.service} is not what its id says", "configuration", "id"))
            continue
        before = first.setdefault(started.service, started)
        versions[started.code_version] = None
        if before.deciding != started.deciding:
            findings.append(Finding(where, f"{started.service} went on with settings other than its first", "configuration", "deciding"))
    datacenter = evidence.info.datacenter
    logged, calibrates = (_settings(first.get(name), evidence, findings) for name in (Simulator.name, Calibrator.name))
    here = cache(lambda: on_this_machine(logged))  # only who simulates needs the engine
    unanswered = NONE if logged.engine.name == NATIVE.name else unanswered_windows(r.message() for r in evidence.own(topics.RESULTS))
    return Machines(
        grid=logged.grid,
        make={
            Simulator.name: lambda: new_simulator(datacenter, here(), unanswered=unanswered),
            Calibrator.name: lambda: restore_calibrator(datacenter, calibrates),
        },
        settings=logged,
        resume=lambda name, time_ms: _resume(name, time_ms, evidence, here, calibrates, snapshots),
        code_versions=tuple(versions),
        findings=tuple(findings),
        unanswered=unanswered,
    )


def on_this_machine(logged: Settings) -> Settings:
    """What a run says of everything that decides, with the real OpenDC where this machine has it, or else where the run had it.

    Raises:
        Unavailable: the real OpenDC simulated the run, and is not here.
    """
    if logged.engine.name == NATIVE.name:
        return logged
    here = load().settings.engine.opendc
    if here.home is None and VARIABLE not in os.environ:
        here = here.model_copy(update={"home": logged.engine.opendc.home})
    settings = logged.model_copy(update={"engine": logged.engine.model_copy(update={"opendc": here})})
    try:
        require_engine(settings)
    except Unavailable as error:
        raise Unavailable(f"the real OpenDC simulated this run, so a replay needs it: {error}") from None
    return settings


def _resume(
    name: str, time_ms: int, evidence: Evidence, here: Callable[[], Settings], calibrates: Settings, snapshots: Path | None
) -> tuple[int, Machine] | None:
    if name == Calibrator.name:
        return calibrator_at(time_ms, evidence, calibrates)
    return Snapshots(snapshots, evidence, here()).simulator(time_ms) if snapshots is not None else None


def _digest_of(started: Started) -> str:
    return str(started_value(started)["id"])


def _settings(started: Started | None, evidence: Evidence, findings: list[Finding]) -> Settings:
    if started is None:
        findings.append(Finding(topics.CONFIG, "no `started` record says with which settings the twin spoke", "configuration"))
        return of_document(evidence.info.settings, RUN_FILE)
    return of_document(started.settings, f"the `started` record of {started.service}")
